"""A proposal as YAML that people read: each line says what speaks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.types import Json
from remit.usecases.infer.flows import ProposedFlow
from remit.usecases.infer.limits import Domains, session_key
from remit.usecases.infer.places import PROSE, TOKEN, Places, ResultPlace
from remit.usecases.infer.tools import ProposedTool
from remit.usecases.scaffold import comment, json_text, quoted

OWNER = "owner"
"""The role that is asked; rename it to one that your operators have."""


@dataclass(frozen=True, slots=True)
class EnvelopeDraft:
    """All that an envelope is written from."""

    name: str
    sessions: int
    tasks: int
    tools: tuple[ProposedTool, ...]
    places: Places
    session: Mapping[str, Any]
    """`spec.session`; empty where sessions bring no facts."""
    longest_answer: int


def written(draft: EnvelopeDraft, tests: Sequence[Mapping[str, Json]] = ()) -> str:
    """The envelope's text.

    Args:
        draft: what was learned.
        tests: entries of `spec.tests`; they must hold.
    """
    lines = _HEAD.format(name=quoted(draft.name), sessions=draft.sessions, tasks=draft.tasks).splitlines()
    if draft.session:
        lines.append(f"  session: {json_text(dict(draft.session))}")
    lines += _sources(draft)
    lines.append("  tools:")
    for tool in draft.tools:
        lines += _tool(tool, session_key(dict(draft.session)))
    if draft.longest_answer:
        lines.append("  outputs:")
        told = "four times the longest final answer, rounded up"
        lines.append(f"    - {{id: length, max_length: {draft.longest_answer}}}        # {told}")
    if tests:
        lines += ["  tests:", *(f"    - {json_text(dict(test))}" for test in tests)]
    return "\n".join(lines) + "\n"


def clause_id(arg: str, suffix: str) -> str:
    """`items-sku-origin` for `items[].sku`.

    >>> clause_id("items[].sku", "origin"), clause_id("_", "origin")
    ('items-sku-origin', 'value-origin')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", arg.lower()).strip("-")
    plain = plain if plain[:1].isalpha() else f"value-{plain}".rstrip("-")
    return f"{plain[: 62 - len(suffix)].rstrip('-')}-{suffix}"


def _sources(draft: EnvelopeDraft) -> list[str]:
    """Labels of whole tools, and of the fields that a clause asks about."""
    flows = [flow for tool in draft.tools for flow in tool.flows]
    asked = {source for flow in flows for source in flow.sources}
    against = any(not flow.sources for flow in flows)
    tools = {tool.name for tool in draft.tools}
    lines = ["  sources:                           # an unlisted source is untrusted"]
    lines.append("    user: {confidentiality: internal}")
    for name, place in sorted(draft.places.by_name.items()):
        field = "." in name
        if name.partition(".")[0] not in tools:
            continue
        if not field or name in asked or (against and place.holds != PROSE):
            lines.append(_source(place))
    return lines


def _source(place: ResultPlace) -> str:
    secret = "pii" if place.holds == PROSE else "internal"
    told = {
        PROSE: "sentences stand here: a stranger may have written them",
        TOKEN: "only ids, addresses, single words",
    }
    label = f"    {quoted(place.name)}: {{integrity: untrusted, confidentiality: {secret}}}"
    return f"{label}    # {told.get(place.holds, 'short phrases')}"


def _tool(tool: ProposedTool, key: str) -> list[str]:
    lines = [f"    {quoted(tool.name)}:"]
    seen = f"{tool.calls} calls in {_tasks(tool.tasks)}" if tool.calls else "never called in these sessions"
    lines.append(f"      effect: {tool.effect.value:<14} # {comment(tool.why)}; {seen}")
    if tool.description:
        lines.append(f"      description: {quoted(tool.description, 200)}")
    if tool.unguarded:
        lines.append("      # Nothing was learned that guards it: any call that fits the schema runs.")
    lines += [f"      # {comment(note)}" for note in tool.notes]
    lines.append(f"      args: {json_text(tool.schema)}")
    if tool.domains:
        lines += ["      require:", *(_require(one) for one in tool.domains)]
    if tool.flows:
        lines += ["      flow:", *(_flow(flow) for flow in tool.flows)]
    lines += _limits(tool, key)
    if tool.every_call:
        lines += ["      approve:                       # nothing else was learned that would guard it"]
        lines += [f"        - {{id: every-call, by: [{OWNER}]}}"]
    return lines


def _require(one: Domains) -> str:
    known = json_text(list(one.domains)).replace('"', "'")
    each = f"args.{one.arg}"
    test = f"{each}.all(a, email_domain(a) in {known})" if one.listed else f"email_domain({each}) in {known}"
    clause = (
        f"{{id: {clause_id(one.arg, 'domain')}, expr: {json_text(test)}, on_violation: hold, by: [{OWNER}]}}"
    )
    return f"        - {clause}    # no other in {_tasks(one.tasks)}"


def _flow(flow: ProposedFlow) -> str:
    does = "deny" if flow.denies else f"hold, by: [{OWNER}]"
    arg = quoted(flow.arg)
    if flow.sources:
        named = ", ".join(quoted(source) for source in flow.sources)
        asks = f"id: {clause_id(flow.arg, 'origin')}, arg: {arg}, from: [{named}]"
    else:
        asks = f"id: {clause_id(flow.arg, 'not-copied')}, arg: {arg}, confidentiality_at_most: internal"
    return f"        - {{{asks}, on_violation: {does}}}    # {comment(_why(flow))}"


def _why(flow: ProposedFlow) -> str:
    if not flow.tasks:
        return f"as {flow.borrowed}" if flow.borrowed else "never used: whom it reaches is the user's word"
    held = f", holds {100 * flow.missed:.0f} % of their sessions" if flow.missed else ""
    once = "; seen once" if flow.tasks == 1 else ""
    return f"{flow.calls} calls in {_tasks(flow.tasks)}{held}{once}"


def _limits(tool: ProposedTool, key: str) -> list[str]:
    if not tool.effect.consequential or not tool.most:
        return []
    told = f"at most {tool.most} calls in a session, good ones having made far fewer"
    if not key:
        return [f"      # limits: {told}; a limit needs a fact of spec.session to count by"]
    counts = f"id: often, count: calls, by: [session.{key}], within: 1h, max: {tool.most}"
    return ["      limits:", f"        - {{{counts}, on_violation: hold, hold_by: [{OWNER}]}}    # {told}"]


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"


_HEAD = """\
# Proposed from {sessions} recorded sessions of {tasks} tasks: read it as a first draft, line by line.
#
# It decides and records, and blocks nothing, until enforcement says enforce: `remit readiness` tells when. Effects are
# guessed from names, on the safe side. Counts are of tasks that good sessions show; nothing was learned from attacks.
# No value of a session stands in it, except sets of values and domains that the sessions had exhausted.
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {{name: {name}, version: "1"}}
spec:
  enforcement: monitor
"""
