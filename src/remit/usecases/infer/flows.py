"""Where the values of one argument may come from, as good sessions show it.

For each argument of a tool that is no read: the user, the session's facts and the system prompt are permitted, and so is
every place that holds only tokens and in which a value was found. A place where phrases or prose stand is permitted only
where the clause would otherwise hold too many good tasks, and at least two tasks need it: what one task shows is an
anecdote, and text that strangers write is what attacks come in.

An argument that the model words itself (a title, a note) cannot have such a clause. It can have the opposite one: nothing
that stands only in prose may be copied into it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from remit.usecases.infer.observe import Observed, ObservedCall
from remit.usecases.infer.places import PROSE, TOKEN
from remit.usecases.infer.values import SPECIFIC, next_breaks, upper_bound
from remit.usecases.tool_effect import TARGETS, words_of

MISS_BUDGET = 0.1
"""Share of good tasks that a clause may hold before another place is permitted."""
MOST_MISSES = 0.34
"""A clause that would hold more good tasks than this is not proposed, unless a person had to see every call otherwise."""
ALMOST_ALL = 0.9
MOST_NEXT = 0.2
"""Other arguments get a clause where the next task breaks it with at most this chance: three tasks without a miss."""
DENY_BELOW = 0.05
"""A clause denies, instead of asking a person, where at most this share of tasks breaks it, with 95 % confidence."""
MOST_SHORT = 80
"""Characters of a title or a name; longer texts are the model's own work, from whatever it read."""
_TELL_NOTHING = frozenset({"number", "constant", "date", "moment", "digits"})
"""Copied or not: such values stand everywhere."""
ALWAYS = ("user", "session", "system")
_OBJECTS = frozenset({"attendees", "guests", "id", "ids", "members", "participants", "password"})
"""Names beside those of addressees that say what an effect is done to."""


@dataclass(frozen=True, slots=True)
class ProposedFlow:
    """One flow clause, and what speaks for it."""

    arg: str
    """Path of the argument."""
    sources: tuple[str, ...]
    """What `from` lists; empty for a clause against copies from prose."""
    tasks: int
    calls: int
    missed: float
    """Share of its good tasks that the clause holds."""
    denies: bool = False
    borrowed: str = ""
    """The argument of another tool whose sources these are, where there was nothing to learn from."""


def is_target(arg: str) -> bool:
    """Whether a name says where an effect goes, or what it is done to.

    >>> is_target("user_email"), is_target("items[].sku_id"), is_target("subject")
    (True, True, False)
    """
    words = words_of(arg.rpartition(".")[2])
    return bool(words & (TARGETS | _OBJECTS))


class Learned:
    """What a record says about the arguments of its tools."""

    def __init__(self, observed: Observed) -> None:
        self._places = observed.places
        self._calls: defaultdict[str, list[ObservedCall]] = defaultdict(list)
        for call in observed.calls:
            self._calls[call.tool].append(call)
        self._borrowed: dict[str, tuple[str, tuple[str, ...]]] = {}

    def flows(
        self, tool: str, args: Iterable[str], required: Collection[str], consequential: bool
    ) -> list[ProposedFlow]:
        """Clauses for *tool*, from its own calls.

        Args:
            tool: no read.
            args: paths of its arguments, as its schema has them.
            required: names of those that no call can leave out: only a clause on one of them guards every call.
            consequential: whether what it does cannot be taken back.
        """
        found: list[ProposedFlow] = []
        for arg in args:
            calls = self._with(tool, arg)
            # Where it goes is the user's word, however many that holds: else a person would see every call.
            most = ALMOST_ALL if consequential and is_target(arg) and arg in required else 0.0
            flow = self._from(calls, arg, most) if calls else None
            if flow is None and arg in required:
                flow = self._not_copied(calls, arg) if calls else None
            found += [flow] if flow is not None else []
        if not any(flow.arg in required for flow in found):
            found += self._one_guard(
                tool, [arg for arg in args if arg in required], ALMOST_ALL if consequential else MOST_MISSES
            )
        return found

    def _with(self, tool: str, arg: str) -> list[ObservedCall]:
        return [call for call in self._calls[tool] if any(leaf.path == arg for leaf in call.leaves)]

    def _one_guard(self, tool: str, args: Iterable[str], most: float) -> list[ProposedFlow]:
        """The clause that the calls of a tool without any came closest to meeting: better than none."""
        calls = self._calls[tool]
        if not calls:
            return []
        made = [(self._from(calls, arg, most), self._not_copied(calls, arg, most)) for arg in args]
        flows = [flow for pair in made for flow in pair if flow is not None]
        return sorted(flows, key=lambda flow: (flow.missed, not flow.sources))[:1]

    def learn_for_others(self, tool: str, flows: Iterable[ProposedFlow]) -> None:
        """Keep the sources of *flows* for arguments of the same name of which nothing is known."""
        for flow in flows:
            # What strangers write was needed there; that says nothing of another tool.
            sources = tuple(s for s in flow.sources if s in ALWAYS or self._places.holds(s) == TOKEN)
            if sources and is_target(flow.arg):
                self._borrowed.setdefault(_folded(flow.arg), (f"{tool}.{flow.arg}", sources))

    def unseen(self, args: Iterable[str], first: str = "") -> list[ProposedFlow]:
        """Clauses for arguments that no session used: targets come from the user, or as for their namesakes.

        Args:
            args: paths.
            first: an argument that stands for a target.
        """
        args, found = list(args), []
        if first:
            found.append(ProposedFlow(first, ("user",), 0, 0, 0.0))
        for arg in args:
            if is_target(arg):
                like, sources = self._borrowed.get(_folded(arg), ("", ("user", *self._registers(arg))))
                found.append(ProposedFlow(arg, sources, 0, 0, 0.0, borrowed=like))
        return found

    def _registers(self, arg: str) -> list[str]:
        """Fields of ids for an argument that is called an id: `search_events.id_` for `event_id`."""
        words = words_of(arg.rpartition(".")[2])
        if not words & {"id", "ids"}:
            return []
        fields = [
            place.name
            for place in self._places.by_name.values()
            if place.holds == TOKEN and words_of(place.name.partition(".")[2]) & {"id", "ids"}
        ]
        whose = {word.rstrip("s") for word in words - {"id", "ids"}}
        own = [
            name for name in fields if whose & {word.rstrip("s") for word in words_of(name.partition(".")[0])}
        ]
        return sorted(own or fields)

    def _from(self, calls: Sequence[ObservedCall], arg: str, most: float = 0.0) -> ProposedFlow | None:
        if not is_target(arg) and _worded(calls, arg):
            return None
        wanted = {id(call): _needs(call, arg) for call in calls}
        permitted = {*ALWAYS, *self._tokens(calls, arg)}

        def met(call: ObservedCall) -> bool:
            return all(leaf & permitted for leaf in wanted[id(call)])

        while _missed(calls, met) > MISS_BUDGET:
            better = self._next(calls, wanted, permitted)
            if better is None:
                break
            permitted |= better
        missed, tasks = _missed(calls, met), len({call.task for call in calls})
        if not self._worth(arg, missed, tasks, most):
            return None
        used = _used(calls, wanted, permitted) | (permitted - set(ALWAYS))
        sources = tuple(
            source for source in (*ALWAYS, *sorted(used - set(ALWAYS))) if source in used | {"user"}
        )
        denies = missed == 0 and upper_bound(0, tasks) <= DENY_BELOW
        return ProposedFlow(arg, sources, tasks, len(calls), missed, denies)

    def _worth(self, arg: str, missed: float, tasks: int, most: float) -> bool:
        if most or is_target(arg):
            return missed <= (most or MOST_MISSES)
        return _supported(missed, tasks)

    def _tokens(self, calls: Sequence[ObservedCall], arg: str) -> set[str]:
        """Places of tokens in which a value stood, the same fields elsewhere, and places of the same shape."""
        leaves = [leaf for call in calls for leaf in call.leaves if leaf.path == arg]
        found = {s for leaf in leaves for s in leaf.sources if self._places.holds(s) == TOKEN}
        for source in list(found):
            found |= self._places.alike.get(source, frozenset())
        shapes = {leaf.kind for leaf in leaves}
        for place in self._places.by_name.values():
            namesake = "." in place.name and _folded(place.name) == _folded(arg)
            if namesake or (len(shapes) == 1 and shapes <= SPECIFIC & place.kinds):
                found.add(place.name)
        return {source for source in found if self._places.holds(source) == TOKEN}

    def _next(
        self, calls: Sequence[ObservedCall], wanted: Mapping[int, list[frozenset[str]]], permitted: set[str]
    ) -> set[str] | None:
        """The place that makes good the most missed tasks, phrases before prose; None where two tasks share none."""
        tasks: defaultdict[str, set[str]] = defaultdict(set)
        for call in calls:
            for leaf in wanted[id(call)]:
                if not leaf & permitted:
                    for source in leaf:
                        tasks[source].add(call.task)
        # A field is a smaller hole than the whole of its tool.
        ranked = sorted(
            (self._places.holds(source) == PROSE, -len(by), "." not in source, source)
            for source, by in tasks.items()
            if len(by) > 1
        )
        return {ranked[0][3]} if ranked else None

    def _not_copied(self, calls: Sequence[ObservedCall], arg: str, most: float = 0.0) -> ProposedFlow | None:
        leaves = [leaf for call in calls for leaf in call.leaves if leaf.path == arg]
        texts = [str(leaf.value) for leaf in leaves if leaf.kind not in _TELL_NOTHING]
        if 2 * len(texts) <= len(leaves) or not arg.isidentifier() or max(map(len, texts)) > MOST_SHORT:
            return None
        tasks = len({call.task for call in calls})
        missed = _missed(calls, lambda call: arg not in call.copied)
        if missed <= most if most else _supported(missed, tasks):
            return ProposedFlow(arg, (), tasks, len(calls), missed)
        return None


def _worded(calls: Sequence[ObservedCall], arg: str) -> bool:
    """Whether an argument is the model's own text, or a date: where such stood before tells nothing."""
    leaves = [leaf for call in calls for leaf in call.leaves if leaf.path == arg]
    long = any(isinstance(leaf.value, str) and len(leaf.value) > MOST_SHORT for leaf in leaves)
    return long or all(leaf.kind in _TELL_NOTHING - {"number"} for leaf in leaves)


def _supported(missed: float, tasks: int) -> bool:
    return missed <= MISS_BUDGET and next_breaks(math.ceil(missed * tasks), tasks) <= MOST_NEXT


def _needs(call: ObservedCall, arg: str) -> list[frozenset[str]]:
    """For each value at the argument, or below it, the places where it stood."""
    return [leaf.sources for leaf in call.leaves if leaf.path == arg and leaf.kind != "constant"]


def _missed(calls: Sequence[ObservedCall], met: Callable[[ObservedCall], bool]) -> float:
    """Mean over tasks of the share of sessions in which some call does not meet the clause."""
    sessions: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for call in calls:
        own = sessions[call.task]
        own[call.session] = own.get(call.session, True) and met(call)
    return math.fsum(1 - sum(own.values()) / len(own) for own in sessions.values()) / len(sessions)


def _used(
    calls: Sequence[ObservedCall], wanted: Mapping[int, list[frozenset[str]]], permitted: set[str]
) -> set[str]:
    return {source for call in calls for leaf in wanted[id(call)] for source in leaf & permitted}


def _folded(arg: str) -> str:
    """`recipients[]` and `recipient` are one name."""
    return arg.rpartition(".")[2].removesuffix("[]").rstrip("s").lower()


def paths_of(schema: Mapping[str, object], prefix: str = "") -> list[str]:
    """Paths of the values that a schema names, lists under their own name: `to`, `items[].sku`."""
    found: list[str] = []
    fields = schema.get("properties")
    for name, inner in fields.items() if isinstance(fields, Mapping) else ():
        path = f"{prefix}{name}"
        item = inner.get("items") if isinstance(inner, Mapping) else None
        if isinstance(item, Mapping) and item.get("properties"):
            found += paths_of(item, f"{path}[].")
        elif isinstance(inner, Mapping) and inner.get("properties"):
            found += paths_of(inner, f"{path}.")
        else:
            found.append(path)
    return found
