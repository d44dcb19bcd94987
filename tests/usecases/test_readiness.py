"""Readiness from events and from replayed sessions."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.event import Event, StoredEvent
from remit.core.reader import read_envelope
from remit.usecases.readiness import Seen, at_most, from_events, gathered

ENVELOPE = read_envelope(
    """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: x, version: "1"}
spec:
  tools:
    send:
      effect: write
      args: {type: object, additionalProperties: false, properties: {to: {type: string}}}
      require: [{id: inside, expr: "has(args.to)"}, {id: soft, expr: "has(args.to)", on_violation: flag}]
      approve: [{id: always, by: [x]}]
    look: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
""",
    "e",
)
DENY = {"clause": "send.inside", "on_violation": "deny", "message": "no", "error": False}


def stored(
    seq: int = 1, *, session: str = "s", agent: str = "a", erased: bool = False, **body: Any
) -> StoredEvent:
    whole = {"tool": "send", "args": {}, "result": "allow", "enforced": False, "approval_id": None, **body}
    event = Event(f"id-{seq}", session, "decided", agent, ENVELOPE.hash, {} if erased else whole)
    return StoredEvent(seq, 100.0 + seq, event, erased)


def test_events_are_read_as_they_are_written() -> None:
    event = stored(result="deny", clauses=["send.inside"], violations=[DENY], args={"a": 1}, enforced=True)
    (seen,) = from_events([event])

    assert seen == Seen(
        session="s",
        tool="send",
        args={"a": 1},
        result="deny",
        violations=(("send.inside", "deny", "no"),),
        enforced=True,
        envelope=ENVELOPE.hash,
        at=101.0,
    )


def test_an_error_counts_as_a_refusal_whatever_its_clause_does() -> None:
    (seen,) = from_events([stored(violations=[DENY | {"on_violation": "flag", "error": True}])])

    assert seen is not None and seen.violations[0][1] == "deny"


def test_a_held_call_that_was_approved_is_one_call() -> None:
    events = [stored(1, result="hold"), stored(2, result="allow", approval_id="apr-1")]
    report = gathered(from_events(events)).report()

    assert (report["calls"], report["would_hold"]) == (1, 1)


def test_only_the_named_agent_counts() -> None:
    events = [stored(1, agent="a"), stored(2, agent="b")]

    assert gathered(from_events(events, "b")).report()["calls"] == 1


def test_an_erased_decision_is_told_and_not_counted() -> None:
    report = gathered(from_events([stored(1), stored(2, erased=True)])).report()

    assert (report["calls"], report["erased"]) == (1, 1)


def test_hits_are_counted_by_clause_with_their_share_of_sessions() -> None:
    events = [
        stored(1, session="s1", result="deny", violations=[DENY]),
        stored(2, session="s1", result="deny", violations=[DENY], enforced=True),
        stored(3, session="s2"),
        stored(4, session="s3"),
    ]
    report = gathered(from_events(events)).report()
    (line,) = report["clauses"]

    assert (line["calls"], line["in_force"], line["sessions"]) == (2, 1, 1)
    assert line["share_of_sessions"] == pytest.approx(1 / 3, abs=1e-6)
    assert report["of_these_in_force"] == {"deny": 1, "hold": 0}
    assert (report["first_at"], report["last_at"]) == (101.0, 104.0)


def test_a_clause_is_ready_after_enough_calls_without_a_hit() -> None:
    seen = [Seen("s", "send", {}, "hold", (("send.always", "hold", ""),), envelope=ENVELOPE.hash)] * 100

    assert gathered(seen).report(ENVELOPE, enough=100)["ready"] == [
        {"clause": "send.inside", "tool": "send", "calls": 100, "rate_at_most": 0.03}
    ]
    report = gathered(seen[:99]).report(ENVELOPE, enough=100)
    assert report["ready"] == []
    assert [line["clause"] for line in report["unproven"]] == ["send.inside"]


def test_calls_that_another_version_decided_prove_nothing_about_this_one() -> None:
    seen = [Seen("s", "send", {}, "allow", envelope="other")] * 200
    report = gathered(seen).report(ENVELOPE, enough=100)

    assert report["ready"] == []
    assert report["unproven"][0]["calls"] == 0
    assert report["envelopes"] == {"other": 200}


def test_what_was_never_called_and_what_is_ungoverned_is_listed() -> None:
    seen = [Seen("s1", "fly", {}, "deny", (("unlisted", "deny", ""),), unlisted=True, envelope=ENVELOPE.hash)]
    report = gathered(seen).report(ENVELOPE)

    assert report["never_called"] == ["send", "look"]
    assert report["ungoverned"] == [{"tool": "fly", "calls": 1, "sessions": 1}]


def test_without_an_envelope_only_what_hit_is_known() -> None:
    report = gathered([Seen("s", "send", {}, "allow")]).report()

    assert (report["ready"], report["unproven"], report["never_called"]) == ([], [], [])


def test_the_rule_of_three_bounds_a_rate_that_was_never_seen() -> None:
    """(1 - 3/n)^n is at most 5 % for every n: what the bound promises."""
    assert at_most(300) == 0.01
    assert at_most(2) == 1.0
    assert all((1 - at_most(n)) ** n <= 0.05 for n in (3, 10, 100, 1_000, 100_000))


def back(seq: int, *, tool: str = "read", kind: str = "settled", **body: Any) -> StoredEvent:
    event = Event(f"id-{seq}", "s", kind, "a", JUDGED.hash, {"tool": tool, **body})
    return StoredEvent(seq, 100.0 + seq, event, erased=False)


JUDGED = read_envelope(
    """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: x, version: "1"}
spec:
  tools:
    read:
      effect: read
      args: {type: object, additionalProperties: false, properties: {}}
      require: [{id: may, expr: "true"}]
      idempotency: {key: ["1"], within: 1h, on_repeat: return_first}
      ensure: [{id: same, expr: "output == 'x'"}]
""",
    "j",
)
BACK = {"clause": "read.same", "on_violation": "deny", "message": "not the same", "error": False}


def test_a_result_that_would_be_withheld_and_an_answer_that_would_be_refused_count() -> None:
    events = [
        back(1, kind="decided", args={}, result="allow"),
        back(2, attempted={"args": {"a": 1}}, violations=[BACK]),
        back(3, tool="", kind="finished", violations=[BACK | {"clause": "outputs.short"}]),
    ]
    report: dict[str, Any] = gathered(from_events(events)).report(JUDGED)

    assert (report["calls"], report["would_refuse"]) == (1, 0)
    assert (report["would_withhold"], report["would_refuse_answers"]) == (1, 1)
    assert report["sessions_touched"] == 1
    assert {line["clause"] for line in report["clauses"]} == {"read.same", "outputs.short"}
    assert report["clauses"][1]["example"]["args"] == {"a": 1}
    assert "read.same" not in {line["clause"] for line in report["unproven"] + report["ready"]}


def test_a_clause_on_results_is_ready_after_results_not_after_calls() -> None:
    events = [back(seq, kind="decided", args={}, result="allow") for seq in range(5)]
    report: dict[str, Any] = gathered(from_events([*events, back(9)])).report(JUDGED, enough=5)

    assert {line["clause"]: line["calls"] for line in report["ready"]} == {
        "read.may": 5,
        "read.idempotency": 5,
    }
    assert {line["clause"]: line["calls"] for line in report["unproven"]} == {"read.same": 1}


def test_a_repeat_that_would_get_the_first_result_is_told_and_its_clause_is_not_called_ready() -> None:
    events = [back(seq, kind="decided", args={}, result="allow", repeats="id") for seq in range(5)]
    report: dict[str, Any] = gathered(from_events(events)).report(JUDGED, enough=5)

    assert report["would_repeat"] == 5
    assert {line["clause"] for line in report["ready"]} == {"read.may"}
