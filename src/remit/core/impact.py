"""What the calls of a session did, from what the journal says of them: which ran, and what would undo each.

A *deed* is one call as it ended. It is made from the call's events alone, so that it is the same for a call of a guard,
a proxy, a host that began and ended it, an envelope that only monitored, or a session that several processes had open:

    decided ── refused ─────────────────► REFUSED          nothing ran
       │ └──── held ────────────────────► HELD             nothing ran, as far as this call goes
       ├────── a repeat ────────────────► REPEATED         it got the first one's result; nothing ran
       ├────── released ────────────────► NOT_RUN
       ├────── settled with a value ────► RAN, WITHHELD    it did its work; withheld says what the agent saw
       ├────── settled with an error ───► FAILED           it may have done its work all the same
       └────── lease ran out, or nothing ► UNKNOWN         nobody knows

What may have had an effect is everything from RAN down. Nothing here runs anything: an `Undo` is told to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from remit.core.canonical import loads_strict
from remit.core.cel import ConditionError
from remit.core.codec import MOST_RESULT_CHARACTERS
from remit.core.envelope import Compensation, Envelope
from remit.core.errors import BadInput
from remit.core.event import AnomalyIndex, StoredEvent
from remit.core.history import UNKNOWN as UNKNOWN_OUTCOME
from remit.core.results import spelled
from remit.core.touched import SECRET_TOKEN
from remit.core.types import Json, ToolEffect

CALL_KINDS = ("decided", "settled", "released", "breaker.lease_expired")
"""Kinds of the events that a deed is made from."""
_DIGEST = "[digest:"
GONE = object()
"""Stands for a result that the journal does not have: none came back, or only its digest was kept."""


class DeedState(StrEnum):
    """What became of a call."""

    REFUSED = "refused"
    HELD = "held"
    REPEATED = "repeated"
    NOT_RUN = "not run"
    RAN = "ran"
    WITHHELD = "ran, result withheld"
    FAILED = "raised"
    UNKNOWN = "unknown outcome"

    @property
    def may_have_acted(self) -> bool:
        """Whether it may have done its work."""
        return self in (DeedState.RAN, DeedState.WITHHELD, DeedState.FAILED, DeedState.UNKNOWN)

    @property
    def sure(self) -> bool:
        """Whether the tool came back and said so."""
        return self in (DeedState.RAN, DeedState.WITHHELD)


@dataclass(frozen=True, slots=True)
class Deed:
    """One call of a session, as it ended."""

    id: str
    """Of the event that decided it."""
    seq: int
    """Of its first decision: where it stands among the others."""
    at: float
    token: str
    session: str
    agent: str
    tool: str
    effect: ToolEffect | None
    """None for a tool that the envelope does not list: it may do anything."""
    state: DeedState
    args: Json = None
    """Canonical and redacted; as far as it could be read where nothing canonical could be made of it."""
    output: Json = GONE
    error: str = ""
    why: str = ""
    """Why it did not run, or what is not known of it."""
    envelope: str = ""
    enforced: bool = True
    clauses: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    """Paths of arguments that only choose among the envelope's own values."""
    origins: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Where the value at a path stood in the session before: sources, each with its integrity."""
    admitted_seq: int = 0
    """Of its last decision: of a call that was held, the one after a person's yes."""
    ended_seq: int = 0
    anomaly: AnomalyIndex | None = None

    @property
    def fields(self) -> Json:
        """The result with its fields: the object or list that a text spells in JSON, as many servers answer."""
        if isinstance(self.output, str) and self.output.lstrip()[:1] in ("{", "["):
            try:
                return spelled(self.output)
            except BadInput:
                return self.output
        return self.output

    @property
    def acted(self) -> bool:
        """Whether it may have changed anything, or let anything out."""
        return self.state.may_have_acted and self.effect is not ToolEffect.READ


class Deeds:
    """Makes deeds of the events of sessions, as they come."""

    def __init__(self) -> None:
        self._found: dict[str, Deed] = {}
        self.erased = 0
        """Events of calls that cannot be read any more: nobody knows which calls, and how they ended."""

    def see(self, stored: StoredEvent) -> Deed | None:
        """Take the next event; gives the deed as it stands now, None where the event says nothing of one."""
        event, body = stored.event, stored.event.body
        if event.kind not in CALL_KINDS:
            return None
        if stored.erased:
            self.erased += 1
            return None
        token = str(body.get("token") or event.id)
        known = self._found.get(token)
        if event.kind == "decided":
            found = _decided(stored, token)
            if known is not None:  # held, then admitted: one call
                found = replace(found, seq=known.seq, at=known.at, anomaly=found.anomaly or known.anomaly)
        elif known is None:
            return None
        else:
            found = _ended(known, stored)
        self._found[token] = found
        return found

    def forget(self, token: str) -> None:
        """Drop a deed that is of no more interest."""
        self._found.pop(token, None)

    def __len__(self) -> int:
        return len(self._found)

    def all(self) -> list[Deed]:
        """Everything that was seen, in order of the first decisions."""
        return sorted(self._found.values(), key=lambda deed: deed.seq)


def _decided(stored: StoredEvent, token: str) -> Deed:
    event, body = stored.event, stored.event.body
    leaves = [leaf for leaf in body.get("provenance") or () if isinstance(leaf, Mapping)]
    effect = body.get("effect")
    state, why = _decision(body)
    return Deed(
        id=event.id,
        seq=stored.seq,
        at=stored.at,
        token=token,
        session=event.session,
        agent=event.agent,
        tool=str(body.get("tool", "")),
        effect=ToolEffect(effect) if effect in tuple(ToolEffect) else None,
        state=state,
        why=why,
        args=body.get("args"),
        envelope=event.envelope,
        enforced=bool(body.get("enforced")),
        clauses=tuple(map(str, body.get("clauses") or ())),
        exempt=tuple(str(leaf["path"]) for leaf in leaves if leaf.get("exempt")),
        origins={str(leaf["path"]): _sources(leaf["origins"]) for leaf in leaves},
        admitted_seq=stored.seq,
        ended_seq=stored.seq,
        anomaly=event.anomaly,
    )


def _sources(origins: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys((str(o["source"]), str(o["integrity"])) for o in origins))


def _decision(body: Mapping[str, Any]) -> tuple[DeedState, str]:
    """How a call stands that nothing else is known of."""
    result, enforced = body.get("result"), bool(body.get("enforced"))
    if enforced and body.get("repeats"):
        return DeedState.REPEATED, "it got the first call's result again"
    if result == "allow" or not enforced or (result == "hold" and body.get("approval_id")):
        return DeedState.UNKNOWN, "nothing is recorded of how it ended: in flight, or its process died"
    told = ", ".join(map(str, body.get("clauses") or ()))
    return (DeedState.HELD if result == "hold" else DeedState.REFUSED), told


def _ended(deed: Deed, stored: StoredEvent) -> Deed:
    event, body = stored.event, stored.event.body
    now = replace(deed, ended_seq=stored.seq, anomaly=event.anomaly or deed.anomaly)
    if event.kind == "released":
        return replace(now, state=DeedState.NOT_RUN, why=str(body.get("reason", "")))
    if event.kind == "breaker.lease_expired":
        return replace(now, state=DeedState.UNKNOWN, why="its lease ran out before anybody said how it ended")
    if body.get("repeats"):
        return replace(now, state=DeedState.REPEATED, why="it got the first call's result again")
    if body.get("ended") != "value":
        error = body.get("error") or {}
        told = f"{error.get('type', '')}: {error.get('message', '')}".strip(": ")
        unknown = body.get("outcome") == UNKNOWN_OUTCOME
        why = "nobody knows whether it ran" if unknown else "a tool that raises may have done its work"
        return replace(now, state=DeedState.UNKNOWN if unknown else DeedState.FAILED, error=told, why=why)
    state = DeedState.RAN if body.get("segment") else DeedState.WITHHELD
    return replace(now, state=state, why="", output=_output(body, event.blobs.get("text", "")))


def _output(body: Mapping[str, Any], text: str) -> Json:
    """The result, as far as it was kept; a text that came back as one stays one, whatever it looks like."""
    if text.startswith(_DIGEST) or len(text) >= MOST_RESULT_CHARACTERS or body.get("form") == "other":
        return GONE
    if body.get("as_text") or body.get("form") == "text":
        return text
    try:
        return loads_strict(text)
    except BadInput:
        return GONE


# ---------------------------------------------------------------------------------------------------- undoing
class Way(StrEnum):
    """Whether something undoes a deed."""

    NOTHING = "nothing to undo"
    CALL = "call"
    """A declared compensation, its arguments spelled out."""
    INCOMPLETE = "incomplete"
    """A declared compensation of which an argument is not known."""
    NONE = "none"
    """Declared as not to be undone, or of an effect that cannot be taken back."""
    UNDECLARED = "undeclared"
    """A write of which the envelope does not say."""


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoes one deed, for a person to decide and run."""

    way: Way
    tool: str = ""
    args: Mapping[str, Json] | None = None
    """Canonical; None where they could not all be made."""
    note: str = ""
    why: str = ""
    needs: str = ""
    """What the compensating call takes itself: it cannot be taken back, or a person approves it."""


def undo_of(deed: Deed, envelope: Envelope | None, facts: Mapping[str, Json] | None = None) -> Undo:
    """What undoes *deed* by the envelope that governed it.

    Args:
        deed: one call.
        envelope: None where its text is not kept.
        facts: of the session, for arguments that read them.
    """
    if not deed.acted:
        return Undo(Way.NOTHING)
    tool = envelope.tools.get(deed.tool) if envelope is not None else None
    if tool is None or tool.compensation is None:
        return _undeclared(deed, listed=tool is not None, kept=envelope is not None)
    rule = tool.compensation
    if not rule.tool:
        return Undo(Way.NONE, why=rule.why_none)
    assert envelope is not None  # noqa: S101 - its tool was found
    needs = _needs(envelope, rule)
    args, why = _arguments(rule, deed, facts or {})
    if not why and (problems := envelope.tools[rule.tool].schema_errors(args)):
        args, why = None, f"its arguments do not fit its schema: {problems[0]}"
    if why:
        return Undo(Way.INCOMPLETE, rule.tool, None, rule.note, why, needs)
    return Undo(Way.CALL, rule.tool, args, rule.note, "", needs)


def _undeclared(deed: Deed, *, listed: bool, kept: bool) -> Undo:
    told = "no compensation declared"
    if not kept:
        told = "unknown: the text of the envelope that governed it is not in this store"
    elif not listed:
        told = "no compensation declared: the envelope does not list the tool"
    if deed.effect is None or not deed.effect.consequential:
        return Undo(Way.UNDECLARED, why=told)
    return Undo(Way.NONE, why=f"{told}, and {deed.effect.value} means that it cannot be taken back")


def _arguments(
    rule: Compensation, deed: Deed, facts: Mapping[str, Json]
) -> tuple[dict[str, Json] | None, str]:
    """The compensating call's arguments, or why they are not known."""
    found: dict[str, Json] = {}
    for name, condition in rule.args:
        root = {path.partition(".")[0].partition("[")[0] for path in condition.reads}
        into = any(path.startswith(("output.", "output[")) for path in condition.reads)
        output = deed.fields if into else deed.output
        roots = {"args": deed.args, "output": output, "session": facts}
        if "output" in root and deed.output is GONE:
            return None, f"'{name}' is {condition.text}, and the journal has no result of the call"
        try:
            found[name] = condition.evaluate(roots)
        except ConditionError as error:
            return None, f"'{name}' is {condition.text}: {error}"
        if _hidden(found[name]):
            return None, f"'{name}' is {condition.text}, a secret that the journal does not keep"
    return found, ""


def _hidden(value: Json) -> bool:
    if isinstance(value, str):
        return SECRET_TOKEN.search(value) is not None or value.startswith(_DIGEST)
    if isinstance(value, Mapping):
        return any(_hidden(one) for one in value.values())
    return isinstance(value, list) and any(_hidden(one) for one in value)


def _needs(envelope: Envelope, rule: Compensation) -> str:
    undoing = envelope.tools[rule.tool]
    told = [f"{undoing.effect.value}: it cannot be taken back itself"] if undoing.effect.consequential else []
    return "; ".join(told + (["a person has to approve it, where an agent asks"] if undoing.approve else []))


def undone_by(undo: Undo, tool: str, args: Json) -> bool:
    """Whether a call is the compensation that *undo* spells out; it may have more arguments than are declared.

    >>> undone_by(Undo(Way.CALL, "cancel", {"id": "B-1"}), "cancel", {"id": "B-1", "reason": "wrong"})
    True
    """
    if undo.way is not Way.CALL or undo.tool != tool or not isinstance(args, Mapping):
        return False
    return all(name in args and args[name] == value for name, value in (undo.args or {}).items())


def by_hand(deed: Deed, twins: Sequence[Deed] = ()) -> list[str]:
    """Why a person has to look before anything is undone; empty where the journal says what happened.

    Args:
        deed: one call.
        twins: others of the same tool with the same arguments that may have acted.
    """
    if not deed.acted:
        return []
    told = [] if deed.state.sure else [f"it may or may not have done its work: {deed.why}"]
    if deed.effect is None:
        told.append("the envelope does not list the tool: nobody said what it does")
    if twins:
        told.append(f"the same call acted {len(twins) + 1} times, or may have: see whether once was meant")
    return told
