"""Opening: what `remit.open` takes, and what it says where something is not there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import remit
from remit import BadInput, Unavailable
from remit.core.classify.classification import Team
from remit.core.routes import RouteSettings
from remit.settings import Settings
from remit.store.triage import backlog
from remit.testing import small_refunds
from remit.wiring import open_routes, open_store, read_text, store_path

REFUND = Path(__file__).parent.parent / "examples" / "envelopes" / "refund.yaml"


def settings(folder: Path) -> Settings:
    return Settings(home=str(folder / "home"))


def test_the_words_of_the_contract_work_from_the_first_line_to_the_last(tmp_path: Path) -> None:
    paid: list[dict[str, Any]] = []

    def refund_payment(order_id: str, amount: int) -> dict[str, str]:
        paid.append({"order_id": order_id, "amount": amount})
        return {"refund_id": "R-1"}

    with remit.open(str(REFUND), store=f"sqlite:///{tmp_path / 'remit.db'}", approval_wait_s=0) as guard:  # noqa: SIM117 - as users write it
        with guard.session(
            user_input="please refund O-1",
            principal="customer-17",
            principal_kind="customer",
            id=None,
            facts={"customer_id": "17"},
            fingerprint={"model": "m", "prompt": "p", "config": "c"},
        ) as s:
            s.observe("assistant", "I will look it up")
            s.observe("tool", "nothing of note", source="web_search")
            s.call("get_order", {"order_id": "O-1"}, run=lambda order_id: "O-1 cost 1200")
            assert s.check("refund_payment", {"order_id": "O-1", "amount": 1200}).result == "allow"
            result = s.call("refund_payment", {"order_id": "O-1", "amount": 1200}, run=refund_payment)
            with pytest.raises(remit.CallDenied) as no:
                s.call("refund_payment", {"order_id": "O-1", "amount": 1200}, run=refund_payment)
            assert no.value.decision.clauses == ("refund_payment.once-per-order",)
            assert s.finish("refunded") == "refunded"
    assert result == {"refund_id": "R-1"}
    assert paid == [{"order_id": "O-1", "amount": 1200}]


@pytest.mark.parametrize(
    ("store", "found"),
    [
        ("remit.db", "use sqlite:///remit.db"),
        ("sqlite:///", "use sqlite:///remit.db"),
        ("postgresql://h/db", "PostgreSQL is not supported"),
        (5, "found int"),
    ],
)
def test_a_malformed_address_is_refused(tmp_path: Path, store: Any, found: str) -> None:
    with pytest.raises(BadInput, match=found):
        remit.open(small_refunds(), store=store, settings=settings(tmp_path))


def test_an_address_names_a_file_or_memory() -> None:
    assert store_path("memory:") is None
    assert store_path("sqlite:///remit.db") == Path("remit.db")
    assert store_path("sqlite:////var/remit.db") == Path("/var/remit.db")


def test_an_envelope_must_be_there_be_text_and_be_small(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        remit.open(tmp_path / "none.yaml")
    with pytest.raises(BadInput, match="cannot be read"):
        remit.open(tmp_path)
    with pytest.raises(BadInput, match="found int"):
        remit.open(5)  # type: ignore[arg-type]
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 4_000_001)
    with pytest.raises(BadInput, match="more than 4000000 bytes"):
        read_text(large)
    large.write_bytes(b"\xff")
    with pytest.raises(BadInput, match="not UTF-8"):
        read_text(large)


def test_an_envelope_whose_own_tests_fail_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "refund.yaml"
    file.write_text(REFUND.read_text().replace("expect: {result: allow}", "expect: {result: deny}"))
    with pytest.raises(BadInput, match="expected deny, got allow"):
        remit.open(file)


def test_a_store_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such store"):
        open_store(f"sqlite:///{tmp_path / 'remit.db'}", settings(tmp_path), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "remit.db"
    file.write_bytes(b"my thesis, do not delete" * 100)
    with pytest.raises((BadInput, Unavailable), match="not an SQLite database"):
        remit.open(small_refunds(), store=f"sqlite:///{file}", settings=settings(tmp_path))
    assert file.read_bytes().startswith(b"my thesis")


def test_what_opening_began_is_closed_where_it_fails(tmp_path: Path) -> None:
    for wrong in ({"tenant": ""}, {"approval_wait_s": -1}):
        with pytest.raises(BadInput):
            remit.open(small_refunds(), store="memory:", settings=settings(tmp_path), **wrong)


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-reserve"])
def test_no_route_leads_into_a_file_of_the_store(tmp_path: Path, end: str) -> None:
    settings = Settings(home=str(tmp_path / "home"))
    with open_store(f"sqlite:///{tmp_path}/r.db", settings) as store:
        route = RouteSettings("log", "json", f"file:{tmp_path}/folder/../r.db{end}", (Team.SRE,))
        (tmp_path / "folder").mkdir()
        with pytest.raises(BadInput, match=r"routes\.log\.to: is a file of the store itself"):
            open_routes(store, [route])
        open_routes(store, [replace(route, target=f"file:{tmp_path}/log.jsonl")])


def test_a_guard_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        remit.open(small_refunds(), store="memory:", allow_volatile=True) as guard,
        guard.session() as session,
    ):
        assert session.call("note", {"text": "x"}, run=lambda text: text) == "x"
        with pytest.raises(remit.ApprovalRequired):
            guard.approval_wait_s = 0
            session.call("refund", {"amount": 30}, run=lambda amount: None)
    assert list(tmp_path.iterdir()) == []


def test_settings_say_where_the_store_is_and_how_long_a_call_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_STORE", f"sqlite:///{tmp_path / 'mine.db'}")
    monkeypatch.setenv("REMIT_APPROVAL_WAIT_S", "7")
    with remit.open(small_refunds()) as guard:
        assert guard.approval_wait_s == 7.0
    assert (tmp_path / "mine.db").exists()


def test_a_webhook_is_delivered_to_from_the_moment_a_guard_opens_until_it_closes(tmp_path: Path) -> None:
    import threading

    told = Settings(
        home=str(tmp_path / "home"), webhook_url="https://127.0.0.1:1/hook", webhook_secret="s" * 32
    )
    before = threading.active_count()
    guard = remit.open(small_refunds(), store=f"sqlite:///{tmp_path / 'remit.db'}", settings=told)
    assert threading.active_count() > before
    guard.close()
    assert guard.records.store._writer._closed  # type: ignore[attr-defined]


AS_NOBODY = """
import os, sys
from remit.settings import Settings
from remit.store.triage import backlog
from remit.testing import small_refunds
import remit
folder, rules = sys.argv[1], small_refunds()
settings = Settings(home=folder + "/home")
remit.open(rules, store="memory:", settings=settings).close()  # all that is imported late
os.setuid(65534)
try:
    remit.open(rules, store=f"sqlite:///{folder}/remit.db", settings=settings)
except remit.RemitError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(
    not hasattr(os, "setuid") or os.getuid() != 0, reason="needs a user to become another one"
)
@pytest.mark.parametrize("there", [True, False])
def test_a_store_that_this_user_may_not_write_is_refused(there: bool) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        if there:
            store = f"sqlite:///{place}/remit.db"
            remit.open(small_refunds(), store=store, settings=settings(Path(place))).close()
        command = [sys.executable, "-c", AS_NOBODY, place]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if "Permission" in found.stderr:
        pytest.skip("another user may not read this installation")
    assert found.stdout.startswith(("BadInput", "Unavailable")), found.stderr
    assert place in found.stdout


def test_a_guard_may_classify_in_its_own_process(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'remit.db'}"
    with remit.open(str(REFUND), store=address, classify=True, settings=settings(tmp_path)) as guard:
        with (
            guard.session(
                user_input="hello", principal_kind="customer", facts={"customer_id": "1"}
            ) as session,
            pytest.raises(remit.CallDenied),
        ):
            session.call("no_such_tool", {}, run=lambda: None)
        records: Any = guard.records
        ends = time.monotonic() + 600
        while records.store.read(backlog)[0]:
            assert time.monotonic() < ends
            time.sleep(0.05)
        assert len(list(records.store.events(kinds={"anomaly.classified"}))) == 1


def test_a_guard_that_does_not_open_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())

    with pytest.raises(BadInput, match="tenant"):
        remit.open(
            str(REFUND),
            store=f"sqlite:///{tmp_path / 'remit.db'}",
            classify=True,
            tenant="x" * 10_000,
            settings=settings(tmp_path),
        )

    assert [
        t.name for t in threading.enumerate() if t not in before and t.name.startswith("remit-triage")
    ] == []
