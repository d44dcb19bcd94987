"""Worlds of a suite: what a Python factory makes, or declared answers; made anew for each trial."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any

from remit.core.errors import BadInput, RemitError, Unavailable
from remit.core.results import plain_result
from remit.core.trial.reach import node_of, place_of
from remit.core.trial.suite import Rule, Suite, Task
from remit.core.trial.values import copied
from remit.core.types import Json
from remit.core.yamltext import Node
from remit.ports import World
from remit.usecases.trials.functions import Functions
from remit.usecases.trials.world_answers import AnsweredWorld, read_answers

MakeWorld = Callable[[Task, int], World]
"""A world made anew for one trial, from its task and seed.

Raises:
    Unavailable: it could not be made: the trial is nobody's success or failure.
"""
_NOT_TOOLS = ("state", "copy", "snapshot", "tools", "close")


class Uncopied(Exception):
    """A world cannot be copied; the message says why, and what would do."""


class MadeWorld:
    """What a factory returned, as a world.

    Its tools are `tools` (a mapping, or a method that gives one), else its public methods. Its state is what `state` says
    (a method or an attribute), else its public attributes. It is copied by its own `copy`, else by `copy.deepcopy`.

    Args:
        made: what the factory returned; a mapping of functions has tools, and no state.
    """

    def __init__(self, made: Any) -> None:
        self._made = made
        self._tools = _tools_of(made)

    @property
    def tools(self) -> Mapping[str, Callable[..., Any]]:
        """By name."""
        return self._tools

    def snapshot(self) -> Json:
        """The state as a canonical JSON value.

        Raises:
            BadInput: it has no form in JSON.
        """
        if isinstance(self._made, Mapping):
            return None
        state = getattr(self._made, "state", _NOTHING)
        if state is _NOTHING:
            state = getattr(self._made, "snapshot", _NOTHING)
        if state is _NOTHING:
            inside = vars(self._made) if hasattr(self._made, "__dict__") else {}
            state = {
                key: value
                for key, value in inside.items()
                if not key.startswith("_") and key != "tools" and not callable(value)
            }
        return plain_result(state() if callable(state) else state)

    def copy(self) -> MadeWorld:
        """The same state once more.

        Raises:
            Uncopied: it has something that cannot be copied, or its tools would still act on this one.
        """
        own = None if isinstance(self._made, Mapping) else getattr(self._made, "copy", None)
        try:
            made = own() if callable(own) else copy.deepcopy(self._made)
        except Exception as error:
            told = f"the world cannot be copied: {type(error).__name__}: {error}; give it a method copy()"
            raise Uncopied(told) from error
        if made is self._made:
            raise Uncopied("the world's copy() returned the world itself")
        other = MadeWorld(made)
        for name, tool in other.tools.items():
            _check_copied(name, self._tools.get(name), tool)
        return other


_NOTHING = object()


def _tools_of(made: Any) -> Mapping[str, Callable[..., Any]]:
    if isinstance(made, Mapping):
        named: Any = dict(made)
    else:
        named = getattr(made, "tools", None)
        named = named() if callable(named) else named
    if named is None:
        named = {
            name: getattr(made, name)
            for name in dir(type(made))
            if not name.startswith("_")
            and name not in _NOT_TOOLS
            and inspect.isroutine(getattr(type(made), name))
        }
    if not isinstance(named, Mapping) or not all(
        isinstance(k, str) and callable(v) for k, v in named.items()
    ):
        raise BadInput(
            "the world", "its 'tools' is no mapping of names to functions", "return {name: function}"
        )
    if not named:
        raise BadInput(
            "the world", f"{type(made).__name__} has no tools", "give it methods, or a mapping 'tools'"
        )
    return dict(named)


def _check_copied(name: str, old: object, new: object) -> None:
    """A tool of a copy acts on the copy, as far as one can see: a closure still holds what it was made over."""
    if isinstance(new, MethodType):
        shared = (
            isinstance(old, MethodType) and new.__self__ is old.__self__ and not inspect.isclass(new.__self__)
        )
    else:
        shared = new is old and getattr(new, "__closure__", None) is not None
    if shared:
        raise Uncopied(
            f"tool '{name}' of a copy of the world would still act on the world itself; make it a method, or give the"
            " world a method copy()"
        )


def world_of(suite: Suite, functions: Functions) -> MakeWorld | None:
    """What makes the worlds of a suite; None where it has none.

    Raises:
        BadInput: the factory cannot be loaded.
    """
    if suite.world is None:
        return None
    if suite.world.kind == "answers":
        return _answering(suite.world)
    return _making(functions.plain(world_node(suite.world)), suite.world)


def rule_of_world(world: Callable[..., Any] | str | Mapping[str, Json]) -> Rule:
    """The rule of a world that is given in Python: a factory, its name, or `{"answers": […]}`."""
    if isinstance(world, Mapping):
        return Rule("world", "answers", {"answers": world.get("answers")})
    return Rule("world", "python", {"python": world})


def world_node(rule: Rule) -> Node:
    """The node of what a world's rule names."""
    return node_of(rule.settings.get(rule.kind), *place_of(rule))


def _answering(rule: Rule) -> MakeWorld:
    of_suite = read_answers(world_node(rule))

    def make(task: Task, _seed: int) -> World:
        own = task.world.get("answers", ()) if isinstance(task.world, Mapping) else ()
        return AnsweredWorld((*(read_answers(node_of(own, "suite")) if own else ()), *of_suite))

    return make


def _making(factory: Callable[..., Any], rule: Rule) -> MakeWorld:
    def make(task: Task, seed: int) -> World:
        try:
            made = factory(copied(task.world), seed)
            return MadeWorld(made)
        except RemitError as error:
            raise Unavailable(f"the world of task '{task.id}' cannot be made: {error}") from error
        except (Exception, SystemExit) as error:
            told = f"{type(error).__name__}: {error}"
            where = rule.where.split(": ")[0]
            raise Unavailable(f"{where}: the world of task '{task.id}' cannot be made: {told}") from error

    return make
