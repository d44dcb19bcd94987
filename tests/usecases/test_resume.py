"""A session with a known id goes on where it stood; what the store lost, tore or hid lets nothing run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import remit
from remit import CallDenied, Unavailable
from remit.core.types import Integrity
from remit.testing import envelope, one_tool, open_guard

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import worker  # noqa: E402 - beside this file

OK = {"refund_id": "R"}
FLOW = """
  sources:
    get_order: {integrity: trusted}
    get_order.total: {integrity: untrusted}
  tools:
    get_order:
      effect: read
      args: {type: object, additionalProperties: false, required: [order_id], properties: {order_id: {type: string}}}
    pay:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [amount, to]
        properties: {amount: {type: integer}, to: {type: string}}
      flow:
        - {id: amount, arg: amount, from: [get_order]}
        - {id: to, arg: to, from: [user], integrity: trusted}
"""


def never(**_: Any) -> None:
    raise AssertionError("it ran")


def pay(session: Any, amount: int = 1200, to: str = "bob@corp.example") -> Any:
    return session.call("pay", {"amount": amount, "to": to}, run=lambda amount, to: OK)


def test_origins_labels_and_limits_come_back_with_a_session(folder: Path) -> None:
    with (
        open_guard(folder, envelope(FLOW)) as guard,
        guard.session(id="s", user_input="pay bob@corp.example", principal_kind="operator") as session,
    ):
        session.call("get_order", {"order_id": "O-1"}, run=lambda order_id: "O-1 cost 1200")
        session.finish("shall I?")
    with open_guard(folder, envelope(FLOW)) as guard, guard.session(id="s") as again:
        assert [s.source for s in again.text.segments] == ["user", "get_order", "assistant"]
        assert again.text.segments[0].label.integrity is Integrity.TRUSTED
        assert pay(again) == OK
        with pytest.raises(CallDenied):
            pay(again, to="eve@evil.example")


def test_what_a_call_carried_vouches_for_nothing_after_resuming_either(folder: Path) -> None:
    """A result that repeats the agent's own question is no origin, also when it was read back from the journal."""
    with open_guard(folder, envelope(FLOW)) as guard:
        with guard.session(id="s", user_input="pay bob@corp.example", principal_kind="operator") as session:
            session.call("get_order", {"order_id": "9999"}, run=lambda order_id: "no order 9999")
            with pytest.raises(CallDenied):
                pay(session, 9999)
        with guard.session(id="s") as again, pytest.raises(CallDenied):
            pay(again, 9999)


def test_what_a_call_that_failed_carried_vouches_for_nothing_after_resuming_either(folder: Path) -> None:
    def fails(order_id: str) -> None:
        raise OSError("down")

    with open_guard(folder, envelope(FLOW)) as guard:
        with guard.session(id="s", user_input="pay bob@corp.example", principal_kind="operator") as session:
            with pytest.raises(OSError, match="down"):
                session.call("get_order", {"order_id": "9999"}, run=fails)
            session.call("get_order", {"order_id": "O-1"}, run=lambda order_id: "9999 was asked for")
            with pytest.raises(CallDenied):
                pay(session, 9999)
        with guard.session(id="s") as again, pytest.raises(CallDenied):
            pay(again, 9999)


def test_a_withheld_result_stays_withheld_after_resuming(folder: Path) -> None:
    with open_guard(folder) as guard:
        with guard.session(id="s") as session, pytest.raises(remit.ResultWithheld):
            session.call("refund", {"amount": 5}, run=lambda amount: {"card": "4111"})
        assert not guard.session(id="s").text.segments


def test_a_secret_comes_back_as_its_token_only(folder: Path) -> None:
    key = "sk-" + "a1" * 16
    with open_guard(folder) as guard:
        guard.session(id="s", user_input=f"use {key}").close()
        (segment,) = guard.session(id="s").text.segments
    assert key not in segment.text and "[secret:key:" in segment.text


def test_an_erased_session_is_not_resumed(folder: Path) -> None:
    with open_guard(folder) as guard:
        guard.session(id="s", principal="bob", user_input="hello").close()
        guard.records.store.erase("bob")  # type: ignore[attr-defined]
        with pytest.raises(remit.BadInput, match="missing or erased"):
            guard.session(id="s")


# ---------------------------------------------------------------------------------------------- a failing world
@pytest.mark.parametrize("what", ["deleted", "replaced", "moved"])
def test_a_database_that_is_gone_lets_nothing_run(folder: Path, what: str) -> None:
    database = folder / "remit.db"
    guard = open_guard(folder)
    session = guard.session(user_input="refund")
    assert session.call("refund", {"amount": 1}, run=lambda amount: OK) == OK
    if what == "moved":
        database.rename(folder / "elsewhere.db")
    else:
        if what == "replaced":
            shutil.copy(database, folder / "copy.db")
        database.unlink()
        if what == "replaced":
            (folder / "copy.db").rename(database)

    for tool, args in (("refund", {"amount": 1}), ("note", {}), ("get_order", {"order_id": "O-1"})):
        with pytest.raises(Unavailable, match="was deleted or replaced"):
            session.call(tool, args, run=never)
    with pytest.raises(Unavailable):
        guard.session()
    guard.close()


def test_a_database_of_rubbish_lets_nothing_run(folder: Path) -> None:
    guard = open_guard(folder)
    session = guard.session(user_input="refund")
    session.call("refund", {"amount": 1}, run=lambda amount: OK)
    guard.records.store.transact_now(lambda tx: tx.connection)  # type: ignore[attr-defined]
    for name in ("remit.db", "remit.db-wal"):
        with (folder / name).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            file.write(b"\xa5" * size)

    ran = 0
    for _ in range(3):
        for tool, args in (("refund", {"amount": 30}), ("refund", {"amount": 1})):
            try:
                session.call(tool, args, run=lambda **_: OK)
                ran += 1
            except (Unavailable, remit.Refused):
                continue
    assert ran == 0
    with pytest.raises((Unavailable, remit.BadInput)):
        guard.close()
        open_guard(folder)


def test_a_closed_store_lets_nothing_run(folder: Path) -> None:
    guard = open_guard(folder)
    session = guard.session()
    guard.close()

    for tool, args in (("refund", {"amount": 1}), ("get_order", {"order_id": "O-1"})):
        with pytest.raises(Unavailable, match="closed"):
            session.call(tool, args, run=never)
    with pytest.raises(Unavailable, match="closed"):
        session.observe("user", "hello")


def test_a_tool_whose_store_closes_meanwhile_is_told_to_have_run(folder: Path) -> None:
    guard = open_guard(folder)
    session = guard.session()

    def closes(amount: int) -> dict[str, str]:
        guard.close()
        return OK

    with pytest.raises(Unavailable, match="refund ran, and its outcome could not be recorded"):
        session.call("refund", {"amount": 1}, run=closes)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 12 MB, 8 of which the store sets aside."""
    place = folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk is not permitted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


def test_a_full_disk_refuses_effects_until_there_is_room(small_disk: Path) -> None:
    guard = open_guard(small_disk)
    session = guard.session(user_input="refund")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))

    refused = 0
    for _ in range(300):
        ran: list[int] = []
        try:
            session.call("note", {"text": "x" * 20_000}, run=lambda text, ran=ran: ran.append(1))
        except Unavailable as error:
            if not ran:
                refused += 1
                assert "the disk" in str(error) or "capture_unavailable" in str(error)
            else:
                assert "note ran, and its outcome could not be recorded" in str(error)
    assert refused > 100
    filler.unlink()
    for _ in range(50):
        try:
            assert session.call("note", {"text": "again"}, run=lambda text: text) == "again"
            break
        except Unavailable:
            continue
    else:
        raise AssertionError("writing did not resume")
    session.close()
    assert all_effects_follow_a_decision(list(guard.records.events(session.id)))
    guard.close()


def all_effects_follow_a_decision(events: list[Any]) -> bool:
    """Whether each settled call was decided before."""
    decided: set[str] = set()
    for stored in events:
        event = stored.event
        if event.kind == "decided":
            decided.add(event.body["token"])
        if event.kind == "settled" and event.body["token"] not in decided:
            return False
    return True


def test_a_file_that_may_not_grow_refuses_effects(folder: Path) -> None:
    pytest.importorskip("resource")
    command = [sys.executable, str(HERE / "worker.py"), "starved", str(folder), str(600_000)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)

    lines = found.stdout.splitlines()
    ran = {line.split()[1] for line in lines if line.startswith("ran")}
    fine = {line.split()[1] for line in lines if line.startswith("ok")}
    refused = [line for line in lines if line.startswith("unavailable")]
    assert len(fine) > 3 and len(refused) > 10, found.stderr
    for line in refused:
        number = line.split()[1]
        assert (number in ran) == ("ran, and its outcome could not be recorded" in line)
    with worker.opened(folder, version="clean") as guard:
        settled = sum(e.event.kind == "settled" for e in guard.records.store.events())
    assert settled >= len(fine)


def test_of_two_that_open_the_same_new_session_at_once_only_one_does(tmp_path: Path) -> None:
    envelope = one_tool("")
    with (
        remit.open(envelope, store=f"sqlite:///{tmp_path}/r.db") as one,
        remit.open(envelope, store=f"sqlite:///{tmp_path}/r.db") as two,
    ):
        first = one.session(id="shared", principal="ann")
        first.close()
        two.records = _WithoutHistory(two.records)
        second = two.session(id="shared", principal="bob")

        with pytest.raises(remit.BadInput, match="another event has this id"):
            second.call("act", {"n": 1, "to": "x", "kind": "a", "sure": True}, run=lambda **_: None)
            second.close()


class _WithoutHistory:
    """Records that do not see yet what another process has just written."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def events(self, session: str) -> Iterator[Any]:
        return iter(())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)


def test_another_tenants_session_is_refused_and_nothing_of_it_is_told(tmp_path: Path) -> None:
    with open_guard(tmp_path, tenant="acme") as ours, ours.session(id="shared"):
        pass
    with (
        open_guard(tmp_path, tenant="other") as theirs,
        pytest.raises(remit.BadInput, match="the id is taken") as no,
    ):
        theirs.session(id="shared")
    assert "acme" not in str(no.value)
