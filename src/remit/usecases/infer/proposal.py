"""From recorded sessions to an envelope's text, and an honest account of what it rests on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession
from remit.core.selftest import load_envelope
from remit.core.types import Json, PrincipalKind, ToolEffect
from remit.usecases.infer.examples import loads, tests_for
from remit.usecases.infer.flows import ProposedFlow
from remit.usecases.infer.limits import longest_answer, session_schema
from remit.usecases.infer.narrowed import narrowed
from remit.usecases.infer.observe import Observed, observe, task_of
from remit.usecases.infer.tools import LEAST_TASKS, ProposedTool, proposed_tools
from remit.usecases.infer.write import EnvelopeDraft, written
from remit.usecases.replay import Tally, replay_session
from remit.usecases.scaffold import loose
from remit.usecases.tool_hint import ToolHint

FOLDS = 5
"""Parts of the tasks that are held out in turn."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """A proposed envelope and the account of it."""

    text: str
    report: Mapping[str, Json]


def infer(
    sessions: Sequence[RecordedSession],
    *,
    name: str = "my-agent",
    hints: Sequence[ToolHint] = (),
    kind: PrincipalKind | None = None,
    task_key: str = "task_id",
    folds: int = FOLDS,
    base: tuple[str, str] | None = None,
) -> Inferred:
    """Propose an envelope from good *sessions*.

    Args:
        sessions: what the agent did when nothing was wrong.
        name: the agent's.
        hints: definitions of its tools, where there are any.
        kind: whose text the user's is, where a record does not say.
        task_key: the field of a record that names its task.
        folds: parts in which tasks are held out to measure coverage; 0 measures none.
        base: text and file name of an envelope to narrow, instead of proposing a whole one.

    Raises:
        BadInput: no session, sessions without a call, sessions of several agents, or nothing that loads.
    """
    whole = checked(sessions, kind, task_key)
    text, draft, left_out = envelope_of(whole, name, hints)
    report = _account(whole, draft, left_out)
    if base is not None:
        made = narrowed(*base, draft)
        text = made.text
        report["base"] = {
            "added": list(made.added),
            "refused": [{"clause": clause, "why": why} for clause, why in made.refused],
            "not_in_base": list(made.unlisted),
        }
    report["training"] = _summary(_judged(text, whole.sessions, whole.kind, Tally()))

    def learned(part: Observed) -> str:
        found, drafted, _ = envelope_of(part, name, hints)
        return found if base is None else narrowed(*base, drafted).text

    report["held_out"] = _held_out(whole, learned, folds) if folds else None
    return Inferred(text, report)


def checked(
    sessions: Sequence[RecordedSession], kind: PrincipalKind | None = None, task_key: str = "task_id"
) -> Observed:
    """The sessions, observed, if something can be learned from them.

    Raises:
        BadInput: as `infer`.
    """
    if not sessions:
        raise BadInput("sessions", "none", "give recorded sessions, and check --where")
    unique = {_identity(session): session for session in sessions}
    suites = sorted({session.suite for session in unique.values()})
    if len(suites) > 1:
        told = ", ".join(repr(suite) for suite in suites[:5])
        raise BadInput(
            "sessions", f"sessions of several suites: {told}", "an envelope is for one agent: --where suite=…"
        )
    named = list(_with_ids_of_their_own([session for _, session in sorted(unique.items())]))
    observed = observe(named, {s.session_id: task_of(s, task_key) for s in named}, kind)
    if not observed.calls:
        raise BadInput(
            "sessions", "no call in them that can be read", "give sessions in which the agent calls tools"
        )
    return observed


def _with_ids_of_their_own(sessions: Iterable[RecordedSession]) -> Iterator[RecordedSession]:
    seen: Counter[str] = Counter()
    for session in sessions:
        seen[session.session_id] += 1
        times = seen[session.session_id]
        yield session if times == 1 else replace(session, session_id=f"{session.session_id} ({times})")


def _identity(session: RecordedSession) -> str:
    """The same for the same record, so that a file given twice counts once and the order does not matter."""
    told = repr((session.session_id, session.steps, sorted(session.facts.items())))
    return f"{session.session_id}\0{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()}"


def envelope_of(
    observed: Observed, name: str, hints: Sequence[ToolHint] = ()
) -> tuple[str, EnvelopeDraft, dict[str, str]]:
    """The text, what it was written from, and which tools are left out, and why."""
    found = proposed_tools(observed, hints)
    left_out = dict(found.left_out)
    draft = EnvelopeDraft(
        name=name,
        sessions=len(observed.sessions),
        tasks=len({observed.tasks[s.session_id] for s in observed.sessions}),
        tools=(),
        places=observed.places,
        session=session_schema(observed.sessions),
        longest_answer=longest_answer(observed.sessions),
    )
    listed: list[ProposedTool] = []
    for tool in found.tools:
        loadable, why = _loadable(draft, tool)
        if loadable is None:
            left_out[tool.name] = why
        else:
            listed.append(loadable)
    if not listed:
        told = "; ".join(f"{tool[:60]!r}: {why}" for tool, why in list(left_out.items())[:5])
        raise BadInput("sessions", f"no tool can be listed ({told})", "write the envelope by hand")
    draft = replace(draft, tools=_with_known_sources(listed))
    text = written(draft, tests_for(draft))
    load_envelope(text, "proposal")
    return text, draft, left_out


def _loadable(draft: EnvelopeDraft, tool: ProposedTool) -> tuple[ProposedTool | None, str]:
    """The tool as tight as it loads: whole, without conditions, or with only the names of its arguments."""
    why = ""
    for one in _looser(tool):
        # Sources of other tools are not listed here, so flows are tried with the user alone.
        told = loads(written(replace(draft, tools=(replace(one, flows=tuple(_alone(one))),))))
        if not told:
            return one, ""
        why = why or told
    return None, why


def _looser(tool: ProposedTool) -> Iterator[ProposedTool]:
    yield tool
    yield replace(tool, domains=())
    plain = replace(tool, schema=loose(tool.schema), domains=(), notes=())
    yield replace(plain, flows=tuple(flow for flow in tool.flows if flow.arg.isidentifier()))
    yield replace(plain, flows=(), every_call=tool.effect is not ToolEffect.READ)


def _alone(tool: ProposedTool) -> Iterator[ProposedFlow]:
    for flow in tool.flows:
        yield replace(flow, sources=("user",)) if flow.sources else flow


def _with_known_sources(tools: Sequence[ProposedTool]) -> tuple[ProposedTool, ...]:
    """Flows without the sources of tools that are not listed."""
    names = {tool.name for tool in tools} | {"user", "session", "system"}
    found = []
    for tool in tools:
        flows = tuple(
            replace(
                flow, sources=tuple(s for s in flow.sources if s in names or s.partition(".")[0] in names)
            )
            if flow.sources
            else flow
            for flow in tool.flows
        )
        found.append(replace(tool, flows=flows))
    return tuple(found)


def _account(observed: Observed, draft: EnvelopeDraft, left_out: Mapping[str, str]) -> dict[str, Json]:
    clauses = [(tool, flow) for tool in draft.tools for flow in tool.flows]
    return {
        "sessions": len(observed.sessions),
        "tasks": draft.tasks,
        "calls": len(observed.calls),
        "unreadable_calls": observed.unread,
        "tools": [_told(tool) for tool in draft.tools],
        "left_out": dict(left_out),
        "unknown_effect": [tool.name for tool in draft.tools if tool.unknown],
        "unguarded": [tool.name for tool in draft.tools if tool.unguarded],
        "never_called": [tool.name for tool in draft.tools if not tool.calls],
        "seen_once": [tool.name for tool in draft.tools if 0 < tool.tasks < LEAST_TASKS]
        + [f"{tool.name}.{flow.arg}" for tool, flow in clauses if 0 < flow.tasks < LEAST_TASKS <= tool.tasks],
    }


def _told(tool: ProposedTool) -> dict[str, Json]:
    return {
        "name": tool.name,
        "effect": tool.effect.value,
        "why": tool.why,
        "calls": tool.calls,
        "tasks": tool.tasks,
        "every_call_approved": tool.every_call,
        "flows": [
            {
                "arg": flow.arg,
                "from": list(flow.sources),
                "tasks": flow.tasks,
                "missed": round(flow.missed, 4),
                "as": flow.borrowed,
            }
            for flow in tool.flows
        ],
    }


def _judged(
    text: str, sessions: Iterable[RecordedSession], kind: PrincipalKind | None, tally: Tally
) -> Tally:
    envelope = load_envelope(text, "proposal")
    for session in sessions:
        tally.add(replay_session(session, envelope, kind))
    return tally


def _summary(tally: Tally) -> dict[str, Json]:
    keys = (
        "sessions", "calls", "allow", "hold", "deny", "untouched", "held_sessions", "refused_sessions", "clauses",
    )  # fmt: skip
    summary = tally.summary()
    return {key: summary[key] for key in keys} | {"examples": dict(tally.examples)}


def _held_out(observed: Observed, learned: Callable[[Observed], str], folds: int) -> dict[str, Json] | None:
    """What proposals from the other tasks say of each task; None where there is only one."""
    tasks = sorted({observed.tasks[s.session_id] for s in observed.sessions}, key=_mixed)
    if len(tasks) < 2:
        return None
    tally, parts = Tally(), min(folds, len(tasks))
    for part in range(parts):
        held = set(tasks[part::parts])
        rest = observed.of(set(tasks) - held)
        if rest.calls:  # the other tasks may have none
            own = [s for s in observed.sessions if observed.tasks[s.session_id] in held]
            _judged(learned(rest), own, observed.kind, tally)
    return _summary(tally)


def _mixed(task: str) -> str:
    """An order that has nothing to do with the names, and is always the same."""
    return hashlib.sha256(task.encode("utf-8", "replace")).hexdigest()
