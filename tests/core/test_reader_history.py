"""What the reader says about a clause on earlier calls that cannot be meant."""

from __future__ import annotations

import pytest

from remit.core.errors import BadInput
from remit.testing.earlier import shop

FORMERLY = "formerly: {tool: look, within: 1h}"


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("{id: x}", "found none of formerly, never, since"),
        (f"{{id: x, {FORMERLY}, never: {{tool: pay, within: 1h}}}}", "found formerly, never of formerly, never, since"),
        (f"{{{FORMERLY}}}", "id"),
        ("{id: x, formerly: {tool: look}}", "within"),
        ("{id: x, formerly: {tool: look, within: 1 hour}}", "1 hour"),
        ("{id: x, formerly: {tool: lok, within: 1h}}", "lok"),
        ("{id: x, formerly: {tool: look, within: 1h, phase: answer}}", "answer"),
        ("{id: x, formerly: {tool: look, within: 1h, phase: []}}", "an empty list"),
        ("{id: x, formerly: {tool: look, within: 1h, across: team}}", "team"),
        ("{id: x, since: {tool: look, within: 1h}}", "'since' and 'broken_by' belong together"),
        (f"{{id: x, {FORMERLY}, broken_by: {{tool: revoke}}}}", "'since' and 'broken_by' belong together"),
        (f"{{id: x, {FORMERLY}, where: \"args.id == 'a'\"}}", "says nothing about 'event'"),
        (f'{{id: x, {FORMERLY}, where: "event.args.idd == args.id"}}', "no field 'idd'; has id, note"),
        (f'{{id: x, {FORMERLY}, where: "event.args.note == args.id"}}', "may be missing"),
        (f'{{id: x, {FORMERLY}, where: "event.args.id == args.amount"}}', "cannot compare"),
        (f'{{id: x, {FORMERLY}, where: "event.args.id"}}', "bool expected"),
        (f'{{id: x, {FORMERLY}, where: "event.state == args.id"}}', "no field 'state'"),
        (
            '{id: x, never: {tool: look, within: 1h}, where: "event.output.total == 3"}',
            "reads event.output, which a request does not have",
        ),
    ],
)  # fmt: skip
def test_a_history_clause_that_cannot_be_meant_is_refused_with_its_place(clause: str, said: str) -> None:
    with pytest.raises(BadInput) as bad:
        shop(pay=f"history:\n  - {clause}")
    assert said in str(bad.value)
    assert "test.yaml" in bad.value.where and "spec.tools.pay" in bad.value.where


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("{within: 1h, on_repeat: refuse}", "key"),
        ("{key: [], within: 1h, on_repeat: refuse}", "an empty list"),
        ("{key: [args.id], within: 1h}", "on_repeat"),
        ("{key: [args.id], on_repeat: refuse}", "within"),
        ("{key: [args.id], within: 1h, on_repeat: rerun}", "rerun"),
        ("{key: [args.id], within: 1h, on_repeat: refuse, after_error: ignore}", "ignore"),
        ("{key: [args.note], within: 1h, on_repeat: refuse}", "may be missing"),
        ("{key: [output.id], within: 1h, on_repeat: refuse}", "output"),
        ("{key: [args.id], within: 1h, on_repeat: refuse, on_violation: flag}", "on_violation"),
    ],
)  # fmt: skip
def test_an_idempotency_clause_that_cannot_be_meant_is_refused(clause: str, said: str) -> None:
    with pytest.raises(BadInput) as bad:
        shop(pay=f"idempotency: {clause}")
    assert said in str(bad.value)


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("{id: x}", "needs one of value, of"),
        ("{id: x, value: args.id}", "a value of string"),
        ("{id: x, value: args.id, of: args.id, order: [a, b]}", "needs one of value, of"),
        ("{id: x, of: args.id}", "no 'order'"),
        ("{id: x, of: args.id, order: [a]}", "found ['a']"),
        ("{id: x, of: args.id, order: [a, a]}", "found ['a', 'a']"),
        ("{id: x, of: 'size(args.id)', order: [a, b]}", "a state of int"),
        ("{id: x, value: 'size(args.id)', order: [a, b]}", "'order' of a number"),
        ("{id: x, value: args.version}", "may be missing"),
        ("{id: x, value: output.v, on_violation: hold}", "hold"),
    ],
)  # fmt: skip
def test_a_monotonic_clause_that_cannot_be_meant_is_refused(clause: str, said: str) -> None:
    with pytest.raises(BadInput) as bad:
        shop(move=f"monotonic: [{clause}]")
    assert said in str(bad.value)


def test_what_is_absent_is_looked_for_further_than_what_is_there() -> None:
    tool = shop(pay=f"history: [{{id: a, {FORMERLY}}}, {{id: b, never: {{tool: pay, within: 1h}}}}]").tools[
        "pay"
    ]
    there, absent = (one.event for one in tool.history)
    assert (there.phases, there.across) == (("response",), "session")
    assert (absent.phases, absent.across) == (("request", "response"), "agent")


def test_where_is_pinned_only_as_far_as_an_index_can_say_it() -> None:
    def event(where: str) -> tuple[int, bool, tuple[tuple[str, ...], ...]]:
        found = shop(pay=f'history: [{{id: a, {FORMERLY}, where: "{where}"}}]').tools["pay"].history[0].event
        return len(found.pins), found.where is None, found.keeps

    assert event("event.args.id == args.id") == (1, True, ())
    assert event("event.output.total == 3 && event.args.id == args.id") == (2, True, ())
    assert event("event.args.id == args.id && event.output.total > 3") == (
        1,
        False,
        (("args", "id"), ("output", "total")),
    )
    assert event("has(event.args.note) && event.args.note == args.id") == (0, False, (("args", "note"),))
