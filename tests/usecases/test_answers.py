"""What is written about calls, and what that record proves: no effect without a decision, no secret in clear."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit import ApprovalRequired, CallDenied, Refused
from remit.core.errors import BadInput
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode
from remit.store import control_hand
from remit.store.verify import verify
from remit.testing import FakeRecords, answer, envelope, fake_guard, one_tool, open_guard, pending
from remit.usecases.call_events import preview

OK = {"refund_id": "R"}
AGENT = Scope(ScopeKind.AGENT, "default", "refunds")


class ToolFailed(Exception):
    """A tool's own exception."""


# ---------------------------------------------------------------------------------------------- the one property
STEPS = st.one_of(
    st.tuples(st.just("refund"), st.sampled_from([-1, 5, 7, 30, 30, 90])),
    st.tuples(
        st.sampled_from(["wrong type", "unlisted", "raises", "bad output", "interrupted"]),
        st.sampled_from([5, 30, 60]),
    ),
    st.tuples(st.sampled_from(["read", "approve", "approve", "reject"]), st.just(0)),
    st.tuples(st.just("mode"), st.sampled_from([0, 0, 1, 2])),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_no_effect_ever_ran_without_a_durable_decision_before_it(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        history(Path(place), steps)


def history(folder: Path, steps: list[tuple[str, int]]) -> None:
    """Play *steps*, then hold the journal against what the tools saw."""
    ran: list[tuple[str, dict[str, Any]]] = []
    with open_guard(folder) as guard:
        store = guard.records.store  # type: ignore[attr-defined]
        with guard.session(id="s") as session:
            for number, (what, amount) in enumerate(steps):
                try:
                    play(guard, session, ran, what, amount, number)
                except (Refused, ToolFailed, KeyboardInterrupt, BadInput):
                    continue
        events = list(guard.records.events("s"))
        assert verify(store).ok
        assert not store.read(
            lambda db: db.execute("SELECT count(*) FROM breaker_reservation WHERE state = 'in_flight'").get
        )
    proves(events, ran)


def play(guard: Any, session: Any, ran: list[Any], what: str, amount: int, number: int) -> None:
    """One step; every tool writes down what it was given."""

    def tool(name: str, result: Any = OK, error: BaseException | None = None) -> Callable[..., Any]:
        def run(**args: Any) -> Any:
            ran.append((name, args))
            if error is not None:
                raise error
            return result

        return run

    waiting = pending(guard)
    match what:
        case "approve" | "reject" if waiting:
            answer(guard, waiting[0], approve=what == "approve")
        case "mode":
            modes = [Mode.SUPERVISED, Mode.QUARANTINED, Mode.HALTED, Mode.SUPERVISED]
            work = lambda tx: control_hand.trip(  # noqa: E731
                tx, AGENT, modes[amount], id=f"trip-{number}", actor="alice", reason="a test"
            )
            guard.records.store.transact(work).result()
        case "refund":
            session.call("refund", {"amount": amount}, run=tool("refund"))
        case "wrong type":
            session.call("refund", {"amount": str(amount)}, run=tool("refund"))
        case "unlisted":
            session.call("transfer", {"amount": amount}, run=tool("transfer"))
        case "raises":
            session.call("refund", {"amount": amount}, run=tool("refund", error=ToolFailed()))
        case "interrupted":
            session.call("refund", {"amount": amount}, run=tool("refund", error=KeyboardInterrupt()))
        case "bad output":
            session.call("refund", {"amount": amount}, run=tool("refund", {"wrong": 1}))
        case "read":
            session.call("get_order", {"order_id": "O-1"}, run=tool("get_order", "O-1"))


def proves(events: list[Any], ran: list[tuple[str, dict[str, Any]]]) -> None:
    """Each run stands in the journal: decided before, allowed or approved, with exactly its arguments."""
    decided: dict[str, Any] = {}
    claimed: set[str] = set()
    settled: list[tuple[str, dict[str, Any]]] = []
    total = 0
    for stored in events:
        event = stored.event
        if event.kind == "decided" and (event.body["result"] == "allow" or event.body["approval_id"]):
            decided[event.body["token"]] = event.body
        elif event.kind == "approval.claimed":
            claimed.add(event.body["approval"])
        elif event.kind == "settled":
            decision = decided[event.body["token"]]
            assert decision["result"] == "allow" or decision["approval_id"] in claimed
            settled.append((decision["tool"], decision["args"]))
            total += decision["args"].get("amount", 0)
    assert settled == ran
    assert total <= 200


# ---------------------------------------------------------------------------------------------- secrets
SECRETS = {
    "in the user's text": "sk-" + "u1" * 15,
    "in an argument": "ghp_" + "a2B3" * 10,
    "in a field with a secret's name": "correct horse battery",
    "in a result": "AKIAIOSFODNN7EXAMPLE",
    "in an exception": "xoxb-123456789012-abcdefghij",
    "in a tool's name": "sk-" + "n4" * 15,
    "in unreadable arguments": "sk-" + "r5" * 15,
    "in the assistant's text": "AIza" + "Sy0" * 11 + "ab",
    "in a key": "sk-" + "k6" * 15,
    "in the end": "sk-" + "e7" * 15,
    "in a fact": "sk-" + "f8" * 15,
}


def tell_all(folder: Path) -> list[Any]:
    """A session that comes upon every secret, and its events."""
    guard = open_guard(folder)
    facts = {"x": SECRETS["in a fact"]}
    session = guard.session(id="s", user_input="use " + SECRETS["in the user's text"], facts=facts)
    session.observe("assistant", "I think of " + SECRETS["in the assistant's text"])

    def fails(**_: Any) -> None:
        raise ToolFailed("token " + SECRETS["in an exception"])

    session.call(
        "note", {"text": "with " + SECRETS["in an argument"]}, run=lambda text: SECRETS["in a result"]
    )
    named = {"password": SECRETS["in a field with a secret's name"]}
    session.call("get_order", {"order_id": SECRETS["in an argument"]}, run=lambda order_id: named)
    with pytest.raises(ToolFailed):
        session.call("note", {"text": "x"}, run=fails)
    for tool, args in (
        (SECRETS["in a tool's name"], named),
        ("note", {"text": (SECRETS["in unreadable arguments"],)}),
        ("note", {SECRETS["in a key"]: 1, "text": "I think of " + SECRETS["in the assistant's text"]}),
        ("refund", {"amount": 90, "order_id": SECRETS["in an argument"]}),
    ):
        with pytest.raises(CallDenied):
            session.call(tool, args, run=fails)
    with pytest.raises(ApprovalRequired):
        session.call("refund", {"amount": 30, "order_id": SECRETS["in an argument"]}, run=fails)
    session.close(RuntimeError(SECRETS["in the end"]))
    events = list(guard.records.store.events())  # type: ignore[attr-defined]
    guard.close()
    return events


def test_no_secret_is_ever_on_disk_or_in_the_record(folder: Path) -> None:
    events = tell_all(folder)
    told = "\n".join(repr((e.event.body, e.event.blobs, e.event.anomaly)) for e in events)
    disk = b"".join(
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and "-reserve" not in path.name
    )

    for where, secret in SECRETS.items():
        assert secret not in told, where
        assert secret.encode() not in disk, where
        assert secret[8:].encode() not in disk, where
    assert "[secret:key:" in told and "[secret:field:" in told


def test_no_quote_comes_from_a_text_that_holds_a_secret(folder: Path) -> None:
    """A quote cuts its text where it likes, and half a secret matches no pattern."""
    secret = SECRETS["in an argument"]
    rules = one_tool(
        "      flow:\n        - {id: to, arg: to, from: [user]}\n      approve: [{id: always}]\n"
    )
    with open_guard(folder, rules) as guard:
        for place, text in (("s", f"mail bob, {'x' * 120} {secret}"), ("t", "mail bob, please")):
            with guard.session(id=place, user_input=text) as session, pytest.raises(ApprovalRequired):
                session.call("act", {"n": 1, "to": "bob", "kind": "a", "sure": True}, run=lambda **_: OK)
        told = {place: repr([e.event.body for e in guard.records.events(place)]) for place in "st"}
    assert "mail bob, please" in told["t"]
    assert secret[:12] not in told["s"] and "x" * 20 not in told["s"]


@pytest.mark.parametrize(
    ("to", "clause"),
    [
        ("{type: string}", "      flow:\n        - {id: origin, arg: to, from: [user]}"),
        ("{type: string}", "      flow:\n        - {id: origin, arg: to, from: [user], on_violation: hold}"),
        ("{type: string, pattern: '^x$'}", ""),
    ],
    ids=["flow that denies", "flow that holds", "schema"],
)
def test_no_message_about_arguments_holds_half_a_secret(folder: Path, to: str, clause: str) -> None:
    secret = "postgres://admin:" + "correcthorse" * 30 + "@db.example/x"
    args = f"{{type: object, additionalProperties: false, properties: {{to: {to}}}}}"
    rules = envelope(f"  tools:\n    act:\n      effect: write\n      args: {args}\n{clause}\n")
    with open_guard(folder, rules) as guard, guard.session(id="s") as session:
        with pytest.raises(Refused):
            session.call("act", {"to": secret}, run=lambda to: None)
        told = [repr((s.event.body, s.event.blobs)) for s in guard.records.events("s")]

    assert any("hold a secret" in one for one in told)
    assert not any("correcthorse" in one for one in told)


def test_one_secret_has_one_token_in_all_events_of_a_store(folder: Path) -> None:
    secret = SECRETS["in an argument"]
    with open_guard(folder) as guard:
        token = guard.redactor.text(secret)
    with open_guard(folder) as guard:
        assert guard.redactor.text(secret) == token
    told = repr([(e.event.body, e.event.blobs) for e in tell_all(folder)])
    assert told.count(token) >= 4


def test_personal_data_is_encrypted_and_stands_in_no_index(folder: Path) -> None:
    with open_guard(folder) as guard:
        with guard.session(principal="erika.mustermann", user_input="I live in Bahnhofstrasse 7") as session:
            session.call("note", {"text": "Bahnhofstrasse 7"}, run=lambda text: text)
            with pytest.raises(ApprovalRequired):
                session.call("refund", {"amount": 30, "order_id": "Bahnhofstrasse 7"}, run=lambda **_: OK)
        guard.records.store.transact(lambda tx: tx.connection).result()  # type: ignore[attr-defined]
    disk = b"".join(path.read_bytes() for path in folder.rglob("remit.db*"))
    assert b"Bahnhofstrasse" not in disk and b"mustermann" not in disk


# ---------------------------------------------------------------------------------------------- small rules
def test_a_preview_shows_the_call_in_one_line_of_bounded_length() -> None:
    shown = preview("pay", {"to": "bob\n\x1b[31m", "items": [{"n": 1}], "note": "x" * 500})

    assert shown.isprintable() and len(shown) < 400
    assert shown.startswith("pay(to='bob\\n\\x1b[31m', items='[{\"n\":1}]'") and "..." in shown


def test_a_limit_exceeded_at_admission_counts_as_a_violation_and_the_breakers_own_no_does_not() -> None:
    records = FakeRecords()
    guard, _ = fake_guard(records)
    used = records.used_micros
    with guard.session() as session:
        looks: list[int] = []

        def nothing_yet(*args: Any) -> tuple[int, ...]:
            looks.append(1)
            return (0,) if len(looks) == 1 else (200_000_000,)

        records.used_micros = nothing_yet  # type: ignore[method-assign]
        with pytest.raises(CallDenied, match=r"refund\.total"):
            session.call("refund", {"amount": 5}, run=lambda amount: OK)
        records.used_micros = used  # type: ignore[method-assign]
        assert [m.violations[0][1] for m in records.missteps] == ["refund.total"]
        records.mode_now = Mode.QUARANTINED
        with pytest.raises(CallDenied):
            session.call("refund", {"amount": 5}, run=lambda amount: OK)
    assert len(records.missteps) == 1


ODD = "      require:\n        - {id: odd, expr: 'args.n > 5', on_violation: flag}\n"


def test_a_flagged_call_counts_once_as_low() -> None:
    guard, records = fake_guard(envelope=one_tool(ODD))
    with guard.session() as session:
        args = {"n": 1, "to": "bob", "kind": "a", "sure": True}
        assert session.call("act", args, run=lambda **_: 7) == 7
    (misstep,) = records.missteps
    assert (misstep.kind, [(s.value, c) for s, c in misstep.violations]) == ("flagged", [("low", "act.odd")])
    (decided,) = [s.event for s in records.journal if s.event.kind == "decided"]
    assert decided.anomaly is not None and decided.anomaly.kind == "flagged"


def test_a_call_that_cannot_be_put_to_people_is_denied() -> None:
    from remit.core.approval import Parked

    guard, records = fake_guard()
    records.hold = lambda request, events, known: done(Parked("approval.parked", "3 questions are open"))  # type: ignore[method-assign]
    with guard.session() as session, pytest.raises(CallDenied, match=r"approval\.parked: 3 questions"):
        session.call("refund", {"amount": 30}, run=lambda amount: OK)


def done(value: Any) -> Any:
    from concurrent.futures import Future

    future: Future[Any] = Future()
    future.set_result(value)
    return future


def test_an_interrupt_while_waiting_for_the_admission_gives_the_reservation_back() -> None:
    from concurrent.futures import Future

    guard, records = fake_guard()
    admit = records.admit

    def interrupted(*args: Any) -> Any:
        admit(*args)
        future: Future[Any] = Future()
        future.set_exception(KeyboardInterrupt())
        return future

    records.admit = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt), guard.session() as session:
        session.call("refund", {"amount": 5}, run=lambda amount: OK)
    assert not records.in_flight and not records.settlements[0].ran


def test_a_waiter_gives_up_after_the_length_of_the_question_whatever_the_stores_clock_says(
    tmp_path: Path,
) -> None:
    quick = one_tool("      approve:\n        - {id: always, expires: 1s}\n")
    with open_guard(tmp_path, quick, approval_wait_s=3600.0) as guard, guard.session() as session:
        records: Any = guard.records
        started = records.store.wall_clock()
        records.store.wall_clock = lambda: started  # the host's clock stands still from here on

        with pytest.raises(ApprovalRequired):
            session.call("act", {"n": 1, "to": "x", "kind": "a", "sure": True}, run=lambda **_: None)
