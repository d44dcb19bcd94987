"""The envelope decides, runs and withholds as a second evaluator says, which was written from the documentation alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from naive_cases import LOOK, SESSION, Case, case
from naive_guard import Differ, World

from remit.core import decide, history, marks, past, prepare, provenance, repeats, searched
from remit.core.errors import Refused
from remit.core.types import OnViolation, Result

CASES = 300
SOAK = 5_000
SHARES = {"allow": 0.15, "deny": 0.15, "hold": 0.10}
KINDS = [
    "require",
    "flow",
    "scope",
    "formerly",
    "never",
    "since",
    "mono",
    "limit",
    "approve",
    "idempotency",
    "canonical",
    "schema",
    "session",
    "unlisted",
    "repeat",
    "withheld",
    "raised",
    "flag require",
    "flag flow",
    "flag limit",
    "flag scope",
    "error require",
    "error mono",
    "error never",
    "error since",
    "error canonical",
    "error session",
]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path, monkeypatch)
    yield made
    made.store.close()


def differences(world: World, seeds: range) -> list[str]:
    found = []
    for seed in seeds:
        try:
            world.play(case(seed))
        except Differ as error:
            found.append(f"case({seed}): {error}")
    return found


def assert_telling(seen: Counter[str], *, of: int) -> None:
    """The cases decide in every way, and each kind of clause stands against some call."""
    assert seen["calls"] > 4 * of
    for result, share in SHARES.items():
        assert seen[result] >= share * seen["calls"], (result, seen)
    assert not [kind for kind in KINDS if not seen[kind]], seen


def test_both_evaluators_agree_on_what_agents_do_under_random_envelopes(world: World):
    assert differences(world, range(CASES)) == []
    assert_telling(world.seen, of=CASES)


@pytest.mark.soak
def test_both_evaluators_agree_for_long(world: World):
    assert differences(world, range(CASES, CASES + SOAK)) == []
    assert_telling(world.seen, of=SOAK)


@pytest.mark.parametrize("first", ["session", "agent"])
def test_an_event_that_both_begins_and_breaks_since_has_broken_it(world: World, first: str):
    """Whichever of the two looks was indexed first."""
    second = "agent" if first == "session" else "session"
    clause = {
        "id": "since",
        "since": {"tool": "look", "within": "1h", "phase": "response", "across": first},
        "broken_by": {"tool": "look", "phase": "response", "across": second},
    }
    tools = {
        "look": {"effect": "read", "args": LOOK},
        "act": {"effect": "write", "args": LOOK, "history": [clause]},
    }
    call: dict[str, Any] = {"do": "call", "talk": 0, "args": {"id": "O-1"}, "held": "", "raises": False}
    call |= {"took": 0, "result": None}
    facts = {"customer": "17", "level": 1, "teams": []}
    steps: list[dict[str, Any]] = [
        {"do": "open", "talk": 0, "facts": facts, "principal": "p", "kind": None, "user": None},
        call | {"tool": "look"},
        call | {"tool": "act"},
    ]

    world.play(Case(envelope(tools), steps))

    assert world.seen["since"] == 1


def envelope(tools: dict[str, Any]) -> str:
    head = {
        "apiVersion": "remit/v1",
        "kind": "CapabilityEnvelope",
        "metadata": {"name": "naive", "version": "1"},
    }
    return json.dumps(head | {"spec": {"session": SESSION, "tools": tools}})


# ------------------------------------------------------------------------------------------ the comparison has teeth
def _always(value: Any) -> Any:
    return lambda real: lambda *args, **options: value


def _operator(name: str) -> Any:
    return lambda real: real | {name: lambda ask, past: history.HistoryAnswer(True)}


def _softened(real: Any) -> Any:
    def decision(*args: Any) -> Any:
        made = real(*args)
        held = any(v.on_violation is OnViolation.HOLD for v in made.violations)
        return replace(made, result=Result.HOLD) if held and made.result is Result.DENY else made

    return decision


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "a failed call came back": (history, "counts", _always(True)),
    "what broke is not asked": (
        history,
        "_OPERATORS",
        lambda real: real | {"since": real["formerly"]},
    ),
    "never is always met": (history, "_OPERATORS", _operator("never")),
    "formerly is always met": (history, "_OPERATORS", _operator("formerly")),
    "since is always met": (history, "_OPERATORS", _operator("since")),
    "only this session is looked at": (
        history.Caller,
        "scope",
        lambda real: lambda self, across: self.session,
    ),
    "marks go back": (past, "mark_violations", _always(())),
    "marks are turned round": (marks, "_rank", lambda real: lambda rule, value: -real(rule, value)),
    "no flow is asked": (decide, "_flow_violation", _always(None)),
    "no scope is asked": (decide, "_scope_violation", _always(None)),
    "no repeat is given again": (decide, "_repeated", _always(None)),
    "a repeat is anyone's": (repeats, "owner_of", _always("all")),
    "a repeat runs": (repeats, "violation", _always(None)),
    "no limit is full": (decide, "exceeded", _always(())),
    "a limit is one off": (
        decide,
        "exceeded",
        lambda real: lambda claims, used: real(claims, [max(0, one - 1_000_000) for one in used]),
    ),
    "sums are halved": (prepare, "_micros", lambda real: lambda value: real(value) // 2),
    "a value may stand in a longer token": (searched, "stands", _always(True)),
    "results vouch for what was asked": (provenance.SessionText, "ask", _always(None)),
    "any source is permitted": (
        provenance,
        "_permits",
        lambda real: lambda flow, origin: real(replace(flow, sources=()), origin),
    ),
    "any integrity is permitted": (
        provenance,
        "_permits",
        lambda real: lambda flow, origin: real(replace(flow, integrity=None), origin),
    ),
    "secrets may pass": (provenance, "_confidentiality_problem", _always("")),
    "only the argument itself is asked": (
        provenance,
        "_covers",
        lambda real: lambda one, other: one == other,
    ),
    "an error is a violation like any other": (decide, "failed", lambda real: decide.unmet),
    "a hold beats a denial": (decide, "_decision", _softened),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_is_changed_is_there(mutant: str):
    where, name, _ = MUTANTS[mutant]

    assert hasattr(where, name)


@pytest.mark.soak
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_changed_rule_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch, mutant: str):
    """Each of these mutants of what decides disagrees with the naive evaluator in one of the cases that CI plays."""
    where, name, change = MUTANTS[mutant]
    monkeypatch.setattr(where, name, change(getattr(where, name)))

    assert any(differs(world, seed) for seed in range(CASES))


def differs(world: World, seed: int) -> bool:
    try:
        world.play(case(seed))
    except (Differ, Refused):
        return True
    return False
