"""What commands print: tables for people on a terminal, one JSON object (or JSON Lines) for programs.

Results go to stdout, everything else to stderr. Text that an agent or a tool wrote is hostile: control characters and
terminal escapes are shown, never sent.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


PLAIN_WIDTH = 160
"""Columns of a table in a file or a pipe, where there is no terminal to ask."""
NARROW = 110
"""Columns below which a table has no lines between its columns."""


class Output:
    """How this run of the command line prints."""

    json = False
    """Set once by `main` from `--json`."""


def emit(value: Mapping[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    emit_encoded(msgspec.json.encode(value, order="deterministic") + b"\n")


def emit_encoded(lines: bytes) -> None:
    """Lines of JSON, encoded already, to stdout; what a terminal would obey stands as a JSON escape."""
    text = lines.decode()
    sys.stdout.write(text if text.isascii() else _OBEYED.sub(_escaped, text))


# Beside the controls that the encoder escapes: those from U+007F (U+009B starts a terminal sequence), line and
# paragraph separators, bidirectional and invisible marks. All lie in the basic plane, so \uXXXX says each.
_OBEYED = re.compile("[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def safe(text: object, limit: int = 2000) -> str:
    """Text for a terminal: control, bidi and invisible characters as escapes, cut at *limit* characters.

    >>> safe("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    whole = str(text)
    cut = whole if len(whole) <= limit else whole[: limit - 1] + "…"
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in cut)


def counted(n: int, what: str) -> str:
    """How many there are, in words.

    >>> counted(1, "event"), counted(2, "event")
    ('1 event', '2 events')
    """
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def console(*, stderr: bool = False) -> Any:
    """A rich console that interprets no markup."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal else PLAIN_WIDTH
    return Console(stderr=stderr, markup=False, highlight=False, soft_wrap=not terminal, width=width)


def say(text: str) -> None:
    """A line for people on stdout; nothing with `--json`."""
    if not Output.json:
        console().print(text, soft_wrap=True)


def note(text: str) -> None:
    """A line for people on stderr."""
    console(stderr=True).print(text, soft_wrap=True)


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str = "nothing",
    right: Collection[int] = (),
) -> None:
    """A table for people; *empty* says what to do next where there is no row, *right* which columns are numbers."""
    listed = [[safe(cell) for cell in row] for row in rows]
    if not listed:
        say(empty)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    printer = console()
    narrow = printer.width < NARROW  # columns for words, not for lines between them
    frame: dict[str, Any] = {"box": SIMPLE_HEAD, "padding": (0, 1, 0, 0)} if narrow else {}
    shown = Table(title=title or None, title_justify="left", header_style="bold", **frame)
    for place, column in enumerate(columns):
        shown.add_column(column, overflow="fold", justify="right" if place in right else "left")
    for row in listed:
        shown.add_row(*row)
    printer.print(shown)


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """*items*, with a bar on stderr while they are worked through; silent where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.progress import track

    yield from track(items, description=what, total=total, console=console(stderr=True), transient=True)
