"""What a clause asks of earlier calls, and what their answer means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from remit.core.history import (
    DONE,
    FAILED,
    IN_FLIGHT,
    MOST_LOOKED,
    MOST_SEEN,
    REQUEST,
    RESPONSE,
    STATES,
    UNKNOWN,
    WITHHELD,
    Caller,
    HistoryAnswer,
    Look,
    PastEvent,
    Watch,
    answer,
    ask_of,
    counts,
    event_key,
    kept_of,
    spelled_key,
    violations,
    watches_of,
)
from remit.testing.earlier import shop

ANN = Caller("s-1", "ann")


@dataclass
class Told:
    """A past that is what it was told."""

    events: list[PastEvent] = field(default_factory=list)
    blind: float = 0.0
    read: int = 0

    def matching(self, look: Look) -> Iterator[PastEvent]:
        for event in self.events:
            self.read += 1
            yield event

    def blind_s(self, watch: Watch) -> float:
        return self.blind


def event(
    at: float = 1.0, phase: str = RESPONSE, state: str = DONE, lost: bool = False, **kept: Any
) -> PastEvent:
    return PastEvent((at, int(at)), phase, state, kept or None, lost)


def asked(text: str, **args: Any) -> Any:
    tool = shop(pay=f"history: [{{id: h, {text}}}]").tools["pay"]
    return ask_of(tool.history[0], {"args": {"id": "O-1", "amount": 5} | args, "session": {}}, ANN)


PINNED = 'formerly: {tool: look, within: 1h}, where: "event.args.id == args.id"'
LOOSE = "%s: {tool: look, within: 1h}, where: \"event.args.id.startsWith('O')\""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("phase", [REQUEST, RESPONSE])
@pytest.mark.parametrize("absence", [True, False])
def test_what_counts_where_something_must_and_must_not_have_happened(
    phase: str, state: str, absence: bool
) -> None:
    asks = {
        p: asked(f"{'never' if absence else 'formerly'}: {{tool: look, phase: {p}, within: 1h}}").look
        for p in (REQUEST, RESPONSE)
    }
    found = event(phase=phase, state=state)

    assert counts(found, asks[REQUEST]) == (phase == REQUEST)
    surely = phase == RESPONSE and state == DONE
    perhaps = (phase == RESPONSE and state in (WITHHELD, UNKNOWN)) or (phase == REQUEST and state == UNKNOWN)
    assert counts(found, asks[RESPONSE]) == (surely or (absence and perhaps))


def test_pins_that_say_it_all_need_no_value_of_the_event() -> None:
    ask = asked(PINNED)
    assert ask.look.fits is None
    assert answer(ask, Told([event()])) == HistoryAnswer(True)
    assert not answer(ask, Told([])).holds


@pytest.mark.parametrize("operator", ["formerly", "never"])
def test_an_error_on_any_event_looked_at_denies(operator: str) -> None:
    for bad in (event(), event(args={}), event(args={"id": 7})):
        found = answer(asked(LOOSE % operator), Told([event(args={"id": "x"}), bad, event(args={"id": "O"})]))
        assert found.error and not found.holds


def test_more_events_than_are_looked_at_are_an_error_where_nothing_may_have_happened_and_no_find_elsewhere() -> (
    None
):
    past = [event(args={"id": "x"})] * MOST_LOOKED
    assert answer(asked(LOOSE % "never"), Told(past)).holds
    past.append(event(args={"id": "O"}))
    assert answer(asked(LOOSE % "never"), Told(past)).error
    formerly = answer(asked(LOOSE % "formerly"), Told(past))
    assert not formerly.holds and not formerly.error


def test_events_of_another_phase_are_not_read_without_end() -> None:
    past = Told([event(phase=REQUEST, state=FAILED)] * (2 * MOST_SEEN))
    assert not answer(asked(PINNED), past).holds
    assert past.read <= MOST_SEEN + 1


def test_an_event_that_may_be_about_anything_is_an_error_for_never() -> None:
    never = asked('never: {tool: look, within: 1h}, where: "event.args.id == args.id"')
    assert answer(never, Told([event(lost=True)])).error


def test_where_the_far_end_is_not_known_never_says_so_and_formerly_does_not_mind() -> None:
    found = answer(asked("never: {tool: look, within: 1h}"), Told(blind=1800.0))
    assert found.error and "the first 30m of 1h are not known to this store" in found.problem
    assert answer(asked("formerly: {tool: look, within: 1h}"), Told([event()], blind=1800.0)).holds
    assert not answer(asked("never: {tool: look, within: 1h}"), Told([event()], blind=1800.0)).error


@pytest.mark.parametrize(
    ("broken", "holds"),
    [
        (event(1.0), True),
        (event(3.0), False),
        (event(1.0, REQUEST, IN_FLIGHT), False),
        (event(3.0, REQUEST, FAILED), False),
        (event(1.0, REQUEST, FAILED), True),
        (event(3.0, REQUEST, UNKNOWN), False),
    ],
)
def test_since_ends_with_what_came_after_or_still_runs(broken: PastEvent, holds: bool) -> None:
    ask = asked("since: {tool: approve, within: 1h}, broken_by: {tool: revoke}")

    class Both(Told):
        def matching(self, look: Look) -> Iterator[PastEvent]:
            return iter([broken] if look.watch.tool == "revoke" else [event(2.0)])

    assert answer(ask, Both()).holds is holds


def test_what_is_missing_or_in_the_way_is_told_with_how_it_relates_to_the_call() -> None:
    missing = answer(asked(PINNED), Told()).problem
    there = answer(asked(LOOSE % "never"), Told([event(args={"id": "O-9"})])).problem
    anything = answer(asked("formerly: {tool: look, within: 1h}"), Told()).problem

    assert missing == "no call of look in this session in the last 1h where event.args.id == args.id"
    assert there == "a call of look in the last 1h where event.args.id.startsWith('O')"
    assert anything == "no call of look in this session in the last 1h"


def test_equal_values_have_one_key_and_unlike_ones_have_two() -> None:
    same = [(1, 1.0), (0.0, -0.0), (10**16, 1e16), ([1, {"a": 2}], [1.0, {"a": 2.0}])]
    assert all(spelled_key("s", [a]) == spelled_key("s", [b]) for a, b in same)
    unlike = [1, True, "1", None, "é", "e\u0301", 1.5, [1], {"a": 1}, "", 1e300, 2**53 - 1, 2**53 - 2]
    assert len({spelled_key("s", [a]) for a in unlike}) == len(unlike)
    assert spelled_key("a", ["b"]) != spelled_key("b", ["a"]) != spelled_key("ab", [""])


def test_a_call_is_found_by_its_pinned_values_or_lost_where_it_lacks_them() -> None:
    watch = Watch("look", "session", (("output", "id"),), ("string",), (), 60.0)
    key, lost = event_key(watch, ANN, {"args": {}, "output": {"id": "O-1"}}) or ("", True)
    assert not lost and key == spelled_key("s-1", ["O-1"])
    for bad in (
        {"args": {}},
        {"args": {}, "output": {"id": 7}},
        {"args": {}, "output": {}},
        {"args": {}, "output": "O-1"},
    ):
        assert (event_key(watch, ANN, bad) or ("", False))[1]
    number = Watch("look", "agent", (("args", "n"),), ("int",), (), 60.0)
    assert (event_key(number, ANN, {"args": {"n": True}}) or ("", False))[1]


def test_a_session_without_a_principal_leaves_nothing_for_a_principal_s_clause() -> None:
    watch = Watch("look", "principal", (), (), (), 60.0)
    assert event_key(watch, Caller("s-1"), {"args": {}}) is None


def test_only_what_where_reads_is_kept() -> None:
    watch = Watch("look", "agent", (), (), (("args", "id"), ("output", "total"), ("output", "gone")), 60.0)
    event = {"args": {"id": 1, "secret": 2}, "output": {"total": 3, "more": 4}}
    assert kept_of(watch, event) == {"args": {"id": 1}, "output": {"total": 3}}
    assert kept_of(Watch("look", "agent", (), (), (("output",),), 60.0), {"args": {}}) == {}


def test_clauses_that_ask_the_same_share_a_watch_and_others_do_not() -> None:
    same = f"{{id: a, {PINNED}}}, {{id: b, {PINNED}}}, {{id: c, {PINNED.replace('1h', '2h')}}}"
    assert len(watches_of(shop(pay=f"history: [{same}]").tools)) == 2


def test_an_ask_without_an_answer_is_an_error() -> None:
    found = violations([asked(PINNED)], [])
    assert [v.error for v in found] == [True]
