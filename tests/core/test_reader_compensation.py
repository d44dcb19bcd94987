"""What the reader says of a compensation that could not be run, and what it makes of one that could."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.diff import Effect, diff
from remit.core.envelope import Compensation, Envelope
from remit.core.errors import BadInput
from remit.core.lint import lint
from remit.core.narrow import read_document
from remit.core.reader import read_envelope

TEXT = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: travel, version: "1"}
spec:
  session: {type: object, additionalProperties: false, required: [who], properties: {who: {type: string}}}
  sources: {user: {}}
  tools:
    look: {effect: read, args: {type: object, additionalProperties: false, properties: {}}%s}
    book:
      effect: write
      args:
        type: object
        additionalProperties: false
        required: [city, nights]
        properties: {city: {type: string}, nights: {type: integer}, note: {type: string}}
      output:
        type: object
        required: [id, price]
        properties: {id: {type: string}, price: {type: number}, seat: {type: string}, legs: {type: array}}
      compensation: %s
    cancel:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [id]
        properties:
          id: {type: string}
          fee: {type: number}
          count: {type: integer}
          legs: {type: array, items: {type: string}}
          by: {type: string}
      require: [{id: named, expr: "args.id != ''"}]
      approve: [{id: always, by: [lead]}]
  tests:
    - {call: {tool: book, args: {}, session: {who: a}}, expect: {result: deny}}
"""


def read(compensation: str, look: str = "") -> Envelope:
    return read_envelope(TEXT % (look, compensation), "e.yaml")


def declared(compensation: str) -> Compensation:
    found = read(compensation).tools["book"].compensation
    assert found is not None
    return found


def test_the_compensating_call_is_made_of_arguments_result_and_facts() -> None:
    found = declared('{tool: cancel, args: {id: output.id, fee: args.nights, by: session.who}, note: "24 h"}')

    roots = {"args": {"city": "Rome", "nights": 2}, "output": {"id": "B-1"}, "session": {"who": "ann"}}
    assert (found.tool, found.note) == ("cancel", "24 h")
    assert {name: one.evaluate(roots) for name, one in found.args} == {"id": "B-1", "fee": 2, "by": "ann"}


def test_that_nothing_undoes_a_call_is_said_with_the_reason() -> None:
    assert declared('{none: "the seats are gone"}') == Compensation(why_none="the seats are gone")


@pytest.mark.parametrize(
    ("compensation", "said"),
    [
        ("none", "write {tool: cancel, args: {id: output.id}}, or {none:"),
        ("{note: soon}", "needs one of tool, none"),
        ("{tool: cancel, args: {id: output.id}, none: no}", "needs one of tool, none"),
        ("{none: no, note: soon}", "'note' where nothing undoes it"),
        ('{none: " "}', "an empty text; say why"),
        ("{tool: cancle, args: {id: output.id}}", "no tool 'cancle'; listed are look, book, cancel"),
        ("{tool: cancel}", "'id' is missing, which 'cancel' needs"),
        ("{tool: cancel, args: {fee: output.price}}", "'id' is missing, which 'cancel' needs"),
        (
            "{tool: cancel, args: {id: output.id, why: args.note}}",
            "'cancel' has no argument 'why'; it has id, fee, count, legs, by",
        ),
        ("{tool: cancel, args: {id: output.number}}", "no field 'number'; has id, legs, price, seat"),
        ("{tool: cancel, args: {id: output.seat}}", "may be missing"),
        ("{tool: cancel, args: {id: output.price}}", "output.price is double; 'cancel' takes string as 'id'"),
        ("{tool: cancel, args: {id: output.id, count: output.price}}", "takes int as 'count'"),
        ("{tool: cancel, args: {id: output.id, legs: output.id}}", "takes list as 'legs'"),
        ("{tool: cancel, args: {id: output.id, count: 1}}", "write a string"),
        ("{tool: cancel, args: {id: event.args.id}}", "event"),
        ("{tool: look, args: {id: output.id}}", "'look' has no argument 'id'; it has none"),
        ("{tool: cancel, args: [output.id]}", "mapping"),
        ("{tool: cancel, args: {id: output.id}, within: 24h}", "unknown key 'within'"),
    ],
)
def test_a_compensation_that_cannot_be_meant_is_refused_with_its_place(compensation: str, said: str) -> None:
    with pytest.raises(BadInput) as bad:
        read(compensation)

    assert said in str(bad.value)
    assert bad.value.where.startswith("e.yaml:20: spec.tools.book.compensation")


def test_a_read_has_nothing_to_undo() -> None:
    with pytest.raises(BadInput, match="a read changes nothing that could be undone"):
        read("{none: no}", look=", compensation: {none: no}")


def test_no_decision_depends_on_a_compensation() -> None:
    one, other = (read_document(TEXT % ("", text), "e.yaml") for text in ("{none: no}", "{none: never}"))

    (found,) = diff(one, other).changes
    assert (found.path, found.effect) == ("tools.book.compensation", Effect.NONE)
    assert diff(one, other).not_shown == ()


def test_lint_says_what_undoing_takes_and_fails_nothing_for_it() -> None:
    text = TEXT % ("", "{tool: cancel, args: {id: output.id}}")
    found: list[Any] = [one for one in lint(read_envelope(text, "e"), text, "e") if one.level == "info"]

    assert [one.rule for one in found] == ["compensation-needs-more"] * 2
    assert [one.message for one in found] == [
        "book is undone by cancel, which cannot be taken back itself (irreversible)",
        "book is undone by cancel, which a person has to approve",
    ]
