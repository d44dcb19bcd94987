"""The command line: `remit COMMAND`. One file per command; this one finds them and turns errors into exit codes.

0 fine · 1 a gate failed · 2 usage · 3 configuration or environment · 4 inconclusive · 5 internal.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from remit._version import __version__
from remit.cli.output import Output, emit, note, safe
from remit.core.errors import BadInput, Refused, Unavailable

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("remit.cli.demo", "The main job on a real local model: allowed, held, refused, captured."),
    "init": ("remit.cli.init", "Scaffold an envelope for a project; it starts in monitor."),
    "mcp": ("remit.cli.mcp", "In front of the servers that an MCP client starts."),
    "doctor": ("remit.cli.doctor", "Prove with live canaries that enforcement works here."),
    "envelope": ("remit.cli.envelope", "Check, test and describe envelopes."),
    "check": ("remit.cli.check", "Decide calls from a file, one JSON object a line."),
    "replay": ("remit.cli.replay", "Judge recorded sessions by an envelope."),
    "readiness": (
        "remit.cli.readiness",
        "What enforcing would have refused or held, and what is ungoverned.",
    ),
    "anomalies": ("remit.cli.anomalies", "The anomaly journal."),
    "classify": ("remit.cli.classify", "Say of each anomaly where it came from: security or SRE, and why."),
    "change": ("remit.cli.change", "Tell what was deployed, and see what changed."),
    "impact": ("remit.cli.impact", "What an anomaly's session did, what undoes it, and who read it later."),
    "incidents": ("remit.cli.incidents", "What belongs together, who has it, what to do next."),
    "drift": ("remit.cli.drift", "What changed in the conduct of agents, and with which change."),
    "approvals": ("remit.cli.approvals", "Answer held calls."),
    "breaker": ("remit.cli.breaker", "Each agent's autonomy: see, trip, reset."),
    "routes": ("remit.cli.routes", "By which ways incidents are told, and what waits on them."),
    "hooks": ("remit.cli.hooks", "Stand in front of Claude Code."),
    "operator": ("remit.cli.operator", "Who may answer."),
    "reviews": ("remit.cli.reviews", "What one person did alone, until somebody else has looked at it."),
    "proxy": ("remit.cli.proxy", "Stand between an MCP client and its server, and judge every call."),
    "trial": ("remit.cli.trial", "Run an agent many times, and judge it as a distribution."),
    "compare": (
        "remit.cli.compare",
        "A candidate against the baseline on captured sessions, no effect possible.",
    ),
    "stats": ("remit.cli.stats", "How often recorded runs succeed: rate, pass^k, pass@k, with intervals."),
    "journal": ("remit.cli.journal", "Verify, export and erase."),
}
"""name: (module that defines `app`, one line of help). Modules load when their command is asked for."""


# Typer brings its own copy of click; its exceptions are reached through what it exports.
_ClickException: Any = typer.BadParameter.__mro__[2]


class _Commands(typer.core.TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        import difflib

        name = args[0] if args else ""
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)


# Plain help: the decorated one would load every command's module for one line each.
root = typer.Typer(
    cls=_Commands,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"remit, version {__version__}\n")
        raise typer.Exit


@root.callback()
def cli(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object, or JSON Lines; also after the command.")
    ] = False,
) -> None:
    """Keeps AI agents within their remit, and proves with evidence when they were not."""


_OUTCOMES: dict[type[Exception], tuple[int, str]] = {
    BadInput: (3, "bad-input"),
    Unavailable: (3, "unavailable"),
    Refused: (1, "refused"),
}


def main(arguments: list[str]) -> int:  # noqa: PLR0911 - one for each kind of end
    """Run one command line and return its exit code."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    Output.json = "--json" in own
    rest = [a for at, a in enumerate(arguments) if not (a == "--json" and at < len(own))]
    try:
        returned = typer.main.get_command(root).main(args=rest, prog_name="remit", standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except _ClickException as error:
        return _usage(error)
    except (BadInput, Unavailable, Refused) as error:
        code, kind = _OUTCOMES[next(c for c in _OUTCOMES if isinstance(error, c))]
        return _failed(code, str(error), kind)
    except (BrokenPipeError, SystemExit):  # typer makes the second of the first
        return _nobody_reads()
    except Exception as error:
        if os.environ.get("REMIT_DEBUG"):
            raise
        told = (
            f"internal error: {type(error).__name__}: {error}. Set REMIT_DEBUG=1 for the trace, and report it"
        )
        return _failed(5, told, "internal")
    return returned if isinstance(returned, int) else 0


def _usage(error: Any) -> int:
    if Output.json:
        return _failed(2, error.format_message(), "usage")
    shown = io.StringIO()
    error.show(file=shown)
    sys.stderr.write(safe(shown.getvalue(), 20_000))
    return 2


def _failed(code: int, message: str, kind: str) -> int:
    if Output.json:
        emit({"error": {"kind": kind, "message": message}, "exit_code": code})
    else:
        note(f"remit: {safe(message)}")
    return code


def _nobody_reads() -> int:
    """What is still buffered goes nowhere, so that the interpreter does not complain while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def run() -> None:
    """The console script."""
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _nobody_reads()
    sys.exit(code)


if __name__ == "__main__":
    run()
