"""`remit init`: a first envelope for a project, and the patch that puts remit in front of its agent, as a diff."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.init_patch import Patch, patch_of, write_patch
from remit.cli.init_tools import Gathered, Project, gather, look
from remit.cli.mcp import agreed
from remit.cli.output import Output, emit, safe, say
from remit.cli.variadic import Variadic
from remit.core.errors import BadInput
from remit.core.selftest import load_envelope
from remit.core.types import ToolEffect
from remit.usecases.adopt.langchain_patch import BY_HAND
from remit.usecases.scaffold import Proposed, scaffold
from remit.wiring import read_text

app = typer.Typer(add_completion=False)

CLAUDE_LEASE = "1h"
"""A permission prompt and a long command fit into it."""
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
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Start the project's MCP servers, to list their tools.")
    ] = False,
    agent: Annotated[
        str | None,
        typer.Option(metavar="M:A", help="module:attribute of the agent or its tools; runs the module."),
    ] = None,
    from_sessions: Annotated[
        list[Path] | None,
        typer.Option(metavar="F", help="Recorded sessions: tools and arguments as they were called."),
    ] = None,
    tools: Annotated[
        Path | None, typer.Option(help="JSON with tool definitions: MCP's tools/list, OpenAI's, Anthropic's.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Put remit in front, as the patch shows.")] = False,
    patch: Annotated[
        Path | None, typer.Option("--patch", metavar="FILE", help="Write the patch here, for git apply.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Yes to all: overwrite, start servers, apply the patch.")
    ] = False,
) -> int:
    """Draft remit/envelope.yaml, in monitor, and the patch that puts remit in front of the project's agent."""
    if not folder.is_dir():
        raise BadInput(str(folder), "no such folder", "make it first, or name another")
    project, place = look(folder), folder / PLACE
    asked_for = bool(from_sessions or tools or agent or yes)
    if place.exists() and (apply or patch) and not asked_for:
        drafted = Drafted(
            place, "", (), Gathered(()), new=False
        )  # the envelope is there, and may have been worked on
    else:
        gathered = gather(project, tools=tools, sessions=from_sessions, agent=agent, mcp=mcp, yes=yes)
        lease = CLAUDE_LEASE if project.claude else ""
        drafted = _drafted(place, _name(folder), gathered, lease, yes)
    named = bool(from_sessions or tools or agent)
    change = patch_of(project, place, mcp=mcp, claude=project.claude and not named)
    if patch:
        write_patch(patch, change.text)
    _tell(InitDone(drafted, project, change, patch, mcp), apply or yes)
    return 0


def _drafted(place: Path, name: str, gathered: Gathered, lease: str, yes: bool) -> Drafted:
    """The envelope, shown and written; never over another one without --yes."""
    made = scaffold(name, gathered.hints, lease=lease)
    load_envelope(made.text, str(place))
    before = read_text(place) if place.exists() else ""
    diff = _diff(before, made.text, place)
    if before and diff and not yes:
        say(safe(diff, len(diff)))
        told = "--yes overwrites it with what is shown; --apply leaves it and puts remit in front"
        raise BadInput(str(place), "is there already and differs", told)
    if diff:
        _write(place, made.text)
    return Drafted(place, diff, made.tools, gathered, new=not before)


@dataclass(frozen=True, slots=True)
class Drafted:
    """The envelope."""

    place: Path
    diff: str
    """What was written; empty where nothing was."""
    tools: Sequence[Proposed]
    gathered: Gathered
    new: bool
    """There was none before."""


@dataclass(frozen=True, slots=True)
class InitDone:
    """What one run found and did."""

    drafted: Drafted
    project: Project
    patch: Patch
    patch_file: Path | None
    mcp: bool


def _name(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return name if name.endswith("agent") else f"{name or 'my'}-agent"


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


def _tell(done: InitDone, apply: bool) -> None:
    """Tell, ask, apply: the patch is written last, when everything it names is there."""
    if Output.json:
        if apply:
            done.patch.apply()
        emit(_as_json(done, apply))
        return
    _tell_envelope(done)
    if done.patch.shown:
        say(f"\n{safe(done.patch.shown, len(done.patch.shown))}")
        apply = apply or agreed("Apply this patch?")
        if apply:
            done.patch.apply()
    _tell_rest(done, apply)


def _as_json(done: InitDone, applied: bool) -> dict[str, Any]:
    return {
        "path": str(done.drafted.place),
        "written": bool(done.drafted.diff),
        "diff": done.drafted.diff,
        "tools": [
            {"name": t.name, "effect": t.effect.value, "why": t.why}
            for t in done.drafted.tools
            if not t.left_out
        ],
        "left_out": [{"name": t.name, "why": t.left_out} for t in done.drafted.tools if t.left_out],
        "snippet": _snippet(done),
        "uses": [{"what": use.what, "where": use.where} for use in done.project.uses],
        "servers": [
            {"server": one.name, "file": str(chosen.place.path), "state": one.state.value}
            for chosen in done.project.mcp
            for one in chosen.servers
        ],
        "not_listed": [str(error) for error in done.drafted.gathered.failed],
        "unread": list(done.drafted.gathered.unread),
        "patch": done.patch.shown,
        "applied": applied and bool(done.patch.shown),
        "by_hand": [{"where": one.where, "why": one.why} for one in done.patch.by_hand],
    }


def _ignored(folder: Path) -> bool:
    """Whether the project's own list says that the store is not shared."""
    place = folder / ".gitignore"
    return place.is_file() and "remit.db" in place.read_text(encoding="utf-8", errors="replace")


def _snippet(done: InitDone) -> str:
    listed = [tool.name for tool in done.drafted.tools if not tool.left_out and tool.name.isidentifier()]
    return SNIPPET.format(place=done.drafted.place, tool=listed[0] if listed else "get_order")


def _tell_envelope(done: InitDone) -> None:
    for use in done.project.uses:
        say(f"found: {safe(use.what)} ({safe(use.where)})")
    for chosen in done.project.mcp:
        names = ", ".join(server.name for server in chosen.servers)
        say(f"found: MCP servers {safe(names, 400)} ({safe(chosen.place.path)})")
    shown = done.drafted.diff
    if shown and not done.drafted.new:
        say(safe(shown, len(shown)))
    elif shown:
        _tell_effects(done.drafted.tools)
    if done.patch.settings:
        say(
            "The agent is Claude Code here; for one of this project's own give --agent, --tools or --from-sessions"
        )
    if done.project.coded and done.project.servers and not done.mcp:
        say("These MCP servers are not this agent's: `remit init --mcp` is about their client instead")
    for tool in done.drafted.tools:
        if tool.left_out:
            say(f"left out: {safe(tool.name, 80)}: {safe(tool.left_out)}")
    for one in done.drafted.gathered.unread:
        say(f"not known without running it: {safe(one)} (--agent module:attribute)")
    say(
        f"\n{safe(done.drafted.place)} {'written; it monitors, and blocks nothing' if shown else 'unchanged'}."
    )


def _tell_effects(tools: Sequence[Proposed]) -> None:
    """What was guessed, in a few lines; the file says why beside each tool."""
    for effect in ToolEffect:
        if names := [tool.name for tool in tools if tool.effect is effect and not tool.left_out]:
            say(f"  {effect.value} ({len(names)}): {safe(', '.join(names), 400)}")
    if not tools:
        say("  no tool of yours was found: it is a starter with two tools of a shop")


def _tell_rest(done: InitDone, applied: bool) -> None:
    for one in done.patch.by_hand:
        say(f"by hand: {safe(one.where)}: {safe(one.why)}")
    if any(".py:" in one.where for one in done.patch.by_hand):
        say(f"\n{BY_HAND}")
    in_front = bool(done.patch.shown or done.patch.by_hand or done.project.servers)
    if not in_front and not any(use.what == "langchain" for use in done.project.uses):
        say(f"In your code:\n\n{safe(_snippet(done))}")
    say("\nNext:")
    for step in _steps(done, applied):
        say(f"  {safe(step)}")


def _steps(done: InitDone, applied: bool) -> Iterator[str]:
    """The exact next commands."""
    where = "" if done.project.folder == Path() else f" {done.project.folder}"
    told = "    # after a look into it: are the effects right?" if done.drafted.new else ""
    yield f"remit envelope lint {done.drafted.place}{told}"
    if (done.project.folder / ".git").exists() and not _ignored(done.project.folder):
        yield f"echo 'remit.db*' >> {done.project.folder / '.gitignore'}    # the record stays on this machine"
    if done.patch.shown and not applied:
        yield f"remit init{where}{' --mcp' if done.mcp else ''} --apply    # nothing but the envelope is written yet"
        if done.patch_file:
            yield f"git apply {done.patch_file}    # the same, for the project's own files"
    if done.patch.settings and applied:
        yield "remit hooks status    # then start Claude Code anew"
    if done.patch.configs and applied:
        yield "restart the MCP client: it starts its servers behind remit"
    claude = any(use.what in ("claude-code", "claude-agent-sdk") for use in done.project.uses)
    if claude and not done.project.claude:
        yield f"remit hooks install --envelope {done.drafted.place}"
    yield f"remit readiness --envelope {done.drafted.place}    # after some days in monitor"
