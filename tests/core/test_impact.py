"""How a call ended, from its events alone, and what would undo it."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core import impact_later
from remit.core.event import Event, StoredEvent
from remit.core.impact import GONE, Deed, Deeds, DeedState, Undo, Way, by_hand, undo_of, undone_by
from remit.core.impact_later import Later
from remit.core.reader import read_envelope

ENVELOPE = read_envelope(
    """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1"}
spec:
  tools:
    book:
      effect: write
      args: {type: object, additionalProperties: false, required: [city], properties: {city: {type: string}}}
      compensation: {tool: cancel, args: {id: output.id, by: "has(session.desk) ? session.desk : 'nobody'"}}
    cancel:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [id]
        properties: {id: {type: string, pattern: "^B"}, by: {type: string}}
      approve: [{id: always, by: [lead]}]
    look: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
    drop: {effect: write, args: {type: object, additionalProperties: false, properties: {}}}
""".replace(
        "spec:\n",
        "spec:\n  session: {type: object, additionalProperties: false, properties: {desk: {type: string}}}\n",
    ),
    "e.yaml",
)


class Journal:
    """Events in order, as a guard writes them."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []

    def add(
        self, kind: str, session: str = "s", erased: bool = False, text: str | None = None, **body: Any
    ) -> str:
        seq = len(self.events) + 1
        blobs = {} if text is None else {"text": text}
        event = Event(f"e{seq}", session, kind, "clerk", ENVELOPE.hash, body, blobs=blobs)
        self.events.append(StoredEvent(seq, float(seq), event, erased=erased))
        return event.id

    def decided(self, token: str = "t", tool: str = "book", session: str = "s", **body: Any) -> None:
        known = {"token": token, "tool": tool, "args": {"city": "Rome"}, "result": "allow", "enforced": True}
        self.add("decided", session, **{"effect": "write", **known, **body})

    def settled(self, token: str = "t", text: str = '{"id":"B-1"}', session: str = "s", **body: Any) -> None:
        seen = {"role": "tool", "source": "book"}
        known = {"token": token, "ended": "value", "form": "json", "segment": seen}
        self.add("settled", session, text=text, **{**known, **body})

    def deed(self) -> Deed:
        deeds = Deeds()
        for stored in self.events:
            deeds.see(stored)
        (found,) = deeds.all()
        return found


@pytest.mark.parametrize(
    ("decision", "end", "state", "acted"),
    [
        ({"result": "deny", "clauses": ["a.b"]}, None, DeedState.REFUSED, False),
        ({"result": "deny", "clauses": ["a.b"], "enforced": False}, {}, DeedState.RAN, True),
        ({"result": "hold"}, None, DeedState.HELD, False),
        ({"result": "hold", "approval_id": "a"}, {}, DeedState.RAN, True),
        ({"repeats": "t0"}, None, DeedState.REPEATED, False),
        ({"repeats": "t0", "enforced": False}, {}, DeedState.RAN, True),
        ({}, {"repeats": "t0"}, DeedState.REPEATED, False),
        ({}, {}, DeedState.RAN, True),
        ({}, {"segment": None}, DeedState.WITHHELD, True),
        ({}, {"ended": "error", "error": {"type": "OSError", "message": "x"}}, DeedState.FAILED, True),
        ({}, {"ended": "error", "outcome": "unknown"}, DeedState.UNKNOWN, True),
        ({}, None, DeedState.UNKNOWN, True),
        ({"effect": "read"}, {}, DeedState.RAN, False),
        ({"effect": None}, {}, DeedState.RAN, True),
    ],
)
def test_how_a_call_ended(decision, end, state, acted) -> None:
    journal = Journal()
    journal.decided(**decision)
    if end is not None:
        journal.settled(**end)

    found = journal.deed()
    assert (found.state, found.acted) == (state, acted)


def test_a_call_that_was_given_back_did_not_run() -> None:
    journal = Journal()
    journal.decided()
    journal.add("released", token="t", reason="the host went away")

    assert (journal.deed().state, journal.deed().why) == (DeedState.NOT_RUN, "the host went away")


def test_an_outcome_that_comes_after_the_lease_is_the_outcome() -> None:
    journal = Journal()
    journal.decided()
    journal.add("breaker.lease_expired", token="t")
    assert journal.deed().state is DeedState.UNKNOWN
    journal.settled()
    assert journal.deed().state is DeedState.RAN


def test_a_call_that_was_held_and_then_admitted_is_one_and_stands_where_it_was_asked() -> None:
    journal = Journal()
    journal.decided(result="hold")
    journal.add("observed", role="user", source="user", text="meanwhile")
    journal.decided(result="hold", approval_id="a")
    journal.settled()

    found = journal.deed()
    assert (found.seq, found.admitted_seq, found.ended_seq, found.state) == (1, 3, 4, DeedState.RAN)


def deed(**settled: Any) -> Deed:
    journal = Journal()
    journal.decided()
    journal.settled(**settled)
    return journal.deed()


@pytest.mark.parametrize(
    ("settled", "way", "said"),
    [
        ({}, Way.CALL, ""),
        ({"text": '{"id":"B-2"}', "form": "text", "as_text": True}, Way.CALL, ""),
        ({"text": "B-2", "form": "text", "as_text": True}, Way.INCOMPLETE, "'id' is output.id: "),
        ({"text": '{"ok":1}'}, Way.INCOMPLETE, "'id' is output.id: "),
        ({"text": '{"id":7}'}, Way.INCOMPLETE, "its arguments do not fit its schema: id: 7"),
        ({"text": '{"id":"X-1"}'}, Way.INCOMPLETE, "its arguments do not fit its schema: id: "),
        ({"text": f"[digest:{'0' * 64}:9]"}, Way.INCOMPLETE, "the journal has no result of the call"),
        ({"form": "other"}, Way.INCOMPLETE, "the journal has no result of the call"),
        ({"ended": "error"}, Way.INCOMPLETE, "the journal has no result of the call"),
        (
            {"text": '{"id":"[secret:key:0123456789]"}'},
            Way.INCOMPLETE,
            "a secret that the journal does not keep",
        ),
    ],
)
def test_what_undoes_a_call_has_all_its_arguments_or_says_which_it_lacks(settled, way, said) -> None:
    found = undo_of(deed(**settled), ENVELOPE, {"desk": "north"})

    assert (found.way, found.tool) == (way, "cancel")
    assert said in found.why
    assert (found.args is None) is (way is Way.INCOMPLETE)
    assert "a person has to approve it" in found.needs


def test_a_text_that_spells_an_object_is_read_where_a_field_of_it_is_asked_for() -> None:
    found = deed(text='{"id":"B-2"}', form="text", as_text=True)

    assert undo_of(found, ENVELOPE).args == {"id": "B-2", "by": "nobody"}
    assert found.output == '{"id":"B-2"}'


def test_where_nothing_is_declared_nobody_knows_and_that_is_said() -> None:
    journal = Journal()
    journal.decided(tool="drop")
    journal.settled()

    assert undo_of(journal.deed(), ENVELOPE) == Undo(Way.UNDECLARED, why="no compensation declared")
    assert "not in this store" in undo_of(journal.deed(), None).why
    assert undo_of(deed(ended="value"), None).way is Way.UNDECLARED


def test_a_compensating_call_has_the_declared_arguments_and_maybe_others() -> None:
    undo = Undo(Way.CALL, "cancel", {"id": "B-1"})

    assert undone_by(undo, "cancel", {"id": "B-1", "by": "ann"})
    assert not undone_by(undo, "cancel", {"id": "B-2"})
    assert not undone_by(undo, "cancel", {"by": "ann"})
    assert not undone_by(undo, "drop", {"id": "B-1"})
    assert not undone_by(Undo(Way.INCOMPLETE, "cancel"), "cancel", {"id": "B-1"})


def test_what_is_erased_is_counted_and_not_guessed() -> None:
    deeds, journal = Deeds(), Journal()
    journal.add("decided", erased=True)
    journal.add("observed", erased=True)
    for stored in journal.events:
        assert deeds.see(stored) is None

    assert (deeds.erased, deeds.all()) == (1, [])


def test_only_what_acted_is_to_be_checked_by_hand() -> None:
    assert by_hand(deed()) == []
    assert by_hand(deed(output=GONE), [deed()]) != []
    assert "may or may not" in by_hand(deed(ended="error"))[0]


# ---------------------------------------------------------------------------------------------------- what came later
def later(journal: Journal, first: int, depth: int = 3) -> Later:
    """What came after the calls of the session `s`, looked for in the whole journal."""
    deeds = Deeds()
    for stored in journal.events:
        if stored.event.session == "s":
            deeds.see(stored)
    found = Later(deeds.all(), {d.id: undo_of(d, ENVELOPE) for d in deeds.all()}, depth)
    for stored in journal.events[first:]:
        found.see(stored)
    return found


def read(journal: Journal, session: str, text: str) -> None:
    journal.add("observed", session, role="user", source="user", text=text)


def test_a_value_is_read_only_after_it_was_written() -> None:
    journal = Journal()
    read(journal, "early", "about BK-88101")
    journal.decided(args={"city": "BK-88101"})
    read(journal, "between", "about BK-88101 and BK-99202")
    journal.settled(text='{"id":"BK-99202"}')
    read(journal, "late", "about BK-99202")

    found = later(journal, 0)
    assert {c.value.value: [r.session for r in c.readings] for c in found.values.values()} == {
        "BK-88101": ["between"], "BK-99202": ["late"],
    }  # fmt: skip


def test_an_answer_that_repeats_what_was_asked_says_so() -> None:
    journal = Journal()
    journal.decided(args={"city": "BK-88101"})
    journal.settled()
    journal.decided("t2", "look", session="other", effect="read", args={"id": "BK-88101"})
    journal.settled("t2", session="other", text="BK-88101 is fine")

    (counted,) = [c for c in later(journal, 0).values.values() if c.sessions]
    assert [(r.session, r.asked) for r in counted.readings] == [("other", True)]


def test_readers_beyond_the_bound_are_counted_and_the_bound_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impact_later, "MOST_READINGS", 3)
    journal = Journal()
    journal.decided(args={"city": "BK-88101"})
    journal.settled()
    for n in range(10):
        read(journal, f"r{n}", "about BK-88101")

    found = later(journal, 0)
    (counted,) = [c for c in found.values.values() if c.sessions]
    assert (counted.sessions, len(counted.readings)) == (10, 3)
    assert found.cut == {"readers of one value: 3 are named"}


@pytest.mark.parametrize(
    ("bound", "said"), [("MOST_VALUES", "values: 2"), ("MOST_USES", "uses: 2"), ("MOST_SESSIONS", "2")]
)
def test_each_bound_holds_and_is_said(monkeypatch: pytest.MonkeyPatch, bound: str, said: str) -> None:
    monkeypatch.setattr(impact_later, bound, 2)
    journal = Journal()
    journal.decided(args={f"a{n}": f"BK-8810{n}" for n in range(6)})
    journal.settled()
    for n in range(6):
        read(journal, f"r{n}", " ".join(f"BK-8810{m}" for m in range(6)))
        journal.decided(f"u{n}", session=f"r{n}", args={"city": "BK-88100"})

    found = later(journal, 0)
    assert any(said in told for told in found.cut)
    assert len(found.values) <= 20 and len(found.uses) <= 6 and len(found._had) <= 6
    if bound == "MOST_VALUES":
        assert len(found.values) == 2
    elif bound == "MOST_USES":
        assert len(found.uses) == 2
    else:
        assert len(found._had) == 2


def test_one_step_looks_for_nothing_that_a_reader_wrote() -> None:
    journal = Journal()
    journal.decided(args={"city": "BK-88101"})
    journal.settled()
    read(journal, "other", "about BK-88101")
    journal.decided("t2", session="other", args={"city": "BK-88101", "ref": "INV-20417"})
    journal.settled("t2", session="other")
    read(journal, "third", "about INV-20417")

    assert {r.session for c in later(journal, 0).values.values() for r in c.readings} == {"other", "third"}
    assert {r.session for c in later(journal, 0, 1).values.values() for r in c.readings} == {"other"}


def test_a_use_that_was_refused_wrote_nothing() -> None:
    journal = Journal()
    journal.decided(args={"city": "BK-88101"})
    journal.settled()
    read(journal, "other", "about BK-88101")
    journal.decided("t2", session="other", result="deny", args={"city": "BK-88101", "ref": "INV-20417"})
    read(journal, "third", "about INV-20417")

    found = later(journal, 0)
    assert [use.deed.state for use in found.uses] == [DeedState.REFUSED]
    assert {r.session for c in found.values.values() for r in c.readings} == {"other"}
