"""`--sessions a b c` for `--sessions a --sessions b --sessions c`: what a shell makes of `--sessions *.jsonl`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import typer.core


class Variadic(typer.core.TyperCommand):
    """A command whose repeatable options take several values at once; it has no arguments after options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spread the values, then parse as usual."""
        repeatable = {
            name for param in self.params if getattr(param, "multiple", False) for name in param.opts
        }
        return super().parse_args(ctx, spread(args, repeatable))


def spread(args: Sequence[str], repeatable: Collection[str]) -> list[str]:
    """The arguments with each further value of a repeatable option under its own option.

    >>> spread(["--sessions", "a", "b", "--json"], {"--sessions"})
    ['--sessions', 'a', '--sessions', 'b', '--json']
    """
    found: list[str] = []
    option, values = "", 0
    for at, arg in enumerate(args):
        if arg == "--":
            return found + list(args[at:])
        if arg.startswith("-") and arg != "-":
            option, values = (arg if arg in repeatable else ""), 0
        elif option:
            if values:
                found.append(option)
            values += 1
        found.append(arg)
    return found
