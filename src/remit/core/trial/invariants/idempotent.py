"""`idempotent`: the same call once more changes nothing and says the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from remit.core.trial.divergence import differing
from remit.core.trial.invariants.settings import by_itself, in_order, names, optional, unknowable
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Breach
from remit.core.trial.values import read_value_path, told_path
from remit.core.trial.view import RepeatedCall, TrialView, WorldCall
from remit.core.trial.words import shown
from remit.core.types import Json, ToolEffect
from remit.core.yamltext import Node

KEYS = ("tools", "result", "ignore")
MOST_TOLD = 3


def idempotent(id: str, node: Node, reach: Reach) -> Invariant:
    """Each call of an effect, made once more on a copy of the world right after it ran, leaves the state as it is and
    returns the same.

    `tools`: which calls (all but reads of the envelope where not written). `result: same` is the default; with
    `result: may_refuse` the repeat may raise, with `result: any` it may say what it likes. `ignore`: parts that may
    differ, as paths below `state` or `output`. A world that cannot be copied cannot be judged, and says so.
    """
    keys = optional(node, KEYS)
    if not reach.has_world:
        raise node.error("repeats calls on a copy of the world, and the suite has none", "add 'world:'")
    listed = names(keys["tools"]) if "tools" in keys else None
    if listed is None and reach.envelope is None:
        raise node.error("nothing says which tools have effects", "write idempotent: {tools: […]}")
    result = keys["result"].choice(("same", "may_refuse", "any")) if "result" in keys else "same"
    ignored = _ignored(keys["ignore"]) if "ignore" in keys else ()

    def repeats(tool: str, effect: str) -> bool:
        return tool in listed if listed is not None else effect != ToolEffect.READ

    def breaches(view: TrialView) -> list[Breach]:
        return [
            breach
            for at, ran in in_order(view)
            if repeats(ran.tool, view.calls[at].effect)
            for breach in _found(ran.kept[id] if id in ran.kept else once_more(at, _repeated(view, at, ran)))
        ]

    def once_more(at: int, ran: WorldCall) -> tuple[Breach, ...]:
        return tuple(_of_call(id, at, ran, result, ignored))

    return Invariant(id, "idempotent", breaches, repeats=repeats, keeps=once_more)


def _found(kept: Breach | tuple[Breach, ...]) -> tuple[Breach, ...]:
    return (kept,) if isinstance(kept, Breach) else kept


def _ignored(node: Node) -> tuple[str, ...]:
    found = []
    for item in node.items():
        path = read_value_path(item)
        if path[:1] not in (("state",), ("output",)):
            raise item.error(f"found {item.told}", "begin with state or output: output.at")
        found.append(told_path(path))
    return tuple(found)


def _repeated(view: TrialView, at: int, ran: WorldCall) -> WorldCall:
    return replace(ran, repeat=RepeatedCall(flaw=by_itself("it"))) if view.by_itself(at) else ran


def _of_call(id: str, at: int, ran: WorldCall, result: str, ignored: tuple[str, ...]) -> Iterator[Breach]:
    repeat = ran.repeat
    if repeat is None:
        return
    what = f"{ran.tool}({shown(ran.args)})"
    if repeat.flaw or ran.flaw:
        yield unknowable(id, f"{what}: {repeat.flaw or ran.flaw}", at)
        return
    changed = _changes("state", repeat.before, repeat.after, ignored)
    if changed:
        yield Breach(id, f"{what} once more changed {'; '.join(changed)}", at)
    if result != "any" and (told := _said(ran, repeat, result, ignored)):
        yield Breach(id, f"{what} once more {told}", at)


def _said(ran: WorldCall, repeat: RepeatedCall, result: str, ignored: tuple[str, ...]) -> str:
    if repeat.error:
        return "" if result == "may_refuse" or ran.error == repeat.error else f"raised {repeat.error}"
    if ran.error:
        return f"returned {shown(repeat.output)}, the first raised {ran.error}"
    changed = _changes("output", ran.output, repeat.output, ignored)
    return f"returned {'; '.join(changed)}" if changed else ""


def _changes(root: str, before: Json, after: Json, ignored: tuple[str, ...]) -> list[str]:
    found = [
        f"{path} from {shown(old)} to {shown(new)}"
        for path, old, new in differing({root: before}, {root: after})
        if not any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignored)
    ]
    more = [f"{len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else []
    return found[:MOST_TOLD] + more
