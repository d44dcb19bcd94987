"""The command line: `remit COMMAND`. One file per command; this one finds them and turns errors into exit codes.

0 fine · 1 a gate failed · 2 usage · 3 configuration or environment · 4 inconclusive · 5 internal.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from remit._version import __version__
from remit.cli.output import Output, emit, note
from remit.core.errors import BadInput, Refused, Unavailable

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("remit.cli.demo", "The main job on a real local model: allowed, held, refused, captured."),
    "init": ("remit.cli.init", "Scaffold an envelope for a project; it starts in monitor."),
    "doctor": ("remit.cli.doctor", "Prove with live canaries that enforcement works here."),
    "envelope": ("remit.cli.envelope", "Check, test and describe envelopes."),
    "check": ("remit.cli.check", "Decide calls from a file, one JSON object a line."),
    "replay": ("remit.cli.replay", "Judge recorded sessions by an envelope."),
    "readiness": ("remit.cli.readiness", "What enforcing would have refused or held, and what is ungoverned."),
    "anomalies": ("remit.cli.anomalies", "The anomaly journal."),
    "approvals": ("remit.cli.approvals", "Answer held calls."),
    "breaker": ("remit.cli.breaker", "Each agent's autonomy: see, trip, reset."),
    "operator": ("remit.cli.operator", "Who may answer."),
    "journal": ("remit.cli.journal", "Verify, export and erase."),
}
"""name: (module that defines `app`, one line of help). Modules load when their command is asked for."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        import typer

        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        import difflib

        name = args[0] if args else ""
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="remit")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, or JSON Lines; also after the command.")
def cli(as_json: bool) -> None:  # noqa: ARG001 - taken from the arguments before click sees them
    """Keeps AI agents within their remit, and proves with evidence when they were not."""


def main(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    Output.json = "--json" in own
    rest = [a for at, a in enumerate(arguments) if not (a == "--json" and at < len(own))]
    try:
        returned = cli.main(args=rest, prog_name="remit", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return _failed(2, "interrupted", "usage")
    except click.ClickException as error:
        return _usage(error)
    except BadInput as error:
        return _failed(3, str(error), "bad-input")
    except Unavailable as error:
        return _failed(3, str(error), "unavailable")
    except Refused as error:
        return _failed(1, str(error), "refused")
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - nobody reads us any more
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the last door: one line for people, the trace on request
        if os.environ.get("REMIT_DEBUG"):
            raise
        told = f"internal error: {type(error).__name__}: {error}. Set REMIT_DEBUG=1 for the trace, and report it"
        return _failed(5, told, "internal")
    return returned if isinstance(returned, int) else 0


def _usage(error: click.ClickException) -> int:
    if Output.json:
        return _failed(2, error.format_message(), "usage")
    error.show()
    return 2


def _failed(code: int, message: str, kind: str) -> int:
    if Output.json:
        emit({"error": {"kind": kind, "message": message}, "exit_code": code})
    else:
        from remit.cli.output import safe

        note(f"remit: {safe(message)}")
    return code


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
