"""An existing envelope with the learned clauses added: what stands stays, and the result is shown to only narrow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.narrow import Document, not_narrowing, read_document
from remit.core.schema import has_path
from remit.core.selftest import load_envelope
from remit.usecases.infer.tools import ProposedTool
from remit.usecases.infer.write import OWNER, EnvelopeDraft, clause_id


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The base with what was added to it."""

    text: str
    added: tuple[str, ...]
    """Full ids of the clauses that were added."""
    refused: tuple[tuple[str, str], ...]
    """(full id, why): clauses that did not load beside the base, broke one of its tests, or might widen it."""
    unlisted: tuple[str, ...]
    """Tools that sessions called and the base does not list: listing them would widen it."""


def narrowed(base: str, file: str, draft: EnvelopeDraft) -> Narrowed:
    """The envelope *base* with the clauses of *draft* that it does not have.

    Args:
        base: its text.
        file: its name, for errors.
        draft: what was learned. Labels and schemas of the base stay, so only `from` clauses on its own sources are added.

    Raises:
        BadInput: the base does not load.
    """
    load_envelope(base, file)
    before = read_document(base, file)
    text, added, refused = base, list[str](), list[tuple[str, str]]()
    for tool in draft.tools:
        if tool.name not in before.envelope.tools:
            continue
        for clause in _clauses(tool, before.envelope):
            made = _with(text, tool.name, clause)
            if why := _problem(before, made, file):
                refused.append((f"{tool.name}.{clause['id']}", why))
            else:
                text = made
                added.append(f"{tool.name}.{clause['id']}")
    unlisted = tuple(t.name for t in draft.tools if t.calls and t.name not in before.envelope.tools)
    return Narrowed(text, tuple(added), tuple(refused), unlisted)


def _clauses(tool: ProposedTool, base: Envelope) -> Iterator[dict[str, Any]]:
    ours = base.tools[tool.name]
    covered = {flow.arg[0] for flow in ours.flow}
    known = {"user", "system", "session", *base.tools, *base.sources}
    for flow in tool.flows:
        path = flow.arg.split(".")
        sources = [source for source in flow.sources if source in known]
        top = path[0].removesuffix("[]")
        if (
            not sources
            or not flow.tasks
            or top in covered
            or has_path(ours.schema, _steps(flow.arg)) is not None
        ):
            continue
        asks = {"id": clause_id(flow.arg, "origin"), "arg": flow.arg, "from": sources}
        yield asks | ({} if flow.denies else {"on_violation": "hold", "by": [OWNER]})


def _steps(arg: str) -> tuple[str, ...]:
    steps: list[str] = []
    for part in arg.split("."):
        steps += [part.removesuffix("[]"), *(["[]"] if part.endswith("[]") else [])]
    return tuple(steps)


def _with(text: str, tool: str, clause: dict[str, Any]) -> str:
    """The text with one more flow clause; comments and the order of keys stay."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 4_096
    yaml.preserve_quotes = True
    document = yaml.load(text)
    tools = document["spec"]["tools"]
    # An anchored list is shared: what is added for one tool must not reach another.
    tools[tool]["flow"] = [*tools[tool].get("flow", ()), clause]
    written = StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def _problem(before: Document, text: str, file: str) -> str:
    try:
        load_envelope(text, file)
        places = not_narrowing(before, read_document(text, file))
    except BadInput as error:
        return str(error)
    return f"might widen it: {places[0].path}" if places else ""
