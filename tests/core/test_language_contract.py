"""No key of the envelope is documented and does nothing.

Every key that the schema knows has a row with two values; setting the one or the other must make two different
compiled envelopes, or be refused where the row says so. A key without a row fails. What is compiled must be read
by something that is not the reader.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from remit.core import envelope as compiled
from remit.core.cel import Condition
from remit.core.envelope_schema import ENVELOPE_SCHEMA
from remit.core.errors import BadInput
from remit.core.reader import read_envelope
from remit.core.yamltext import parse

SOURCE = Path(compiled.__file__).parents[1]
ABSENT, BASE, ENFORCED = "(absent)", "(as it is)", "(enforce, and nothing is promoted)"
BENCH = parse((Path(__file__).parent / "every_key.yaml").read_text("utf-8"), "every_key.yaml").plain()

Row = tuple[Any, Any]
COMMON: dict[str, Row] = {
    "id": ("one", "two"),
    "on_violation": ("deny", "flag"),
    "severity": ("low", "high"),
    "message": ("Ask first.", "Stop."),
    "accept_risk": ("signed off", "a pilot"),
    "by": (["lead"], ["risk"]),
    "expires": ("5m", "6m"),
    "people": (1, 2),
    "hold_by": (["lead"], ["risk"]),
    "tool": ("pay", "look"),
    "phase": ("request", "response"),
    "within": ("1h", "2h"),
    "across": ("session", "agent"),
}
"""Keys that mean the same wherever they stand."""

TOOL = "spec.tools.*."
TEXTS = {name: {"type": "string"} for name in ("ok", "owner", "card", "more")}
OTHER_OUTPUT = {
    "type": "object",
    "required": ["ok", "owner"],
    "properties": TEXTS | {"rows": {"type": "array"}},
}
OTHER_ARGS = copy.deepcopy(BENCH["spec"]["tools"]["pay"]["args"])
OTHER_ARGS["properties"]["state"]["maxLength"] = 9
OTHER_FACTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"who": {"type": "string", "maxLength": 9}},
}
WHERE = ("event.args.to == args.to", "event.args.amount == args.amount")
UNDOING = BENCH["spec"]["tools"]["pay"]["compensation"]["args"]
ROWS: dict[str, Row] = {
    "metadata.name": ("a", "b"),
    "metadata.version": ("1", "2"),
    "metadata.owner": ("a", "b"),
    "spec.enforcement": (BASE, ENFORCED),
    "spec.session": (BASE, OTHER_FACTS),
    "spec.sources": (BASE, {"web": {"integrity": "principal"}}),
    "spec.sources.*.integrity": ("untrusted", "principal"),
    "spec.sources.*.confidentiality": ("public", "secret"),
    TOOL + "effect": ("write", "read"),
    TOOL + "target": ("a", "b"),
    **{
        TOOL + name: (BASE, ABSENT)
        for name in ("flow", "scopes", "idempotency", "history", "monotonic", "limits", "approve")
    },
    **{TOOL + name: (BASE, ABSENT) for name in ("obligations", "output", "ensure", "deadline")},
    TOOL + "args": (BASE, OTHER_ARGS),
    TOOL + "require": (BASE, BENCH["spec"]["tools"]["pay"]["require"][:2]),
    TOOL + "require[].expr": ("args.amount > 1", "args.amount > 2"),
    TOOL + "flow[].arg": ("to", "state"),
    TOOL + "flow[].from": (["web"], ["user"]),
    TOOL + "flow[].integrity": ("trusted", "principal"),
    TOOL + "flow[].confidentiality_at_most": ("public", "internal"),
    TOOL + "flow[].unless": ("args.amount > 1", "args.amount > 2"),
    TOOL + "scopes[].arg": ("to", "state"),
    TOOL + "scopes[].output": ("ok", "owner"),
    TOOL + "scopes[].in": ("['x']", "['y']"),
    TOOL + "idempotency.key": (["args.to"], ["args.state"]),
    TOOL + "idempotency.on_repeat": ("refuse", "hold"),
    TOOL + "idempotency.after_error": ("refuse", "retry"),
    **{TOOL + f"history[].{name}": (BASE, ABSENT) for name in ("formerly", "never", "since", "broken_by")},
    TOOL + "history[].where": WHERE,
    TOOL + "history[].broken_by.where": WHERE,
    TOOL + "monotonic[].value": ("args.amount", "args.count"),
    TOOL + "monotonic[].of": ("args.state", "args.to"),
    TOOL + "monotonic[].order": (["new", "done"], ["new", "paid", "done"]),
    TOOL + "monotonic[].by": (["args.to"], ["args.state"]),
    TOOL + "limits[].count": ("calls", ABSENT),
    TOOL + "limits[].sum": ("args.amount", "args.count"),
    TOOL + "limits[].by": (["args.to"], ["args.state"]),
    TOOL + "limits[].max": (3, 4),
    TOOL + "approve[].when": ("args.amount > 1", "args.amount > 2"),
    TOOL + "obligations[].when": ("args.amount > 1", "args.amount > 2"),
    **{TOOL + f"obligations[].{name}": (BASE, ABSENT) for name in ("redact", "cap", "notify")},
    TOOL + "obligations[].redact.fields": (["card"], ["owner"]),
    TOOL + "obligations[].redact.patterns": (["a+"], ["b+"]),
    TOOL + "obligations[].cap.arg": ("amount", "count"),
    TOOL + "obligations[].cap.at": (5, 6),
    TOOL + "obligations[].cap.field": ("rows", ABSENT),
    TOOL + "obligations[].cap.items": (3, 4),
    TOOL + "obligations[].cap.characters": (3, 4),
    TOOL + "obligations[].notify.to": ("ops", "risk"),
    TOOL + "output.schema": (BASE, OTHER_OUTPUT),
    TOOL + "ensure[].expr": ("output.ok == 'x'", "output.ok == 'y'"),
    TOOL + "deadline.after": ("30s", "40s"),
    TOOL + "compensation": (BASE, ABSENT),
    TOOL + "compensation.args": (BASE, UNDOING | {"to": "args.state"}),
    TOOL + "compensation.note": ("today", "until noon"),
    TOOL + "compensation.none": ("sent", "gone"),
    "spec.outputs": (BASE, ABSENT),
    "spec.outputs[].schema": (BASE, {"type": "array"}),
    "spec.outputs[].max_length": (3, 4),
    "spec.outputs[].forbid": (["a+"], ["b+"]),
    "spec.session_ensure": (BASE, ABSENT),
    "spec.session_ensure[].expr": ("answer != ''", "answer != 'x'"),
    "spec.enforced": (BASE, ABSENT),
    "spec.enforced[].clause": ("pay.kept", "pay.other"),
    "spec.enforced[].share": (0.5, 0.6),
    "spec.breaker": (BASE, ABSENT),
    "spec.breaker.threshold": (4, 6),
    "spec.breaker.max_violations": (4, 6),
    "spec.breaker.window": ("5m", "6m"),
    "spec.breaker.admission": ({"read": "count"}, "reserve"),
    **{f"spec.breaker.admission.{effect}": ("count", "reserve") for effect in ("read", "write")},
    **{f"spec.breaker.admission.{effect}": ("count", "reserve") for effect in ("irreversible", "egress")},
    "spec.breaker.weights": ({"low": 2}, ABSENT),
    "spec.breaker.weights.low": (1, 2),
    "spec.breaker.weights.medium": (2, 3),
    "spec.breaker.weights.high": (4, 5),
    "spec.breaker.supervised": ("effects", "all"),
    "spec.breaker.recovery": (BASE, ABSENT),
    "spec.breaker.recovery.cooldown": ("1m", "3m"),
    "spec.breaker.recovery.cooldown_max": ("1h", "2h"),
    "spec.breaker.recovery.look_back": ("7h", "8h"),
    "spec.breaker.recovery.approved_clean": (11, 12),
    "spec.breaker.recovery.probation_clean": (51, 52),
    "spec.breaker.recovery.probation_in_flight": (1, 2),
    "spec.breaker.recovery.sample": (0.3, 0.4),
    "spec.breaker.lease": ("1m", "2m"),
    "spec.breaker.max_pending": (3, 4),
    "spec.capture": (BASE, ABSENT),
    "spec.capture.clean": ("full", "digest"),
    "spec.capture.sample": (0.3, 0.4),
    "spec.capture.retain": ("30d", "40d"),
    "spec.capture.mask": (["a+"], ["b+"]),
    "spec.tests": (BASE, ABSENT),
    "spec.tests[].call": (BASE, {"tool": "look", "args": {}}),
    "spec.tests[].call.tool": ("pay", "look"),
    "spec.tests[].call.args": ({"to": "x"}, {"to": "y"}),
    "spec.tests[].call.session": ({"who": "a"}, {"who": "b"}),
    "spec.tests[].call.user": ("hello", "bye"),
    "spec.tests[].call.earlier": (BASE, ABSENT),
    "spec.tests[].call.earlier[].args": ({"to": "x"}, {"to": "y"}),
    "spec.tests[].call.earlier[].output": ({"ok": True}, {"ok": False}),
    "spec.tests[].call.earlier[].state": ("done", "failed"),
    "spec.tests[].call.earlier[].ago": ("1m", "2m"),
    "spec.tests[].call.output": ({"ok": True}, {"ok": False}),
    "spec.tests[].call.observed": (BASE, ABSENT),
    "spec.tests[].call.observed[].source": ("web", "user"),
    "spec.tests[].call.observed[].text": ("x", "y"),
    "spec.tests[].expect": (BASE, {"result": "allow"}),
    "spec.tests[].expect.result": ("deny", "hold"),
    "spec.tests[].expect.clause": ("pay.kept", "pay.other"),
    "spec.tests[].expect.output": ({"ok": True}, {"ok": False}),
}
"""Key path: two values that must not mean the same."""

REFUSED: dict[str, Row] = {
    "apiVersion": ("remit/v1", "remit/v2"),
    "kind": ("CapabilityEnvelope", "Policy"),
    "metadata": (BASE, ABSENT),
    "spec": (BASE, ABSENT),
    "spec.default": ("deny", "allow"),
    "spec.on_error": ("deny", "allow"),
    "spec.tools": (BASE, ABSENT),
    "spec.capture.anomaly": ("full", "digest"),
    TOOL + "compensation.tool": ("pay", "sell"),
}
"""Key path: a value that loads, and one that must not."""

HOLDS = {"on_violation": "hold", "on_repeat": "hold"}
COMPANY = {
    "by": HOLDS,
    "hold_by": HOLDS,
    "expires": HOLDS,
    "people": HOLDS,
    "accept_risk": {"on_violation": "flag"},
}
"""What a key needs beside it to mean something, where the clause has that key."""

FOR_READERS = {
    "metadata.description": ("a", "b"),
    "spec.tools.*.description": ("a", "b"),
}
"""Told to people alone: nothing but the envelope's hash may depend on them."""


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return ENVELOPE_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def key_paths(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    schema = resolved(schema)
    for one in [*schema.get("oneOf", []), *([schema["then"]] if "then" in schema else [])]:
        if "type" in one or "$ref" in one:
            yield from key_paths(one, path)
    if schema.get("additionalProperties") is False:
        for key, part in schema["properties"].items():
            yield (here := f"{path}.{key}" if path else key)
            yield from key_paths(part, here)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from key_paths(schema["additionalProperties"], path + ".*")
    if isinstance(schema.get("items"), dict):
        yield from key_paths(schema["items"], path + "[]")


PATHS = list(dict.fromkeys(key_paths(ENVELOPE_SCHEMA)))


def row_of(path: str) -> Row | None:
    for table in (ROWS, REFUSED, FOR_READERS):
        if path in table:
            return table[path]
    return COMMON.get(path.rpartition(".")[2])


def holders(document: Any, steps: list[str]) -> Iterator[dict[str, Any]]:
    """The mappings in the document where the last step is a key."""
    if len(steps) == 1:
        if isinstance(document, dict):
            yield document
        return
    step, rest = steps[0], steps[1:]
    if step == "*" and isinstance(document, dict):
        for part in document.values():
            yield from holders(part, rest)
    elif step == "[]" and isinstance(document, list):
        for part in document:
            yield from holders(part, rest)
    elif isinstance(document, dict) and step in document:
        yield from holders(document[step], rest)


def steps_of(path: str) -> list[str]:
    return path.replace("[]", ".[]").split(".")


def with_value(path: str, number: int, value: object) -> dict[str, Any]:
    """The bench envelope, the *number*-th holder of the path's key changed."""
    document = copy.deepcopy(BENCH)
    holder = list(holders(document, steps_of(path)))[number]
    key = steps_of(path)[-1]
    if value is ENFORCED:
        holder["enforcement"] = "enforce"
        del holder["enforced"]
    elif value is ABSENT:
        holder.pop(key, None)
    elif value is not BASE:
        holder[key] = value
    company = COMPANY.get(key, {})
    holder.update(
        {name: part for name, part in company.items() if f"{path.rpartition('.')[0]}.{name}" in PATHS}
    )
    return document


def seen(value: Any) -> Any:
    """What was compiled, without hashes, lines and closures."""
    if isinstance(value, Condition):
        return value.text
    if dataclasses.is_dataclass(value):
        fields = {f.name: seen(getattr(value, f.name)) for f in dataclasses.fields(value)}
        skipped = {"text"} if isinstance(value, compiled.Envelope) else set()
        return {
            name: part
            for name, part in fields.items()
            if name not in {"hash", "line", "schema_hash", *skipped}
        }
    if isinstance(value, Mapping):
        return {str(name): seen(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [seen(part) for part in value]
    if callable(value):
        return [repr(value(text)) for text in ANSWERS]  # a check of an answer, or of a schema
    return str(value)


ANSWERS = ("", "aaa", "aaaa", "bbbb", "{}", "[]")


NEEDED = re.compile(r"found none of|needs one of|belong together")
"""How the reader says that a clause is nothing without one of these keys."""


def outcome(path: str, number: int, value: object) -> Any:
    try:
        envelope = read_envelope(json.dumps(with_value(path, number, value)), "f.yaml")
    except BadInput as error:
        return error
    return seen(envelope)


def test_the_bench_envelope_loads():
    assert read_envelope(json.dumps(BENCH), "f.yaml").tools


def test_every_key_of_the_schema_has_a_row_and_every_row_a_key():
    assert [path for path in PATHS if row_of(path) is None] == []
    assert [path for path in (*ROWS, *REFUSED, *FOR_READERS) if path not in PATHS] == []


@pytest.mark.parametrize("path", PATHS)
def test_every_key_is_in_the_page_of_the_language(path):
    owner, _, key = path.rpartition(".")
    page = (SOURCE.parents[1] / "docs/language.md").read_text("utf-8")
    section = page.partition(f"## `{owner or 'the document'}`\n")[2].partition("\n## ")[0]

    assert f"`{key}`" in section


@pytest.mark.parametrize("path", [path for path in PATHS if path not in REFUSED and path not in FOR_READERS])
def test_a_key_changes_what_is_compiled(path):
    row, found = row_of(path), []
    assert row is not None
    for number in range(len(list(holders(BENCH, steps_of(path))))):
        one, other = (outcome(path, number, value) for value in row)
        found.append([str(said) for said in (one, other) if isinstance(said, BadInput)])
        if one != other and not found[-1]:
            return
        if row[1] is ABSENT and len(found[-1]) == 1 and NEEDED.search(found[-1][0]):
            return
    pytest.fail(f"{path}: {row} makes no difference: {found}")


@pytest.mark.parametrize("path", REFUSED)
def test_a_key_with_one_value_takes_no_other(path):
    good, bad = (outcome(path, 0, value) for value in REFUSED[path])

    assert not isinstance(good, BadInput), good
    assert isinstance(bad, BadInput)


@pytest.mark.parametrize("path", FOR_READERS)
def test_what_is_told_to_people_alone_is_in_the_hash_and_nowhere_else(path):
    texts = [json.dumps(with_value(path, 0, value)) for value in FOR_READERS[path]]
    one, other = (read_envelope(text, "f.yaml") for text in texts)

    assert one.hash != other.hash
    assert seen(one) == seen(other)


READ_ONCE = {"Clause.accept_risk"}
"""Asked for by the reader, where a consequential call may run against a clause; kept for those who read it."""


def test_everything_that_is_compiled_is_read_by_more_than_the_reader():
    skipped = re.compile(r"(reader\w*|lint|diff|narrow|envelope)\.py\Z")
    texts = [file.read_text("utf-8") for file in SOURCE.rglob("*.py") if not skipped.search(file.name)]
    used = set(re.findall(r"\.([a-z_]+)\b", "\n".join(texts)))
    classes = [one for one in vars(compiled).values() if dataclasses.is_dataclass(one)]

    fields = {f"{one.__name__}.{f.name}" for one in classes for f in dataclasses.fields(one)}
    assert {field for field in fields if field.rpartition(".")[2] not in used} == READ_ONCE
