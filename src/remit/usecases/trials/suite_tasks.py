"""The tasks of a suite: those that stand in it, and those of a file of JSON Lines beside it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from remit.core.canonical import canonical, loads_strict
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.reader_clauses import duration_s
from remit.core.trial.reach import node_of
from remit.core.trial.suite import DEADLINE_S, LEAST_WEIGHT, MOST_WEIGHT, Rule, Task
from remit.core.types import Json, PrincipalKind
from remit.core.yamltext import Node
from remit.usecases.trials.suite_rules import read_name

DEFAULT_KEYS = ("deadline", "principal", "principal_kind", "facts", "world", "checks")
TASK_KEYS = ("id", "input", "user_input", *DEFAULT_KEYS, "weight", "stratum")
MOST_TASKS = 100_000
MOST_TASK_BYTES = 64_000_000
"""Of a file of tasks, unpacked."""

ReadChecks = Callable[[Node], tuple[Rule, ...]]
CheckWorld = Callable[[Node], object]
"""Refuses what the suite's world cannot be made from."""


@dataclass(frozen=True, slots=True)
class TaskDefaults:
    """What a task has where it does not say otherwise."""

    deadline_s: float = DEADLINE_S
    principal: str | None = None
    principal_kind: PrincipalKind | None = None
    facts: Mapping[str, Json] | None = None
    """A task's own stand beside them, and win."""
    world: Json = None
    checks: tuple[Rule, ...] = ()
    """Asked of every task, before its own."""


def read_defaults(node: Node | None, checks: ReadChecks, world: CheckWorld) -> TaskDefaults:
    """`defaults:` of a suite."""
    if node is None:
        return TaskDefaults()
    keys = node.keys(DEFAULT_KEYS)
    return TaskDefaults(
        deadline_s=duration_s(keys["deadline"]) if "deadline" in keys else DEADLINE_S,
        principal=read_name(keys["principal"]) if "principal" in keys else None,
        principal_kind=_kind(keys),
        facts=_facts(keys["facts"]) if "facts" in keys else None,
        world=_world(keys["world"], world) if "world" in keys else None,
        checks=checks(keys["checks"]) if "checks" in keys else (),
    )


def read_tasks(
    inline: Node | None,
    lines: Iterator[Node],
    defaults: TaskDefaults,
    checks: ReadChecks,
    world: CheckWorld,
) -> dict[str, tuple[Task, Node]]:
    """Every task by its id, with its place.

    Args:
        inline: those that stand in the suite.
        lines: those of a file.
        defaults: of all.
        checks: reads a list of checks.
        world: checks what a world is made from.
    """
    found: dict[str, tuple[Task, Node]] = {}
    for node in chain(inline.items() if inline is not None else (), lines):
        task = _task(node, defaults, checks, world)
        if task.id in found:
            first = found[task.id][1].where
            raise node.error(f"two tasks have the id '{task.id}' (the first at {first})", "rename one")
        if len(found) >= MOST_TASKS:
            raise node.error(f"more than {MOST_TASKS} tasks", "sample them: `remit trial sample`")
        found[task.id] = (task, Node(None, node.line, node.path, node.file))
    return found


def _task(node: Node, defaults: TaskDefaults, checks: ReadChecks, world: CheckWorld) -> Task:
    keys = node.keys(TASK_KEYS, required=("id", "input"))
    given = value_of(keys["input"])
    own = checks(keys["checks"]) if "checks" in keys else ()
    twice = {rule.id for rule in defaults.checks} & {rule.id for rule in own}
    if twice:
        raise keys["checks"].error(f"'{min(twice)}' is the id of a check of the defaults, too", "rename one")
    facts = {**(defaults.facts or {}), **(_facts(keys["facts"]) if "facts" in keys else {})}
    said = keys["user_input"].text() if "user_input" in keys else given if isinstance(given, str) else ""
    return Task(
        id=read_name(keys["id"]),
        input=given,
        user_input=said,
        checks=(*defaults.checks, *own),
        world=_world(keys["world"], world) if "world" in keys else defaults.world,
        facts=facts,
        principal=read_name(keys["principal"]) if "principal" in keys else defaults.principal,
        principal_kind=_kind(keys) or defaults.principal_kind,
        weight=_weight(keys["weight"]) if "weight" in keys else 1.0,
        stratum=read_name(keys["stratum"]) if "stratum" in keys else "",
        deadline_s=duration_s(keys["deadline"]) if "deadline" in keys else defaults.deadline_s,
    )


def _weight(node: Node) -> float:
    value = float(node.number(0, exclusive=True))
    if not LEAST_WEIGHT <= value <= MOST_WEIGHT:
        raise node.error(f"found {value:g}", f"write a number from {LEAST_WEIGHT:g} to {MOST_WEIGHT:g}")
    return value


def _world(node: Node, check: CheckWorld) -> Json:
    check(node)
    return value_of(node)


def _kind(keys: Mapping[str, Node]) -> PrincipalKind | None:
    return (
        PrincipalKind(keys["principal_kind"].choice(tuple(PrincipalKind)))
        if "principal_kind" in keys
        else None
    )


def _facts(node: Node) -> dict[str, Json]:
    node.mapping()
    found: dict[str, Json] = value_of(node)
    return found


def value_of(node: Node) -> Json:
    """The value at *node*, in its canonical form."""
    try:
        return canonical(node.plain(), where=node.path or "value")
    except BadInput as error:
        raise node.error(f"{error.where}: {error.found}", error.remedy) from None


def check_facts(tasks: Mapping[str, tuple[Task, Node]], envelope: Envelope) -> None:
    """Every task brings the facts that the envelope asks for."""
    if envelope.session_errors is None:
        return
    for task, node in tasks.values():
        if found := envelope.session_errors(dict(task.facts)):
            told = f"the facts of task '{task.id}' do not fit the envelope's session: {found[0]}"
            raise node.error(told, "add 'facts:' to the task, or to 'defaults'")


# -------------------------------------------------------------------------------------------------- files of tasks
def task_lines(path: Path, where: Node) -> Iterator[Node]:
    """Each line of a file of JSON Lines, which may be packed with gzip (`.gz`).

    Raises:
        BadInput: it cannot be read, is too large, or a line is no JSON.
    """
    for number, line in enumerate(_unpacked(path, where).splitlines(), 1):
        if line.strip():
            yield _line(line, str(path), number)


def _line(line: bytes, file: str, number: int) -> Node:
    here = Node(None, number, "task", file)
    try:
        value: Any = loads_strict(line)
    except BadInput as error:
        raise here.error(error.found, error.remedy or "write one JSON object a line") from None
    return node_of(value, file, number, "task")


def _unpacked(path: Path, where: Node) -> bytes:
    if path.exists() and not path.is_file():
        raise where.error(f"'{path}' is no file", "name a file of JSON Lines")
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MOST_TASK_BYTES + 1)
    except FileNotFoundError:
        raise where.error(f"no file '{path}'", "paths are relative to the suite") from None
    except (OSError, EOFError, zlib.error) as error:
        raise where.error(f"'{path}' cannot be read: {error}", "check the file and its rights") from None
    if len(data) > MOST_TASK_BYTES:
        raise where.error(f"'{path}' has more than {MOST_TASK_BYTES:,} bytes", "sample the tasks")
    return bytes(data)
