"""`remit envelope enforce`: let one clause act while the rest of the envelope only monitors."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.opened import StoreOption, opened
from remit.cli.output import Output, counted, emit, note, safe, say
from remit.core.envelope import Envelope, clauses_of
from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.core.promote import bindable, binding
from remit.core.selftest import load_envelope
from remit.core.types import Enforcement, Json, OnViolation
from remit.usecases.promote_file import demoted, promoted
from remit.usecases.rewrite import rewrite
from remit.wiring import read_text

_KINDS = ("decided", "settled", "finished")


def enforce(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The envelope, in monitor.")],
    clause: Annotated[str, typer.Argument(metavar="CLAUSE", help="TOOL.CLAUSE, outputs.CLAUSE or unlisted.")],
    *,
    share: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Of the sessions: 10% or 0.1; default all.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Take the clause back: it only monitors again.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="F", help="Write there, not into FILE.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also where recorded calls would have been refused or held.")
    ] = False,
    store: StoreOption = None,
) -> int:
    """Promote one clause; first told is what it would have stopped in the store."""
    if off and share:
        raise typer.BadParameter("--off takes the clause back whole: give no --share")
    part = _share(share)
    text = read_text(file)
    before = load_envelope(text, str(file))
    if before.enforcement is Enforcement.ENFORCE:
        raise BadInput(str(file), "enforces every clause already", "promotion is for enforcement: monitor")
    named = _clause(before, clause)
    changed = demoted(text, named, str(file)) if off else promoted(text, named, part, str(file))
    after = load_envelope(changed, str(file))  # its tests ran; nothing was written yet
    expected = {key: value for key, value in before.promoted.items() if key != named}
    if dict(after.promoted) != (expected if off else expected | {named: part}):
        raise BadInput(str(file), "the entry could not be placed", "edit spec.enforced by hand")
    stopped = None if off else _in_store(store, before, after)
    writes = off or yes or stopped is None or not stopped.calls
    if writes and (changed != text or out is not None):
        rewrite(out or file, changed, text if out is None else None)
    report = _report(after, named, out or file, stopped) | {"written": writes, "changed": changed != text}
    if Output.json:
        emit(report)
    else:
        _show(report, after)
    return 0 if writes else 1


def _share(text: str | None) -> float:
    if text is None:
        return 1.0
    try:
        found = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        found = -1.0
    if not 1e-9 <= found <= 1:
        raise typer.BadParameter(f"--share: found {text!r}, write 10% or 0.1: above 0 and at most all")
    return round(found, 12)


def _clause(envelope: Envelope, given: str) -> str:
    known = bindable(envelope)
    if given in known:
        return given
    same = [clause for clause in known if clause.rpartition(".")[2] == given]
    if len(same) == 1:
        return same[0]
    near = sorted(same) or difflib.get_close_matches(given, known, 5, 0.5)
    ends = difflib.get_close_matches(given.rpartition(".")[2], {k.rpartition(".")[2] for k in known}, 5, 0.6)
    near = near or sorted(clause for clause in known if clause.rpartition(".")[2] in ends)
    shown = ", ".join(near) if near else f"it has {', '.join(sorted(known)[:20])}"
    raise BadInput(
        "CLAUSE", f"{given[:80]!r} is none of this envelope's", f"near: {shown}" if near else shown
    )


@dataclass
class _Stopped:
    """What the clause would have stopped, had it been enforced for its share of the sessions."""

    decided: int = 0
    """Calls and answers of this agent that the store knows."""
    calls: int = 0
    does: dict[str, int] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    example: dict[str, Json] = field(default_factory=dict)

    def add(self, stored: StoredEvent, newly: frozenset[str]) -> None:
        """Count one event; *newly* are the clauses that would bind in its session, and did not."""
        body = stored.event.body
        if body.get("approval_id"):
            return  # the second decision on a held call; the first was counted
        self.decided += stored.event.kind != "settled"
        found = [v for v in body.get("violations") or () if v["clause"] in newly]
        kinds = ["deny" if v.get("error") else str(v["on_violation"]) for v in found]
        stopping = [kind for kind in kinds if kind != OnViolation.FLAG.value]
        if not stopping:
            return
        does = "deny" if "deny" in stopping else "hold"
        self.calls += 1
        self.does[does] = self.does.get(does, 0) + 1
        self.sessions.add(stored.event.session)
        if not self.example:
            why = next(
                str(v.get("message", "")) for v, kind in zip(found, kinds, strict=True) if kind == does
            )
            self.example = {"session_id": stored.event.session, "clause": found[0]["clause"], "why": why}


def _in_store(store: str | None, before: Envelope, after: Envelope) -> _Stopped | None:
    """None where there is no store to ask."""
    try:
        with opened(store) as at:
            return _counted(at.store.events(kinds=_KINDS, trials=False), before, after)
    except BadInput:
        if store is not None:
            raise
        return None


def _counted(events: Iterator[StoredEvent], before: Envelope, after: Envelope) -> _Stopped:
    stopped, newly = _Stopped(), dict[str, frozenset[str]]()
    for stored in events:
        session = stored.event.session
        if stored.erased or stored.event.agent != after.name:
            continue
        if session not in newly:
            newly[session] = binding(after, session) - binding(before, session)
        stopped.add(stored, newly[session])
    return stopped


def _report(after: Envelope, clause: str, file: Path, stopped: _Stopped | None) -> dict[str, Json]:
    told: dict[str, Json] | None = None
    if stopped is not None:
        told = {
            "decided": stopped.decided,
            "stopped": stopped.calls,
            "deny": stopped.does.get("deny", 0),
            "hold": stopped.does.get("hold", 0),
            "sessions": len(stopped.sessions),
            "example": stopped.example,
        }
    return {
        "file": str(file),
        "clause": clause,
        "share": after.promoted.get(clause),
        "enforced": dict(after.promoted),
        "hash": after.hash,
        "would_have": told,
        "all_enforced": _all(after),
    }


def _all(envelope: Envelope) -> bool:
    """Whether every clause that can stop something acts in every session."""
    clauses = [clause for tool in envelope.tools.values() for clause in clauses_of(tool)]
    clauses += [answer.clause for answer in envelope.outputs] + [e.clause for e in envelope.session_ensure]
    stopping = [clause.id for clause in clauses if clause.on_violation is not OnViolation.FLAG]
    return all(envelope.promoted.get(clause) == 1 for clause in stopping)


def _show(report: Mapping[str, Any], after: Envelope) -> None:
    clause, told = safe(report["clause"]), report["would_have"]
    if told is None and report["share"] is not None:
        note("remit: no store to ask what it would have stopped; give --store sqlite:///file.db")
    elif told is not None:
        stopped = f"refused {told['deny']} and held {told['hold']}"
        where = counted(told["sessions"], "session")
        say(f"Of {counted(told['decided'], 'decision')} it would have {stopped}, in {where}.")
        if told["example"]:
            say(safe(f"For example {told['example']['session_id']}: {told['example']['why']}", 300))
    if not report["written"]:
        say("Nothing was written; --yes promotes it all the same.")
        return
    acts = "only monitors" if report["share"] is None else f"acts in {report['share']:.10g} of the sessions"
    say(
        f"{safe(report['file'])}: {clause} {acts}. Agents that follow the file take it by themselves,"
        " others with guard.reload() or at their next start."
    )
    if report["all_enforced"] and after.promoted:
        say("Every clause acts in every session: the next step is enforcement: enforce, without 'enforced'.")
