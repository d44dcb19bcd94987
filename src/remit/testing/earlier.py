"""A shop for the tests of clauses that look at earlier calls: its tools, a store whose clock is moved, guards on it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from remit.core.envelope import Envelope
from remit.core.redact import Redactor
from remit.store.records import EXTENSIONS, SqliteRecords
from remit.store.sqlite import SqliteStore
from remit.testing.builders import envelope
from remit.usecases.clock import SystemClock, Uuid7
from remit.usecases.guard import Guard

_OBJECT = "type: object, additionalProperties: false"
_ORDER = f"{{{_OBJECT}, required: [id], properties: {{id: {{type: string}}, note: {{type: string}}}}}}"

TOOLS = {
    "look": f"effect: read\n      args: {_ORDER}\n      output: {{type: object, required: [id, total],"
    " properties: {id: {type: string}, total: {type: integer}}}",
    "pay": f"effect: irreversible\n      args: {{{_OBJECT}, required: [id, amount], properties: {{id: {{type: string}},"
    " amount: {type: number}, note: {type: string}, password: {type: string}}}",
    "approve": f"effect: write\n      args: {_ORDER}",
    "revoke": f"effect: write\n      args: {_ORDER}",
    "move": f"effect: write\n      args: {{{_OBJECT}, required: [id], properties: {{id: {{type: string}},"
    " version: {type: number}, state: {type: string}}}",
}
"""Tools by name: `look` reads an order, `pay` pays it, `approve` and `revoke` say so of it, `move` changes its state."""


def shop(rest: str = "", /, *, version: str = "1", **clauses: str) -> Envelope:
    """An envelope of all `TOOLS`.

    Args:
        rest: YAML of further keys of `spec`, indented by two spaces.
        version: of the envelope.
        clauses: YAML of a tool's clauses, by its name; each line is indented by six spaces here.
    """
    tools = ""
    for name, text in TOOLS.items():
        more = "".join(f"      {line}\n" for line in clauses.get(name, "").strip("\n").splitlines())
        tools += f"    {name}:\n      {text}\n{more}"
    breaker = (
        ""
        if "breaker:" in rest
        else "  breaker: {threshold: 10000, max_violations: 10000, max_pending: 100}\n"
    )
    return envelope(f"  tools:\n{tools}{breaker}{rest}", name="shop", version=version)


class GuardedStore:
    """One store in a folder, and guards on it.

    Args:
        folder: holds the store, its keys and checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ahead = 0.0
        """How far the store's clock is ahead of the host's, seconds."""
        self.ran: list[tuple[str, dict[str, Any]]] = []
        """Tools that ran, with their arguments."""
        self.store = self._open()

    def _open(self) -> SqliteStore:
        return SqliteStore.open(
            self.folder / "remit.db",
            home=self.folder / "home",
            single_operator=True,
            extensions=EXTENSIONS,
            clock=lambda: time.time() + self.ahead,
            reserve_bytes=1 << 16,
        )

    def reopen(self) -> None:
        """As after a restart."""
        self.store.close()
        self.store = self._open()

    def guard(self, rules: Envelope, **options: Any) -> Guard:
        """A guard whose envelope was put in force as `remit.open` does it."""
        made: dict[str, Any] = {
            "clock": SystemClock(),
            "ids": Uuid7(),
            "redactor": Redactor(self.store.derive("redact"), rules.capture.mask),
            "approval_wait_s": 0.0,
        }
        guard = Guard(rules, SqliteRecords(self.store), **(made | options))
        guard._adopt(rules)
        return guard

    def tool(self, name: str, answer: object = None) -> Any:
        """A tool that notes that it ran, and gives back *answer*; where that is an exception, it is raised."""

        def run(**args: Any) -> object:
            self.ran.append((name, args))
            if isinstance(answer, BaseException):
                raise answer
            return {"id": args.get("id"), "total": 10, "n": len(self.ran)} if answer is None else answer

        return run
