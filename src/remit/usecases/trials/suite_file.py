"""A suite in a file: read strictly, nothing of it executed (`loaded.load` does that)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from remit.core.envelope import Envelope
from remit.core.trial.checks.table import CHECKS, check_of
from remit.core.trial.gates.of_check import find_checks
from remit.core.trial.gates.table import KINDS, gates_of
from remit.core.trial.invariants.table import INVARIANTS, invariant_of
from remit.core.trial.judging import content_of
from remit.core.trial.reach import Reach
from remit.core.trial.suite import Rule, Suite, Task
from remit.core.yamltext import Node, parse
from remit.usecases.envelope_file import read_envelope_file, read_text
from remit.usecases.trials.functions import Functions
from remit.usecases.trials.suite_arms import read_arms, read_design, read_mapping, read_run, read_world
from remit.usecases.trials.suite_hash import suite_hash
from remit.usecases.trials.suite_rules import read_name, read_rules
from remit.usecases.trials.suite_tasks import (
    check_facts,
    read_defaults,
    read_tasks,
    task_lines,
)
from remit.usecases.trials.world_answers import read_answers

API_VERSION = "remit/v1"
KIND = "TrialSuite"
BEGIN = "begin with the suite in docs/trials.md, or draw one with `remit trial sample`"
SPEC_KEYS = (
    "envelope",
    "agent",
    "arms",
    "world",
    "defaults",
    "tasks",
    "tasks_from",
    "design",
    "gates",
    "invariants",
    "run",
    "coverage",
)


def read_suite(path: Path) -> Suite:
    """The suite in a file. Its code is not run; that its files are there is looked at.

    Raises:
        BadInput: anything that is not exactly as `docs/trials.md` says, with file, line and key.
    """
    root = parse(read_text(path, what="suite"), str(path), begin=BEGIN)
    top = root.keys(
        ("apiVersion", "kind", "metadata", "spec"), required=("apiVersion", "kind", "metadata", "spec")
    )
    top["apiVersion"].choice((API_VERSION,))
    top["kind"].choice((KIND,))
    meta = top["metadata"].keys(("name", "version", "owner", "description"), required=("name",))
    for key in ("owner", "description"):
        if key in meta:
            meta[key].text()
    version = meta["version"].value if "version" in meta else ""
    if not isinstance(version, str | int | float) or isinstance(version, bool):
        raise meta["version"].error(f"found {meta['version'].kind}", "write a string")
    found = _read(top["spec"], path.parent)
    return replace(found, name=read_name(meta["name"]), version=str(version))


def _read(node: Node, folder: Path) -> Suite:
    spec = node.keys(SPEC_KEYS)
    functions = Functions(folder)
    envelope = _envelope(spec["envelope"], folder) if "envelope" in spec else None
    world = read_world(spec.get("world"), functions)
    reach = Reach(functions.check, envelope, has_world=world is not None)
    tasks = _tasks(spec, node, folder, reach, _world_check(world))
    if envelope is not None:
        check_facts(tasks, envelope)
    reach = replace(reach, tasks=tuple(task for task, _ in tasks.values()))
    run = read_run(spec.get("run"))
    arms = read_arms(spec, node, functions)
    gates = _rules(spec, "gates", tuple(KINDS))
    suite = Suite(
        name="",
        tasks={name: task for name, (task, _) in tasks.items()},
        arms=arms,
        design=read_design(spec.get("design"), gates, run.max_infrastructure),
        invariants=_invariants(spec, reach),
        world=world,
        envelope=spec["envelope"].text() if "envelope" in spec else "",
        folder=str(folder),
        concurrency=run.concurrency,
        retries=run.retries,
        holds=run.holds,
        coverage=read_mapping(spec["coverage"]) if "coverage" in spec else {},
    )
    gates_of(suite.design, tuple(arms), {name: task.weight for name, task in suite.tasks.items()})
    find_checks(suite.design.gates, suite.tasks.values())
    return replace(suite, hash=suite_hash(suite, envelope.hash if envelope is not None else "", functions))


def _envelope(node: Node, folder: Path) -> Envelope:
    path = folder / node.text()
    try:
        there = path.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        raise node.error(f"no file '{path}'", "paths are relative to the suite")
    return read_envelope_file(path)


def _tasks(
    spec: Mapping[str, Node], node: Node, folder: Path, reach: Reach, world: Callable[[Node], object]
) -> dict[str, tuple[Task, Node]]:
    held: set[object] = set()

    def check(rule: Rule, at: Node) -> None:
        key = content_of(rule)
        if key not in held:
            check_of(rule, reach, at)
            held.add(key)

    def checks(inner: Node) -> tuple[Rule, ...]:
        return read_rules(inner, tuple(CHECKS), "checks", check)

    lines: Iterator[Node] = iter(())
    if "tasks_from" in spec:
        named = spec["tasks_from"]
        if not named.text() or "\0" in named.text():
            raise named.error(f"found {named.shown}", "name a file of JSON Lines")
        lines = task_lines(folder / named.text(), named)
    defaults = read_defaults(spec.get("defaults"), checks, world)
    found = read_tasks(spec.get("tasks"), lines, defaults, checks, world)
    if not found:
        raise (spec.get("tasks") or spec.get("tasks_from") or node).error(
            "no task", "write tasks: or tasks_from:"
        )
    return found


def _rules(spec: Mapping[str, Node], key: str, kinds: tuple[str, ...]) -> tuple[Rule, ...]:
    """Rules that are checked together, later."""
    return read_rules(spec[key], kinds, key, lambda _rule, _node: None) if key in spec else ()


def _invariants(spec: Mapping[str, Node], reach: Reach) -> tuple[Rule, ...]:
    if "invariants" not in spec:
        return ()
    return read_rules(
        spec["invariants"], tuple(INVARIANTS), "invariants", lambda rule, at: invariant_of(rule, reach, at)
    )


def _world_check(world: Rule | None) -> Callable[[Node], object]:
    """What a task's own world must be: anything for a factory, more answers beside declared ones."""

    def answers(node: Node) -> object:
        return read_answers(node.keys(("answers",), required=("answers",))["answers"])

    def nothing(node: Node) -> object:
        raise node.error("a task has a world, and the suite has none", "add 'world:' to the suite")

    if world is None:
        return nothing
    return answers if world.kind == "answers" else lambda _: None
