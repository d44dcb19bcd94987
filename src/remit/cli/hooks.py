"""`remit hooks`: put remit in front of Claude Code, and the daemon that its hooks ask."""

from __future__ import annotations

import difflib
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from remit._version import __version__
from remit.cli.mcp_front import absolute_store
from remit.cli.output import Output, emit, note, safe, say
from remit.core.errors import BadInput, Unavailable
from remit.settings import Settings, load_settings
from remit.wiring import open_guard, read_envelope_file, read_text

app = typer.Typer(add_completion=False, no_args_is_help=True)

LEAST_LEASE_S = 600.0
"""A permission prompt and a long command fit into it."""

EnvelopeOption = Annotated[Path, typer.Option("--envelope", metavar="FILE", help="What the agent may do.")]
RecordOption = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Where it is recorded.", show_default=False)
]
ProjectOption = Annotated[Path, typer.Option("--project", metavar="DIR", help="The project.")]
User = Annotated[bool, typer.Option("--user", help="For all projects of this user.")]
Local = Annotated[bool, typer.Option("--local", help="In settings.local.json, which is not checked in.")]
Yes = Annotated[bool, typer.Option("--yes", help="Write what is shown.")]
Defer = Annotated[
    bool,
    typer.Option(
        "--defer", help="A held call ends a run of claude -p, to be resumed. Never for interactive use."
    ),
]
Kind = Annotated[str, typer.Option("--principal-kind", help="operator or customer: who writes the prompts.")]


@app.callback()
def hooks() -> None:
    """Claude Code: install the hooks, and serve them."""


@app.command()
def install(
    *,
    envelope: EnvelopeOption = Path("remit/envelope.yaml"),
    store: RecordOption = None,
    project: ProjectOption = Path(),
    user: User = False,
    local: Local = False,
    defer: Defer = False,
    principal_kind: Kind = "operator",
    yes: Yes = False,
) -> int:
    """Show the hooks as a diff of Claude Code's settings; --yes writes them."""
    from remit.adapters.claude_settings import hooks_block, installed

    loaded = read_envelope_file(envelope)
    refuse_old()
    options = hook_options(envelope, store, defer=defer, principal_kind=principal_kind)
    place = settings_place(project, user=user, local=local)
    before = read_text(place) if place.exists() else ""
    after = installed(before, hooks_block(sys.executable, options), str(place))
    note_other_settings(envelope)
    if loaded.breaker.lease_s < LEAST_LEASE_S:
        told = f"breaker.lease is {loaded.breaker.lease_s:g} s: a call that takes longer counts as lost"
        note(f"{safe(envelope)}: {told}. Write 'breaker: {{lease: 1h}}' for a coding agent.")
    done = _change(place, before, after, yes=yes, none="has these hooks already")
    if yes and not Output.json:
        if not (local or user):
            say("It names paths of this machine; where others share the repository, use --local instead")
        say(
            "Start Claude Code anew, then: remit hooks status; remit anomalies ls. `remit hooks uninstall` undoes it"
        )
    return done


@app.command()
def uninstall(
    *, project: ProjectOption = Path(), user: User = False, local: Local = False, yes: Yes = False
) -> int:
    """Show the settings without remit's hooks as a diff; --yes writes them. Other hooks stay."""
    from remit.adapters.claude_settings import uninstalled

    place = settings_place(project, user=user, local=local)
    before = read_text(place) if place.exists() else ""
    return _change(place, before, uninstalled(before, str(place)), yes=yes, none="has no hooks of remit")


def settings_place(project: Path, *, user: bool = False, local: bool = False) -> Path:
    """The settings file that is meant."""
    if user:
        folder = os.environ.get("CLAUDE_CONFIG_DIR")
        return (Path(folder) if folder else Path("~/.claude").expanduser()) / "settings.json"
    if not project.is_dir():
        raise BadInput(str(project), "no such folder", "name the project")
    return project / ".claude" / ("settings.local.json" if local else "settings.json")


def hook_options(
    envelope: Path, store: str | None, *, defer: bool = False, principal_kind: str = "operator"
) -> dict[str, str]:
    """The hook's options, with nothing in them that depends on a working folder."""
    if principal_kind not in ("operator", "customer"):
        raise BadInput("--principal-kind", f"found {principal_kind!r}", "use operator or customer")
    options = {"envelope": str(envelope.resolve()), "store": absolute_store(store, Path.cwd())}
    if principal_kind != "operator":
        options["principal-kind"] = principal_kind
    if defer:
        options["defer"] = ""
    return options


def daemon_settings(envelope: Path) -> Settings:
    """The settings of the daemon, wherever it is started: none from a file that the agent may write to."""
    return load_settings(envelope.resolve().parent, own_only=True)


def note_other_settings(envelope: Path) -> None:
    """Say which settings of `pyproject.toml` the daemon will not take."""
    here, there = load_settings(), daemon_settings(envelope)
    named = ("home", "approval_wait_s", "webhook_url", "webhook_secret")
    lost = [name for name in named if getattr(here, name) != getattr(there, name)]
    if lost:
        place = safe(envelope.resolve().parent.parent / "remit.toml")
        note(
            f"the daemon takes no settings from pyproject.toml, which agents write to: put {', '.join(lost)} into {place}"
        )


def refuse_old() -> None:
    """Refuse a Claude Code that would take these hooks for something else."""
    from remit.adapters.claude_settings import FLOOR

    found = shutil.which("claude")
    if found is None:
        return
    try:
        told = subprocess.run(
            [found, "--version"], capture_output=True, text=True, timeout=60, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    version = re.match(r"(\d+)\.(\d+)\.(\d+)", told)
    if version and tuple(map(int, version.groups())) < FLOOR:
        least = ".".join(map(str, FLOOR))
        raise BadInput(found, f"found version {version[0]}", f"update Claude Code to {least} or later")


def _change(place: Path, before: str, after: str, *, yes: bool, none: str) -> int:
    lines = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    diff = "".join(difflib.unified_diff(*lines, str(place) if before else "/dev/null", str(place)))
    if diff and yes:
        _write(place, after)
    if Output.json:
        emit({"path": str(place), "diff": diff, "written": bool(diff and yes)})
        return 0
    say(safe(diff, len(diff)) if diff else f"{safe(place)} {none}")
    if diff:
        say(f"{safe(place)} written" if yes else "Nothing is written yet: --yes writes it")
    return 0


def _write(place: Path, text: str) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        target = place.resolve()  # a link stays one
        with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False, encoding="utf-8") as aside:
            aside.write(text)
        Path(aside.name).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        Path(aside.name).replace(target)
    except OSError as error:
        raise BadInput(
            str(place), f"cannot be written: {error.strerror}", "check the folder's rights"
        ) from None


# ------------------------------------------------------------------------------------------ the daemon
@app.command()
def serve(
    *,
    envelope: EnvelopeOption,
    store: RecordOption = None,
    defer: Defer = False,
    principal_kind: Kind = "operator",
    idle: Annotated[str, typer.Option(help="End after so long without a question.")] = "15m",
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False,
) -> int:
    """Answer the hooks until nobody asks any more. The hooks start it by themselves."""
    from remit.adapters.claude_hook import Blocked, socket_path
    from remit.adapters.daemon import locked

    options = hook_options(envelope, store, defer=defer, principal_kind=principal_kind)
    try:
        path = socket_path(options["envelope"], options["store"])
    except Blocked as error:
        raise Unavailable(str(error)) from None
    lock = locked(path)  # before anything is opened: who comes second ends at once
    if lock is None:
        if not quiet:
            note(f"another daemon serves on {path}")
        return 0
    with lock:
        _served(options, lock, idle, quiet=quiet)
    return 0


def _served(options: dict[str, str], lock: IO[bytes], idle: str, *, quiet: bool) -> None:
    """Serve until it is time to end."""
    from remit.adapters.claude_code import ClaudeCode
    from remit.adapters.daemon import Daemon
    from remit.cli.opened import seconds

    defer, principal_kind = "defer" in options, options.get("principal-kind", "operator")
    idle_s = seconds(idle, "--idle")
    with open_guard(
        Path(options["envelope"]),
        options["store"],
        settings=daemon_settings(Path(options["envelope"])),
        reload_every_s=2.0,
        approval_wait_s=0.0 if defer else None,
    ) as guard:
        claude = ClaudeCode(guard, principal=_user(), principal_kind=principal_kind, defer=defer)

        def answer(event: Any, env: Any) -> dict[str, Any]:
            reply = claude.handle(event, env)
            return {"exit": reply.exit, "out": dict(reply.out), "err": reply.err}

        daemon = Daemon(
            options["envelope"],
            options["store"],
            options=options,
            version=__version__,
            answer=answer,
            busy=lambda: claude.busy,
            idle_s=idle_s,
            lock=lock,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: daemon.stop())
        try:
            daemon.serve(lambda: None if quiet else note(f"serving on {daemon.path}"))
        finally:
            claude.close()


@app.command()
def status(*, envelope: EnvelopeOption = Path("remit/envelope.yaml"), store: RecordOption = None) -> int:
    """Whether a daemon serves this envelope and store."""
    told = _ask(envelope, store, {"status": True})
    if Output.json:
        emit({"serving": told is not None, **(told or {})})
    elif told is None:
        say("no daemon serves; the next hook starts one")
    else:
        say(f"serving: process {told.get('pid')}, remit {told.get('version')}")
    return 0


@app.command()
def stop(*, envelope: EnvelopeOption = Path("remit/envelope.yaml"), store: RecordOption = None) -> int:
    """End the daemon once it has answered what it was asked; the next hook starts another."""
    told = _ask(envelope, store, {"stop": True})
    say("no daemon serves" if told is None else "it ends")
    return 0


def _ask(envelope: Path, store: str | None, question: dict[str, Any]) -> dict[str, Any] | None:
    from remit.adapters.claude_hook import Blocked, peer_of, receive, send, socket_path

    options = hook_options(envelope, store)
    try:
        path = socket_path(options["envelope"], options["store"])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10.0)
            connection.connect(path)
            if peer_of(connection) not in (None, os.geteuid()):
                raise Unavailable(f"{path} belongs to another user")
            send(connection, {"version": __version__, **question})
            return receive(connection)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except (Blocked, OSError) as error:
        raise Unavailable(f"the daemon does not answer: {error}") from None


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
