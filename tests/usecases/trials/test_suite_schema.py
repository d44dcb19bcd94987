"""The schema of suites for editors and the reader know the same keys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from remit.core.trial.checks.table import CHECKS
from remit.core.trial.gates.table import KINDS
from remit.core.trial.invariants.table import INVARIANTS
from remit.core.trial.suite_schema import SUITE_SCHEMA
from remit.core.yamltext import Node, parse
from remit.usecases.trials.suite_file import read_suite

from .test_suite_file import EXAMPLE, FULL, MINIMAL

VALIDATOR = jsonschema_rs.Draft202012Validator(SUITE_SCHEMA)
EVERYTHING = """\
apiVersion: remit/v1
kind: TrialSuite
metadata: {name: all}
spec:
  envelope: refund.yaml
  arms: {a: {python: "agent.py:answer", settings: {}}}
  world: {answers: [{tool: lookup_order, result: 1}]}
  defaults: {facts: {customer_id: "17"}, checks: [{python: {function: "checks.py:names_the_amount", at_least: 1}}]}
  tasks:
    - id: a
      input: x
      world: {answers: [{tool: refund_payment, error: no}]}
      checks:
        - {id: a, answer: {equals: 1}}
        - {id: b, called: {tool: lookup_order}}
        - {id: c, not_called: {tool: x}}
        - {id: d, order: [lookup_order, {tool: refund_payment, args: {}}]}
        - {id: e, state: {path: [a], absent: true}}
        - {id: f, cel: "latency_s < 9.0"}
  design: {fixed: {epochs: 2}}
  invariants:
    - known_tools
    - {id: a, safety: {counts: effects}}
    - {id: b, schema: {tools: {lookup_order: {args: {}}}}}
    - {id: c, known_tools: {tools: [a]}}
    - {id: d, monotonic: {value: "args.n"}}
    - {id: e, idempotent: {ignore: [state.log]}}
    - {id: f, deadline: {within: 1s}}
    - {id: g, cel: "latency_s < 9.0"}
    - {id: h, python: {function: "checks.py:names_the_amount"}}
  run: {retries: 0}
"""


@pytest.mark.parametrize("text", [(EXAMPLE / "suite.yaml").read_text(), EVERYTHING, MINIMAL, FULL])
def test_the_schema_accepts_what_the_reader_reads(text: str):
    assert [error.message for error in VALIDATOR.iter_errors(parse(text, "f").plain())] == []


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Key path: keys, as the reader asks for them while it reads suites that have everything."""
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    found: dict[str, set[str]] = {}
    keys = Node.keys

    def spy(node: Node, known: Sequence[str], *args: Any, **kwargs: Any) -> dict[str, Node]:
        if node.file.endswith("all.yaml"):
            found[node.path] = set(known)
        return keys(node, known, *args, **kwargs)

    monkeypatch.setattr(Node, "keys", spy)
    sequential = EVERYTHING.replace("fixed: {epochs: 2}", "sequential: {max_trials: 3}")
    for text in (EVERYTHING, sequential):
        (tmp_path / "all.yaml").write_text(text)
        read_suite(tmp_path / "all.yaml")
    del found["spec.tasks[0].world"]  # what it must be depends on the suite's world
    return {path: known for path, known in found.items() if not path.startswith("spec.tasks[0].world")}


def variants(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = SUITE_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    yield schema
    for one in schema.get("oneOf", []):
        yield from variants(one)


def schemas_keys(path: str) -> set[str]:
    here = list(variants(SUITE_SCHEMA))
    for step in path.replace("[", ".[").split(".") if path else ():
        found: list[Any] = []
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


def test_every_key_of_the_reader_is_in_the_schema_and_the_other_way_round(asked: dict[str, set[str]]):
    assert len(asked) > 25
    assert {path: schemas_keys(path) for path in asked} == asked


@pytest.mark.parametrize(
    ("path", "kinds"),
    [("spec.tasks[0].checks[0]", CHECKS), ("spec.invariants[0]", INVARIANTS), ("spec.gates[0]", KINDS)],
)
def test_every_kind_of_rule_is_in_the_schema(path: str, kinds: Any):
    assert schemas_keys(path) == {"id", *kinds}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: TrialSuite", "kind: X"),
        ("agent:", "agnt:"),
        ("input: Say", "inpt: Say"),
        ("{id: hello,", "{id: hello, weight: 0,"),
        ("tasks:", "invariants: [safty]\n  tasks:"),
        ("tasks:", "design: {fixed: {epochs: 0}}\n  tasks:"),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(old: str, new: str):
    assert not VALIDATOR.is_valid(parse(MINIMAL.replace(old, new), "f").plain())
