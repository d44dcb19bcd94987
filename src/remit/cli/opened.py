"""What the commands that work on a store share: opening it, finding things by short ids, who is asking, and time."""

from __future__ import annotations

import getpass
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from remit.core.errors import BadInput, RemitError
from remit.settings import Settings, load_settings

if TYPE_CHECKING:
    import apsw

    from remit.store.sqlite import SqliteStore

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="URL", help="sqlite:///file.db; default from the settings.", show_default=False
    ),
]
TenantOption = Annotated[str, typer.Option("--tenant", help="Whose agent it is.")]

_DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that is open, and the settings it was found by."""

    store: SqliteStore
    settings: Settings

    @property
    def now(self) -> float:
        """The store's clock, closely enough to show what is overdue."""
        return time.time()

    def who(self, named: str | None = None) -> str:
        """Who is asking: as named, as set, or the user of this machine. A claim, not a proof."""
        if named or self.settings.operator:
            return named or self.settings.operator
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return "unknown"


@contextmanager
def opened(address: str | None, *, create: bool = False, telling: bool = False) -> Iterator[Opened]:
    """The store at *address*, or the one that is set.

    Args:
        address: as `--store` was given.
        create: make it where there is none.
        telling: deliver to the webhook, if one is set, what the command gives rise to.

    Raises:
        BadInput: no such store.
    """
    from remit.cli.output import note, safe
    from remit.wiring import open_store, start_delivery

    settings = load_settings()
    with open_store(address or settings.store, settings, create=create) as store:
        deliverer = None
        if telling:
            try:
                deliverer = start_delivery(store, settings)
            except RemitError as error:  # a stop must not wait for a webhook to be mended
                note(f"remit: nobody is told: {safe(error)}")
        try:
            yield Opened(store, settings)
        finally:
            if deliverer is not None:
                deliverer.close()


def whole_id(prefix: str, found: Sequence[str], what: str, remedy: str) -> str:
    """The one id among *found* that begins with *prefix*.

    Raises:
        BadInput: none does, or several do.

    >>> whole_id("ab", ["abc", "abcd"], "approval", "")
    Traceback (most recent call last):
    remit.core.errors.BadInput: approval: 'ab' begins 2 ids: abc, abcd; write more of it
    """
    if prefix in found:
        return prefix
    if not found:
        raise BadInput(what, f"there is none with id {prefix[:80]!r}", remedy)
    if len(found) > 1:
        shown = ", ".join(sorted(found)[:5]) + (" …" if len(found) > 5 else "")
        raise BadInput(what, f"{prefix!r} begins {len(found)} ids: {shown}", "write more of it")
    return found[0]


def short_ids(at: Opened, table: str, ids: Sequence[str]) -> dict[str, str]:
    """How each id may be written: the shortest beginning that no other id of *table* has, 8 characters at least."""
    sql = f"SELECT (SELECT max(id) FROM {table} WHERE id < ?1), (SELECT min(id) FROM {table} WHERE id > ?1)"  # noqa: S608 - our tables

    def read(connection: apsw.Connection) -> dict[str, str]:
        found = {}
        for whole in ids:
            beside = [other for other in connection.execute(sql, (whole,)).fetchall()[0] if other]
            shared = max((_shared(whole, str(other)) for other in beside), default=0)
            found[whole] = whole[: max(8, shared + 1)]
        return found

    return at.store.read(read)


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def seconds(text: str, option: str) -> float:
    """Seconds of a duration such as `30s`, `15m`, `24h` or `7d`.

    >>> seconds("15m", "--for")
    900.0
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{option}: found {text!r}, write a duration such as 30s, 15m, 24h or 7d")
    return int(match[1]) * _UNIT_S[match[2]]


def instant_of(text: str, option: str, now: float) -> float:
    """An instant written as ISO 8601 (UTC where no zone is named), or as a duration before *now*.

    >>> instant_of("1970-01-01T00:01:00", "--since", 0.0), instant_of("1h", "--since", 7200.0)
    (60.0, 3600.0)
    """
    if _DURATION.fullmatch(text):
        return now - seconds(text, option)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: found {text!r}, write 2026-01-31T12:00 or 24h") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def span(duration_s: float) -> str:
    """A duration for people.

    >>> span(43.2), span(754.0), span(7260.0), span(200000.0)
    ('43 s', '12 min 34 s', '2 h 1 min', '2 d 7 h')
    """
    whole = int(duration_s)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
