"""What came back, as sessions handle it on a real store: what the agent sees, what is kept, what the end is judged by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from remit import AnswerRefused, CallDenied, ResultWithheld
from remit.core.envelope import Envelope
from remit.store.outbox import SqliteOutbox
from remit.testing import envelope, open_guard
from remit.usecases.session import Session

CARD = "4111111111111111"
SPEC = """
  enforcement: %(enforcement)s
  session: {type: object, additionalProperties: false, required: [customer_id], properties: {customer_id: {type: string}}}
  sources:
    look: {integrity: trusted}
  tools:
    look:
      effect: read
      args:
        type: object
        additionalProperties: false
        required: [id]
        properties: {id: {type: string}, limit: {type: integer}}
      ensure: [{id: same, expr: "output.id == args.id"}]
      scopes: [{id: own, arg: id, in: "session.customer_id"}]
      obligations:
        - {id: card, redact: {patterns: ["[0-9]{16}"]}}
        - {id: few, cap: {arg: limit, at: 10}}
    refund:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      flow: [{id: card-origin, arg: amount, from: [user, look]}]
  session_ensure:
    - {id: done, expr: "!answer.contains('refunded') || calls.exists(c, c.tool == 'refund' && c.outcome == 'done')"}
    - {id: id, expr: "calls.all(c, c.tool != 'refund' || c.output.refund_id != '')"}
%(capture)s
  breaker: {threshold: 1000, max_violations: 1000}
"""


def rules(enforcement: str = "enforce", capture: str = "") -> Envelope:
    return envelope(SPEC % {"enforcement": enforcement, "capture": capture})


def opened(guard: Any, **options: Any) -> Session:
    facts = {"customer_id": "17"}
    session: Session = guard.session(user_input="refund 5", principal_kind="operator", facts=facts, **options)
    return session


def look(session: Session, value: Any, **args: Any) -> Any:
    return session.call("look", {"id": "17"} | args, run=lambda **_: value)


def events(guard: Any, session: Session, kind: str) -> list[Any]:
    return [one.event for one in guard.records.events(session.id) if one.event.kind == kind]


def test_what_was_redacted_reaches_neither_agent_nor_journal_nor_vouches_for_a_value(tmp_path: Path) -> None:
    with open_guard(tmp_path, rules()) as guard, opened(guard) as session:
        assert look(session, {"id": "17", "card": int(CARD)}) == {"id": "17", "card": "[redacted]"}

        assert CARD not in session.text.segments[-1].text
        (settled,) = events(guard, session, "settled")
        assert settled.blobs["text"] == '{"id":"17","card":"[redacted]"}'
        assert settled.body["obligations"] == ["look.card: redacted 1"]
        with pytest.raises(CallDenied, match="card-origin"):
            session.call("refund", {"amount": int(CARD)}, run=lambda amount: {})


def test_a_result_that_is_not_what_was_asked_for_is_withheld_and_counted(tmp_path: Path) -> None:
    with open_guard(tmp_path, rules()) as guard, opened(guard) as session:
        with pytest.raises(ResultWithheld, match=r"look\.same"):
            look(session, {"id": "18", "card": CARD})
        (settled,) = events(guard, session, "settled")
        assert settled.anomaly is not None and settled.anomaly.clauses == ("look.same",)
        assert CARD not in settled.blobs["text"] and "segment" not in settled.body


def test_an_argument_runs_as_it_was_lowered_and_both_are_recorded(tmp_path: Path) -> None:
    seen: list[Any] = []
    with open_guard(tmp_path, rules()) as guard, opened(guard) as session:
        session.call("look", {"id": "17", "limit": 500}, run=lambda **args: seen.append(args) or {"id": "17"})
        (decided,) = events(guard, session, "decided")

    assert seen == [{"id": "17", "limit": 10}]
    assert (decided.body["args"]["limit"], decided.body["asked"]["limit"]) == (10, 500)
    assert decided.body["obligations"] == ["look.card", "look.few"]


def test_anothers_data_is_not_asked_for(tmp_path: Path) -> None:
    with open_guard(tmp_path, rules()) as guard, opened(guard) as session:
        refused = pytest.raises(CallDenied, match=r"look\.own")
        with refused:
            look(session, {"id": "18"}, id="18")


def test_monitor_shows_and_runs_what_came_and_records_what_would_have_been(tmp_path: Path) -> None:
    with open_guard(tmp_path, rules("monitor")) as guard, opened(guard) as session:
        assert look(session, {"id": "18", "card": CARD}, limit=500) == {"id": "18", "card": CARD}
        (settled,), (decided,) = events(guard, session, "settled"), events(guard, session, "decided")
        assert [v["clause"] for v in settled.body["violations"]] == ["look.same"]
        assert settled.body["obligations"] == ["look.card: redacted 1"]
        assert decided.body["args"]["limit"] == 500 and decided.body["obligations"] == [
            "look.card",
            "look.few",
        ]
        assert session.finish("refunded") == "refunded"


# ---------------------------------------------------------------------------------------------- the end
def test_an_answer_that_claims_what_was_not_done_is_refused(tmp_path: Path) -> None:
    with open_guard(tmp_path, rules()) as guard, opened(guard) as session:
        with pytest.raises(AnswerRefused, match=r"session\.done"):
            session.finish("I refunded it")
        (finished,) = events(guard, session, "finished")
        assert [v["kind"] for v in finished.body["violations"]] == ["session_ensure"]
        with pytest.raises(ValueError):
            session.call("refund", {"amount": 5}, run=lambda amount: int("x"))
        with pytest.raises(AnswerRefused, match=r"session\.done"):
            session.finish("I refunded it")


def test_an_answer_that_agrees_with_the_effects_passes_also_after_the_session_was_resumed(
    tmp_path: Path,
) -> None:
    with open_guard(tmp_path, rules()) as guard:
        with opened(guard, id="s-1") as session:
            session.call("refund", {"amount": 5}, run=lambda amount: {"refund_id": "R-1"})
            assert session.finish("I refunded it") == "I refunded it"
        with opened(guard, id="s-1") as resumed:
            assert [c.outcome for c in resumed.calls.values()] == ["done"]
            assert resumed.finish("I refunded it") == "I refunded it"


def test_a_result_that_the_journal_did_not_keep_is_not_guessed(tmp_path: Path) -> None:
    with open_guard(tmp_path, rules(capture="  capture: {clean: digest}")) as guard:
        with opened(guard, id="s-1") as session:
            session.call("refund", {"amount": 5}, run=lambda amount: {"refund_id": "R-1"})
            session.finish("I refunded it")
        with opened(guard, id="s-1") as resumed, pytest.raises(AnswerRefused, match="does not keep") as no:
            resumed.finish("I refunded it")
    assert [v.clause for v in no.value.violations] == ["session.id"]


def test_while_a_call_runs_nothing_is_answered(tmp_path: Path) -> None:
    with open_guard(tmp_path, rules()) as guard, opened(guard) as session:

        def run(amount: int) -> Any:
            with pytest.raises(AnswerRefused, match="still running"):
                session.finish("done")
            return {"refund_id": "R"}

        session.call("refund", {"amount": 5}, run=run)
        assert session.finish("done") == "done"


def test_calls_that_were_refused_are_none(tmp_path: Path) -> None:
    with open_guard(tmp_path, rules()) as guard, opened(guard) as session:
        with pytest.raises(CallDenied):
            session.call("refund", {"amount": 77}, run=lambda amount: {})
        assert not session.calls
        assert json.dumps(session.finish("nothing done")) == '"nothing done"'


# ---------------------------------------------------------------------------------------------- telling people
TOLD = """
  enforcement: %s
  tools:
    pay:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [n], properties: {n: {type: integer}}}
      require: [{id: few, expr: "args.n < 100"}]
      obligations:
        - {id: ops, notify: {to: ops}}
        - {id: boss, when: "args.n > 50", notify: {to: boss}}
  breaker: {threshold: 1000, max_violations: 1000}
"""


def notices(guard: Any) -> list[dict[str, Any]]:
    box = SqliteOutbox(guard.records.store)
    found = []
    while (notice := box.claim()) is not None:
        box.done(notice)
        found.append(dict(notice.payload))
    return found


def fail(n: int) -> None:
    raise ValueError(n)


def test_people_are_told_once_of_a_call_that_ran_and_of_no_other(tmp_path: Path) -> None:
    with open_guard(tmp_path, envelope(TOLD % "enforce")) as guard, guard.session() as session:
        session.call("pay", {"n": 60}, run=lambda n: n)
        with pytest.raises(CallDenied):
            session.call("pay", {"n": 100}, run=lambda n: n)
        with pytest.raises(ValueError):
            session.call("pay", {"n": 5}, run=fail)

        first, second = notices(guard)
        assert (first["kind"], first["tool"], first["ended"], first["to"]) == (
            "notified",
            "pay",
            "value",
            ["ops", "boss"],
        )
        assert first["preview"] == "pay(n=60)" and first["session"] == session.id
        assert "pay ran at" in first["text"] and "pay failed at" in second["text"] and second["to"] == ["ops"]
        assert len(events(guard, session, "notified")) == 2


def test_monitor_tells_nobody(tmp_path: Path) -> None:
    with open_guard(tmp_path, envelope(TOLD % "monitor")) as guard, guard.session() as session:
        session.call("pay", {"n": 60}, run=lambda n: n)
        assert notices(guard) == [] and events(guard, session, "notified") == []
