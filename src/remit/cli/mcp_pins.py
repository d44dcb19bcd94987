"""`remit mcp pins`: what MCP servers said of their tools when they were first met, what they say now, and accepting that.

The diff is made from the two definitions, and what is signed names the one that was shown. What the server says is shown
with everything in it on view, and obeyed by nobody.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from remit.cli.approvals import only_key
from remit.cli.opened import Opened, StoreOption, TenantOption, opened
from remit.cli.operator_keys import KeyFile
from remit.cli.output import Output, emit, say, table
from remit.core.approval import OperatorRefused
from remit.core.definitions import Definition, lines_of
from remit.core.errors import BadInput
from remit.core.notice import instant, visible
from remit.core.pins import Pin, Whose
from remit.core.suspect import DefinitionFinding, findings_in, shadows
from remit.store.records import SqliteRecords
from remit.usecases.pin_book import PinBook, PinDrift, pinned_elsewhere, servers

app = typer.Typer(add_completion=False, no_args_is_help=True)

ServerArgument = Annotated[
    str, typer.Argument(metavar="SERVER", help="As `ls` names it.", show_default=False)
]
Agent = Annotated[
    str | None, typer.Option("--agent", help="Where several agents have a server of this name.")
]


@app.callback()
def pins() -> None:
    """Tool definitions: what is pinned, what changed, and accepting a change."""


@app.command("ls")
def list_pins(agent: Agent = None, tenant: TenantOption = "default", store: StoreOption = None) -> int:
    """Every pinned tool, and whether its server was seen to say something else since."""
    with opened(store) as at:
        lines = [line for book in _books(at, tenant, agent) for line in _lines(book)]
    if Output.json:
        emit({"pins": lines})
        return 0
    rows = [
        (
            visible(one["agent"]),
            visible(one["server"]),
            visible(one["tool"]),
            instant(one["at"]),
            _who(one["by"], authenticated=one["authenticated"]),
            "-" if one["drifted_at"] is None else f"changed, seen {instant(one['drifted_at'])}",
        )
        for one in lines
    ]
    columns = ("agent", "server", "tool", "pinned", "by", "since then")
    table("", columns, rows, empty="no server's tools are pinned; `remit proxy` pins them at first contact")
    return 0


@app.command()
def show(
    server: ServerArgument,
    tool: Annotated[str | None, typer.Argument(metavar="[TOOL]", show_default=False)] = None,
    agent: Agent = None,
    tenant: TenantOption = "default",
    store: StoreOption = None,
) -> int:
    """What is pinned, what a person should read twice in it, and what the server was seen to say instead."""
    with opened(store) as at:
        book = _book(at, server, tenant, agent)
        names = sorted(book.pins) if tool is None else [_known(book, tool).definition.name]
        drifts, elsewhere = book.drifts(), pinned_elsewhere(SqliteRecords(at.store), book.whose)
        views = [_view(book.whose, book.pins[n], drifts.get(n), elsewhere) for n in names]
    if Output.json:
        emit({"server": server, "agent": book.whose.agent, "tools": views})
    else:
        for view in views:
            _print(view)
    return 0


@app.command()
def accept(
    server: ServerArgument,
    tool: Annotated[str | None, typer.Argument(metavar="[TOOL]", show_default=False)] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every tool that changed, instead of one.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who accepts it.", show_default=False)
    ] = None,
    digest: Annotated[
        str | None,
        typer.Option("--digest", help="Which change: the new digest begins so.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nobody; the diff is shown all the same.")] = False,
    agent: Agent = None,
    tenant: TenantOption = "default",
    store: StoreOption = None,
) -> int:
    """Pin what the server says now. Running proxies go by it at their next look."""
    if everything == (tool is not None) or (everything and digest is not None):
        raise typer.BadParameter("name one TOOL, with --digest or without, or give --all")
    with opened(store) as at:
        book = _book(at, server, tenant, agent)
        changed = list(book.drifts().values()) if tool is None else [_change(book, tool, digest)]
        elsewhere = pinned_elsewhere(SqliteRecords(at.store), book.whose)
        for drift in changed if not Output.json else ():
            _print(_view(book.whose, drift.pin, drift, elsewhere))
        if not changed:
            raise OperatorRefused(server, "no tool of it was seen to be other than what is pinned")
        if not yes and not _agreed():
            return 1
        _accept(at, book, changed, by)
    return 0


def _change(book: PinBook, tool: str, digest: str | None) -> PinDrift:
    """The change that is meant: the last that was seen, or the one with a digest."""
    _known(book, tool)
    about, seen = f"{book.whose.server}/{tool}", book.changes().get(tool, [])
    if not seen:
        raise OperatorRefused(about, "nothing else was seen of it than what is pinned")
    found = [one for one in seen if digest is None or one.found.digest.startswith(digest.lower())]
    if not found or (digest is not None and len(found) > 1):
        known = ", ".join(one.found.digest[:16] for one in seen)
        told = f"no one change has digest {(digest or '')[:80]!r}, only {known}; look at it again"
        raise OperatorRefused(about, told)
    return found[-1]


def _agreed() -> bool:
    if Output.json or not sys.stdin.isatty():
        raise BadInput("--yes", "nobody is there to ask", "read the diff, then give --yes and --digest")
    return typer.confirm("Accept this?", default=False)


def _accept(at: Opened, book: PinBook, changed: Sequence[PinDrift], by: str | None) -> None:
    name, sign = at.who(), None
    if by is not None or not at.store.single_operator:
        name = by or at.settings.operator or only_key(at)
        sign = KeyFile(at.settings.home_path, name).signer()
    for drift in changed:
        if not book.accept(drift, name, None if sign is None else sign(book.message_of(drift))):
            about = f"{book.whose.server}/{drift.found.name}"
            raise OperatorRefused(about, "its pin changed meanwhile; look at it again")
    if Output.json:
        emit({"pins": [_line(book.whose, book.pins[one.found.name], None) for one in changed]})
        return
    if sign is None:
        told = f"taken without a signature, as {visible(name)} says; the record shows that."
        say(f"Single-operator store: {told}")
    say(f"Pinned. Proxies in front of {visible(book.whose.server)} go by it at their next look.")


# ---------------------------------------------------------------------------------------------- reading
def _books(at: Opened, tenant: str, agent: str | None) -> list[PinBook]:
    records = SqliteRecords(at.store)
    found = [w for w in servers(records, tenant) if agent is None or w.agent == agent]
    books = [PinBook(records, whose) for whose in found]
    for book in books:
        book.refresh()
    return books


def _book(at: Opened, server: str, tenant: str, agent: str | None) -> PinBook:
    found = [book for book in _books(at, tenant, agent) if book.whose.server == server]
    if not found:
        raise BadInput("server", f"nothing is pinned of {server[:80]!r}", "see `remit mcp pins ls`")
    if len(found) > 1:
        agents = ", ".join(book.whose.agent for book in found)
        raise BadInput("--agent", f"several agents have a server {server!r}", f"name one of {agents}")
    return found[0]


def _known(book: PinBook, tool: str) -> Pin:
    if tool not in book.pins:
        told = f"{book.whose.server} has no pinned tool {tool[:80]!r}"
        raise BadInput("tool", told, f"see `remit mcp pins show {book.whose.server}`")
    return book.pins[tool]


def _lines(book: PinBook) -> list[dict[str, Any]]:
    drifts = book.drifts()
    return [_line(book.whose, book.pins[name], drifts.get(name)) for name in sorted(book.pins)]


def _line(whose: Whose, pin: Pin, drift: PinDrift | None) -> dict[str, Any]:
    return {
        "agent": whose.agent,
        "server": whose.server,
        "tool": pin.definition.name,
        "digest": pin.definition.digest,
        "at": pin.at,
        "by": pin.by,
        "authenticated": pin.authenticated,
        "drifted_at": None if drift is None else drift.at,
    }


def _view(
    whose: Whose, pin: Pin, drift: PinDrift | None, elsewhere: dict[str, dict[str, Definition]]
) -> dict[str, Any]:
    def found_in(one: Definition) -> list[dict[str, str]]:
        return [_told(finding) for finding in [*findings_in(one), *shadows(one, elsewhere)]]

    changed: dict[str, Any] | None = None
    if drift is not None:
        changed = {"digest": drift.found.digest, "diff": drift.diff, "anomaly": drift.event}
        changed |= {"definition": drift.found.value, "findings": found_in(drift.found)}
    return {
        **_line(whose, pin, drift),
        "definition": pin.definition.value,
        "lines": lines_of(pin.definition),
        "findings": found_in(pin.definition),
        "drift": changed,
    }


def _told(finding: DefinitionFinding) -> dict[str, str]:
    return {"kind": finding.kind, "told": finding.told}


# ---------------------------------------------------------------------------------------------- printing
def _who(by: str, *, authenticated: bool) -> str:
    return visible(by) + ("" if authenticated or by == "first contact" else ", unsigned")


def _print(view: dict[str, Any]) -> None:
    who = _who(view["by"], authenticated=view["authenticated"])
    say(
        f"Tool       {visible(view['tool'])} of server {visible(view['server'])}, agent {visible(view['agent'])}"
    )
    say(f"Pinned     {instant(view['at'])} by {who}, {view['digest']}")
    _print_findings(view["findings"])
    drift = view["drift"]
    if drift is None:
        for line in view["lines"]:
            say(f"  {line}")
        return
    say(f"Changed    seen {instant(view['drifted_at'])}, anomaly {drift['anomaly']}")
    for line in drift["diff"].split("\n"):
        say(f"  {line}")
    _print_findings(drift["findings"])
    say(f"Digest     {drift['digest']}")


def _print_findings(findings: Sequence[dict[str, str]]) -> None:
    for one in findings:
        say(f"Read twice {one['kind']}: {visible(one['told'], 400)}")
