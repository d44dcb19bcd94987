"""What makes two suites the same: their content, with the envelope and the code of their checks and worlds.

The agents are no part of it, and neither is the design: results of two agents on one suite can be compared. Modules that
are named rather than files, and what a file imports, are known by name alone.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

from remit.core.canonical import digest
from remit.core.errors import BadInput
from remit.core.trial.reach import place_of
from remit.core.trial.suite import Rule, Suite, Task
from remit.core.types import Json
from remit.core.yamltext import Node
from remit.usecases.trials.functions import Functions

_NAMED = ("python",)
"""Kinds of rules that name a function."""


def suite_hash(suite: Suite, envelope_hash: str, functions: Functions) -> str:
    """SHA-256 over the content, hex.

    Args:
        suite: as it was read.
        envelope_hash: of its envelope; empty where it has none.
        functions: where the files of its functions are.

    Raises:
        BadInput: a file of a function is not there.
    """
    content = {
        "tasks": [_task(task, functions) for task in suite.tasks.values()],
        "invariants": [_rule(rule, functions) for rule in suite.invariants],
        "world": _rule(suite.world, functions) if suite.world is not None else None,
        "envelope": envelope_hash,
    }
    return digest(content)


def _task(task: Task, functions: Functions) -> Json:
    return {
        "id": task.id,
        "input": task.input,
        "user_input": task.user_input,
        "checks": [_rule(rule, functions) for rule in task.checks],
        "world": task.world,
        "facts": dict(task.facts),
        "principal": task.principal,
        "principal_kind": task.principal_kind.value if task.principal_kind is not None else None,
        "weight": task.weight,
        "stratum": task.stratum,
        "deadline_s": task.deadline_s,
    }


def _rule(rule: Rule, functions: Functions) -> Json:
    found: dict[str, Json] = {"id": rule.id, "kind": rule.kind, "settings": _plain(rule.settings)}
    if rule.kind in _NAMED:
        named = [value for value in rule.settings.values() if isinstance(value, str) and ":" in value]
        found["code"] = [_source(name, rule, functions) for name in named]
    return found


def _source(name: str, rule: Rule, functions: Functions) -> str:
    file, line, path = place_of(rule)
    return hashlib.sha256(functions.source(Node(name, line, path, file))).hexdigest()


def _plain(value: Any) -> Json:
    """Settings as JSON: a function by its name and its source, where that can be had."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if callable(value):
        return [getattr(value, "__qualname__", type(value).__name__), _code(value)]
    if value is None or isinstance(value, str | int | float):
        return value
    raise BadInput("suite", f"found {type(value).__name__} among the settings of a rule", "use JSON types")


def _code(function: Any) -> str:
    try:
        return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()
    except (OSError, TypeError):
        return ""
