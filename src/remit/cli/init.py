"""`remit init`: a first envelope for a project, shown as a diff before it is written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from remit.cli.output import Output, emit, safe, say
from remit.cli.variadic import Variadic
from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.selftest import load_envelope
from remit.usecases.scaffold import Proposed, ToolHint, scaffold, tools_called, tools_in
from remit.usecases.sessions_files import read_sessions
from remit.wiring import read_text

app = typer.Typer(add_completion=False)

PLACE = Path("remit/envelope.yaml")
SNIPPET = """\
import remit

guard = remit.open("{place}", store="sqlite:///remit.db")

@guard.tool                                  # every plain function or coroutine that the agent may call
def {tool}(...): ...

with guard.session(user_input=question, principal="customer-17", principal_kind="customer") as session:
    answer = agent.run(question)             # calls of guarded tools inside find their session
    session.finish(answer)                   # checks `outputs`, and records the end
"""


@app.command(cls=Variadic)
def init(
    folder: Annotated[Path, typer.Argument(help="The project.")] = Path(),
    *,
    from_sessions: Annotated[
        list[Path] | None,
        typer.Option(metavar="F", help="Recorded sessions: tools and arguments as they were called."),
    ] = None,
    tools: Annotated[
        Path | None, typer.Option(help="JSON with tool definitions: MCP's tools/list, OpenAI's, Anthropic's.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Overwrite what is there.")] = False,
) -> int:
    """Write remit/envelope.yaml, in monitor; never over another one without --yes."""
    if not folder.is_dir():
        raise BadInput(str(folder), "no such folder", "make it first, or name another")
    place = folder / PLACE
    made = scaffold(_name(folder), _hints(tools, from_sessions))
    load_envelope(made.text, str(place))
    before = read_text(place) if place.exists() else ""
    diff = _diff(before, made.text, place)
    if before and diff and not yes:
        say(diff)
        raise BadInput(str(place), "is there already and differs", "--yes overwrites it with what is shown")
    if diff:
        _write(place, made.text)
    _tell(place, diff, made.tools)
    return 0


def _hints(tools: Path | None, sessions: Sequence[Path] | None) -> list[ToolHint]:
    """Definitions win over what was seen; what only the record knows comes after."""
    defined = tools_in(loads_strict(read_text(tools), where=str(tools)), str(tools)) if tools else []
    called = tools_called(read_sessions(sessions)) if sessions else []
    if sessions and not called:
        raise BadInput(str(sessions[0]), "these sessions call no tool", "give others, or --tools")
    known = {hint.name for hint in defined}
    return defined + [hint for hint in called if hint.name not in known]


def _name(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return f"{name or 'my'}-agent"


def _diff(before: str, after: str, place: Path) -> str:
    old, new = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    return "".join(difflib.unified_diff(old, new, str(place) if before else "/dev/null", str(place)))


def _write(place: Path, text: str) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(
            str(place), f"cannot be written: {error.strerror}", "check the folder's rights"
        ) from None


def _tell(place: Path, diff: str, tools: Sequence[Proposed]) -> None:
    left_out = [tool for tool in tools if tool.left_out]
    named = [tool.name for tool in tools if not tool.left_out and tool.name.isidentifier()]
    snippet = SNIPPET.format(place=place, tool=named[0] if named else "get_order")
    if Output.json:
        listed = [{"name": t.name, "effect": t.effect.value, "why": t.why} for t in tools if not t.left_out]
        emit(
            {
                "path": str(place),
                "written": bool(diff),
                "diff": diff,
                "tools": listed,
                "left_out": [{"name": t.name, "why": t.left_out} for t in left_out],
                "snippet": snippet,
            }
        )
        return
    say(safe(diff, len(diff)) if diff else f"{safe(place)} is as it would be written")
    for tool in left_out:
        say(f"left out: {safe(tool.name, 80)}: {safe(tool.left_out)}")
    say(f"\n{safe(place)} {'written' if diff else 'unchanged'}. In your code:\n\n{safe(snippet)}")
    say(
        f"Next: remit envelope lint {safe(place)}; after some days in monitor: remit readiness --envelope {safe(place)}"
    )
