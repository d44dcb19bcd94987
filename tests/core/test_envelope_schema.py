"""The schema for editors and the reader know the same keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from remit.core.envelope_schema import ENVELOPE_SCHEMA
from remit.core.envelope_schema_words import WORDS
from remit.core.errors import BadInput
from remit.core.reader import read_envelope
from remit.core.yamltext import Node, parse

EXAMPLES = sorted((Path(__file__).parents[2] / "examples/envelopes").glob("*.yaml"))
VALIDATOR = jsonschema_rs.Draft202012Validator(ENVELOPE_SCHEMA)

EVERYTHING = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: all, version: "1"}
spec:
  sources: {web: {integrity: untrusted}}
  tools:
    pay:
      effect: write
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
      require: [{id: a, expr: "args.to != ''"}]
      flow: [{id: b, arg: to, from: [web]}]
      scopes: [{id: s, arg: to, in: "['x']"}]
      idempotency: {key: [args.to], within: 1h, on_repeat: refuse}
      history:
        - {id: f, formerly: {tool: pay, within: 1h}, where: "event.args.to == args.to", on_violation: flag}
        - {id: g, since: {tool: pay, within: 1h}, broken_by: {tool: pay}, on_violation: flag}
      monotonic: [{id: h, of: args.to, order: [x, y]}]
      limits: [{id: c, count: calls, within: 1h, max: 1}]
      approve: [{id: d}]
      obligations:
        - {id: i, redact: {fields: [card]}}
        - {id: j, cap: {items: 3}}
        - {id: k, notify: {to: ops}}
      ensure: [{id: l, expr: "output.ok == true"}]
      output: {schema: {type: object}, on_violation: flag}
      deadline: {after: 30s, severity: low}
      compensation: {tool: pay, args: {to: args.to}}
  outputs: [{id: e, max_length: 3}]
  session_ensure: [{id: m, expr: "answer != ''"}]
  enforcement: monitor
  enforced: [{clause: pay.a, share: 0.5}]
  breaker: {admission: {read: count}, weights: {low: 1}, recovery: {sample: 0.5}}
  capture: {clean: full}
  tests:
    - {call: {tool: pay, args: {to: x}, observed: [{source: web, text: x}]}, expect: {result: hold}}
"""


def plain(file: Path) -> Any:
    return parse(file.read_text(), str(file)).plain()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_schema_accepts_every_example(file: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(plain(file))] == []


def readers_tables(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Key path: keys, as the reader asks for them while it reads an envelope that has everything."""
    asked: dict[str, set[str]] = {}
    keys = Node.keys

    def spy(node: Node, known: Sequence[str], *args: Any, **kwargs: Any) -> dict[str, Node]:
        asked[node.path] = set(known)
        return keys(node, known, *args, **kwargs)

    monkeypatch.setattr(Node, "keys", spy)
    read_envelope(EVERYTHING, "all.yaml")
    return asked


def variants(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = ENVELOPE_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    yield schema
    for one in [*schema.get("oneOf", []), *([schema["then"]] if "then" in schema else [])]:
        yield from variants(one)


def schemas_keys(path: str) -> set[str]:
    """The closed keys that the schema knows at a key path such as `spec.tools.pay.require[0]`."""
    here = list(variants(ENVELOPE_SCHEMA))
    for step in path.replace("[", ".[").split(".") if path else ():
        found = []
        for schema in here:
            if step.startswith("["):
                found.append(schema.get("items"))
            elif step in schema.get("properties", {}):
                found.append(schema["properties"][step])
            elif isinstance(schema.get("additionalProperties"), dict):
                found.append(schema["additionalProperties"])
        here = [one for schema in found if schema is not None for one in variants(schema)]
    return {
        key for schema in here if schema.get("additionalProperties") is False for key in schema["properties"]
    }


def test_every_key_of_the_reader_is_in_the_schema_and_the_other_way_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = readers_tables(monkeypatch)

    assert len(tables) > 20
    assert {path: schemas_keys(path) for path in tables} == tables


@pytest.mark.parametrize(
    "path", ["", "metadata", "spec", "spec.tools.pay", "spec.breaker", "spec.breaker.recovery"]
)
def test_an_unknown_key_is_refused_by_both(path: str) -> None:
    document = parse(EVERYTHING, "all").plain()
    here = document
    for step in path.split(".") if path else ():
        here = here[step]
    here["bogus"] = 1

    assert not VALIDATOR.is_valid(document)
    assert VALIDATOR.is_valid(parse(EVERYTHING, "all").plain())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("effect: write", "effect: wrte"),
        ("within: 1h", "within: 1 hour"),
        ("count: calls", "count: calls, sum: args.to"),
        ("from: [web]", "severity: low"),
        ("id: a,", "id: A,"),
        ("after: 30s", "after: 30"),
        ("max_length: 3", "max_length: 3, forbid: [x]"),
        ("sample: 0.5", "sample: 5"),
        ("{tool: pay, args: {to: args.to}}", "{tool: pay, args: {to: args.to}, none: never}"),
    ],
)
def test_schema_and_reader_refuse_the_same_mistakes(old: str, new: str) -> None:
    assert old in EVERYTHING
    wrong = EVERYTHING.replace(old, new)

    assert not VALIDATOR.is_valid(parse(wrong, "all").plain())
    with pytest.raises(BadInput):
        read_envelope(wrong, "all")


def keys_of(schema: Any, owner: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of a closed object, with its schema."""
    if isinstance(schema, list):
        for one in schema:
            yield from keys_of(one, owner)
    elif isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            if schema.get("additionalProperties") is False:
                yield f"{owner}.{name}", inner
        for name, inner in schema.items():
            yield from keys_of(inner, name)


def told(schema: dict[str, Any]) -> str:
    if "description" in schema or "$ref" not in schema:
        return str(schema.get("description", ""))
    return told(ENVELOPE_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])


def test_an_editor_has_a_sentence_for_every_key() -> None:
    found = list(keys_of(ENVELOPE_SCHEMA))

    assert len(found) > 100
    assert [key for key, schema in found if len(told(schema)) < 5] == []


def test_no_words_are_left_over() -> None:
    """Words for a key that the language lost would never be read again."""
    said = set()

    def collect(schema: Any) -> None:
        for inner in (
            schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
        ):
            collect(inner)
        if isinstance(schema, dict) and isinstance(schema.get("description"), str):
            said.add(schema["description"])

    collect(ENVELOPE_SCHEMA)
    assert [key for key, words in WORDS.items() if words not in said] == []


def test_the_schema_itself_is_valid() -> None:
    jsonschema_rs.meta.validate(ENVELOPE_SCHEMA)


@pytest.mark.parametrize("key", ["enforcement", "sources", "tools", "breaker", "tests"])
@pytest.mark.parametrize("file", EXAMPLES[:3], ids=lambda file: file.stem)
def test_a_misspelt_key_of_an_example_is_refused(file: Path, key: str) -> None:
    document = plain(file)
    if key not in document["spec"]:
        document["spec"][key[:-1]] = {}
    else:
        document["spec"][key[:-1]] = document["spec"].pop(key)

    assert not VALIDATOR.is_valid(document)
