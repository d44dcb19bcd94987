from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import remit
from remit.core.recorded import RecordedSession
from remit.store.records import SqliteRecords
from remit.testing import open_guard, small_refunds
from remit.usecases.captured import DIGESTS, ERASED, CapturedSessions, captured
from remit.usecases.guard import Guard


def pay(**_: Any) -> dict[str, str]:
    return {"refund_id": "R-1"}


def a_session(guard: Guard, name: str, *, principal: str | None = None) -> None:
    with guard.session(id=name, user_input="refund O-1", principal=principal, seed=3) as session:
        session.observe("assistant", "I look first")
        session.call("get_order", {"order_id": "O-1"}, run=lambda order_id: "40")
        with pytest.raises(remit.CallDenied):
            session.call("refund", {"amount": 90}, run=pay)
        session.call("refund", {"amount": 10}, run=pay)
        with pytest.raises(ValueError, match="full"):
            session.call("note", {"text": "x"}, run=_fails)
        session.finish("done")


def _fails(**_: Any) -> None:
    raise ValueError("full")


def of(guard: Guard) -> CapturedSessions:
    records = guard.records
    assert isinstance(records, SqliteRecords)
    return CapturedSessions(records.store)


def test_a_captured_session_is_read_as_it_went(folder: Path):
    with open_guard(folder) as guard:
        a_session(guard, "s-1")
        (found,) = of(guard)

    calls = [(call.tool, call.args) for step in found.steps for call in step.calls]
    assert calls == [
        ("get_order", {"order_id": "O-1"}),
        ("refund", {"amount": 90}),
        ("refund", {"amount": 10}),
        ("note", {"text": "x"}),
    ]
    answers = [(step.tool, step.text, step.failed) for step in found.steps if step.answers is not None]
    assert [(tool, failed) for tool, _, failed in answers] == [
        ("get_order", False),
        ("refund", True),
        ("refund", False),
        ("note", True),
    ]
    assert answers[1][1].startswith("refused: ") and answers[3][1] == "full"
    said = [(step.role, step.text) for step in found.steps if step.role != "tool" and step.text]
    assert said == [("user", "refund O-1"), ("assistant", "I look first"), ("assistant", "done")]
    assert (found.session_id, found.suite) == ("s-1", "refunds")


def test_what_was_erased_is_told_and_left_out(folder: Path):
    with open_guard(folder) as guard:
        a_session(guard, "s-1", principal="ada")
        a_session(guard, "s-2")
        records = guard.records
        assert isinstance(records, SqliteRecords)
        records.store.erase("ada")
        found = of(guard)

        assert len(list(found)) == 1
        assert [session.session_id for session in found] == ["s-2"]
        assert dict(found.dropped) == {ERASED: 1}


def test_sessions_of_which_only_digests_were_kept_are_none(folder: Path):
    from remit.testing import SMALL_REFUNDS, envelope

    spec = SMALL_REFUNDS.rstrip("\n") + "\n  capture: {clean: digest}\n"
    with open_guard(folder, envelope(spec)) as guard:
        a_session(guard, "s-1")
        found = of(guard)

        assert list(found) == [] and set(found.dropped) == {DIGESTS}


def test_no_events_are_no_session():
    assert not isinstance(captured([]), RecordedSession)


def test_a_held_call_that_nobody_approved_is_no_part_of_it(folder: Path):
    with open_guard(folder, small_refunds()) as guard:
        with (
            guard.session(id="s-1", user_input="refund O-1") as session,
            pytest.raises(remit.ApprovalRequired),
        ):
            session.call("refund", {"amount": 30}, run=pay)
        (found,) = of(guard)

    assert not [call for step in found.steps for call in step.calls]
