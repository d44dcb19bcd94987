"""One-line builders for tests: calls, envelopes, clocks, and guards on real stores."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from remit.core.envelope import Envelope
from remit.core.reader import read_envelope
from remit.core.redact import Redactor
from remit.core.types import Json, ToolCall
from remit.usecases.clock import SystemClock, Uuid7
from remit.usecases.guard import Guard

HEADER = "apiVersion: remit/v1\nkind: CapabilityEnvelope\nmetadata: {name: %s, version: '%s', owner: tests}\nspec:\n"

SMALL_REFUNDS = """
  enforcement: enforce
  sources:
    get_order: {integrity: trusted}
  tools:
    get_order:
      effect: read
      args: {type: object, additionalProperties: false, required: [order_id], properties: {order_id: {type: string}}}
    note:
      effect: write
      args: {type: object, additionalProperties: false, properties: {text: {type: string}}}
    refund:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [amount]
        properties: {amount: {type: integer, minimum: 1}, order_id: {type: string}}
      require:
        - {id: ceiling, expr: "args.amount <= 50"}
      limits:
        - {id: total, sum: args.amount, within: 24h, max: 200}
      approve:
        - {id: large, when: "args.amount > 20"}
      output: {type: object, required: [refund_id], properties: {refund_id: {type: string}}}
      deadline: 5s
  breaker: {threshold: 1000, max_violations: 1000}
"""
"""Reads orders, writes notes; refunds up to 50, of which more than 20 need a person, and 200 a day in all."""


def call(tool: str, /, **args: Json) -> ToolCall:
    """A call as an agent asks for it.

    >>> call("refund", amount=90).args
    {'amount': 90}
    """
    return ToolCall(tool, args)


def envelope(spec: str = SMALL_REFUNDS, *, name: str = "refunds", version: str = "1") -> Envelope:
    """An envelope from the YAML under `spec`, indented by two spaces.

    >>> sorted(envelope().tools)
    ['get_order', 'note', 'refund']
    """
    return read_envelope(HEADER % (name, version) + spec.lstrip("\n"), "test.yaml")


def small_refunds(*, monitor: bool = False, version: str = "1") -> Envelope:
    """`SMALL_REFUNDS`, enforced or only monitored."""
    spec = SMALL_REFUNDS.replace("enforcement: enforce", "enforcement: monitor") if monitor else SMALL_REFUNDS
    return envelope(spec, version=version)


def one_tool(clauses: str = "", *, effect: str = "write", rest: str = "") -> Envelope:
    """An envelope whose one tool `act` takes `n` (integer), `to` (string), `kind` (`a` or `b`) and `sure` (boolean).

    Args:
        clauses: YAML of its clauses, at the tool's own indentation (six spaces).
        effect: of the tool.
        rest: YAML of further keys of `spec`, indented by two spaces.
    """
    properties = "n: {type: integer}, to: {type: string}, kind: {enum: [a, b]}, sure: {type: boolean}"
    required = "required: [n, to, kind, sure]"
    args = f"{{type: object, additionalProperties: false, {required}, properties: {{{properties}}}}}"
    return envelope(f"  tools:\n    act:\n      effect: {effect}\n      args: {args}\n{clauses}\n{rest}")


def act(**args: Json) -> ToolCall:
    """A call of the tool of `one_tool`.

    >>> act(n=3).args
    {'n': 3, 'to': 'bob', 'kind': 'a', 'sure': True}
    """
    return ToolCall("act", {"n": 1, "to": "bob", "kind": "a", "sure": True} | args)


class FakeClock:
    """A clock that stands still until it is moved; it implements `ports.Clock`.

    >>> clock = FakeClock(10.0)
    >>> clock.step(2.5)
    >>> clock.now(), clock.monotonic()
    (12.5, 2.5)
    """

    def __init__(self, at: float = 1_000_000.0) -> None:
        self._at = at
        self._passed = 0.0

    def now(self) -> float:
        """UTC epoch seconds."""
        return self._at

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return self._passed

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self._at += seconds
        self._passed += seconds


class FakeIds:
    """Ids in order; it implements `ports.Ids`.

    >>> ids = FakeIds()
    >>> ids.new(), ids.new()
    ('id-000001', 'id-000002')
    """

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def new(self) -> str:
        """The next one."""
        return f"id-{next(self._count):06d}"


def open_guard(
    folder: Path, envelope: Envelope | None = None, *, single_operator: bool = True, **options: Any
) -> Guard:
    """A guard on a real SQLite store in *folder*, which asks people and does not wait for them.

    Args:
        folder: holds the store `remit.db`, its keys and checkpoints.
        envelope: `small_refunds()` without one.
        single_operator: whether answers need no signature.
        options: of `Guard`.
    """
    from remit.store.records import EXTENSIONS, SqliteRecords
    from remit.store.sqlite import SqliteStore

    rules = envelope or small_refunds()
    store = SqliteStore.open(
        folder / "remit.db", home=folder / "home", single_operator=single_operator, extensions=EXTENSIONS
    )
    made: dict[str, Any] = {
        "clock": SystemClock(),
        "ids": Uuid7(),
        "redactor": Redactor(store.derive("redact"), rules.capture.mask),
        "approval_wait_s": 0.0,
        "on_close": store.close,
    }
    guard = Guard(rules, SqliteRecords(store), **(made | options))
    guard._adopt(rules)
    return guard


def answer(guard: Guard, approval_id: str, *, approve: bool = True, operator: str = "alice") -> None:
    """Answer a question of a guard made by `open_guard`, as one person does."""
    from remit.core.approval import Reply
    from remit.store import control_approvals
    from remit.store.records import SqliteRecords

    records = guard.records
    assert isinstance(records, SqliteRecords)  # noqa: S101 - made by `open_guard`
    status = records.store.read(lambda db: control_approvals.status(db, approval_id))
    assert status is not None  # noqa: S101 - a test's mistake
    records.store.transact(
        lambda tx: control_approvals.answer(
            tx,
            approval_id,
            Reply.APPROVE if approve else Reply.REJECT,
            operator=operator,
            seen_digest=status.digest,
            version=status.version,
            note="" if approve else "not today",
            single_operator=True,
        )
    ).result()


def pending(guard: Guard) -> list[str]:
    """Ids of the questions that wait for an answer, oldest first."""
    from remit.store import control_approvals
    from remit.store.records import SqliteRecords

    records = guard.records
    assert isinstance(records, SqliteRecords)  # noqa: S101 - made by `open_guard`
    return [one.id for one in records.store.read(control_approvals.list_approvals)]
