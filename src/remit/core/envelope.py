"""An envelope, compiled: all that one agent may do. `core.reader` makes it from YAML; `core.decide` asks it.

Everything here is frozen and typed; conditions are closures compiled once at load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from remit.core.cel import Condition
from remit.core.types import (
    Confidentiality,
    Enforcement,
    Integrity,
    Json,
    Label,
    OnViolation,
    Severity,
    ToolEffect,
)

SchemaErrors = Callable[[Json], list[str]]
"""Checks a value against one JSON Schema: messages, empty when it holds."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What every line of an envelope has: an id, and what happens when it is not met."""

    id: str
    """Full id: `<tool>.<id>`."""
    on_violation: OnViolation = OnViolation.DENY
    severity: Severity = Severity.MEDIUM
    message: str = ""
    by: tuple[str, ...] = ()
    """Roles that may approve, where the clause holds."""
    expires_s: float = 900.0
    people: int = 1
    accept_risk: str = ""
    """Why a flag is acceptable on a tool whose effect cannot be taken back."""


@dataclass(frozen=True, slots=True)
class Require:
    """A condition that must be true."""

    clause: Clause
    condition: Condition


@dataclass(frozen=True, slots=True)
class Flow:
    """Where the values of one argument may come from."""

    clause: Clause
    arg: tuple[str, ...]
    """Path of keys; `[]` stands for every item, for example ('items', '[]', 'sku')."""
    integrity: Integrity | None = None
    """The least integrity of an origin that counts; None where any does."""
    sources: tuple[str, ...] = ()
    """Permitted sources (`user`, `system`, tool names); empty where any source of that integrity does."""
    confidentiality_at_most: Confidentiality | None = None
    unless: Condition | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A count or a sum per key within a sliding window."""

    clause: Clause
    sum: Condition | None
    """The amount of one call; None counts calls."""
    by: tuple[Condition, ...]
    within_s: float
    max: float


@dataclass(frozen=True, slots=True)
class EventPattern:
    """Which earlier calls of one tool are meant: their phase, how far to look, and how they relate to this call."""

    tool: str
    phases: tuple[str, ...]
    """`request` (it was admitted; calls in flight count) and `response` (its result came back)."""
    across: str
    """`session`, `principal` or `agent`: whose calls are looked at."""
    pins: tuple[tuple[tuple[str, ...], Condition], ...] = ()
    """Equalities of `where` that an index answers: a path in the event (`args` or `output` first), and the value of
    this call that it must equal."""
    where: Condition | None = None
    """The whole condition over `event`, where the pins alone do not say it."""
    keeps: tuple[tuple[str, ...], ...] = ()
    """What `where` reads of the event: `args` or `output`, then at most one field."""


@dataclass(frozen=True, slots=True)
class History:
    """What must, or must not, have happened before."""

    clause: Clause
    operator: str
    """`formerly`: some event fits. `never`: none does. `since`: one fits, and none of `broken_by` came after the
    latest."""
    event: EventPattern
    within_s: float
    broken_by: EventPattern | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What a repeat of the same call gets."""

    clause: Clause
    key: tuple[Condition, ...]
    within_s: float
    on_repeat: str
    """`return_first`, `refuse` or `hold`."""
    after_error: str = "refuse"
    """`refuse`, `hold` or `retry`: where the first call raised, or nobody knows how it ended."""
    across: str = "agent"


@dataclass(frozen=True, slots=True)
class Monotonic:
    """A quantity per key that never decreases, or a state that only moves forward."""

    clause: Clause
    value: Condition
    by: tuple[Condition, ...] = ()
    order: tuple[str, ...] = ()
    """The states, first to last; empty where the value is a number."""
    after: bool = False
    """True where it reads `output`, so that only the result can be judged."""


@dataclass(frozen=True, slots=True)
class DataScope:
    """Whose data a call may ask for, or bring back: every value at a path is one of the session's own."""

    clause: Clause
    path: tuple[str, ...]
    """Path of keys; `[]` stands for every item."""
    of_output: bool
    """True where the path is in the result, False where it is in the arguments."""
    allowed: Condition
    """One value, or a list of them, over `session`."""


@dataclass(frozen=True, slots=True)
class Ensure:
    """A condition on what came back, checked before the agent sees it; or on the final answer, at the end."""

    clause: Clause
    condition: Condition


@dataclass(frozen=True, slots=True)
class Redact:
    """Parts of the result that the agent does not get to see."""

    fields: tuple[tuple[str, ...], ...] = ()
    patterns: tuple[str, ...] = ()
    """RE2."""


@dataclass(frozen=True, slots=True)
class Cap:
    """An argument is lowered before anything is checked, or the result is cut before the agent sees it."""

    arg: tuple[str, ...] | None = None
    at: float = 0.0
    """The most that `arg` may be."""
    field: tuple[str, ...] | None = None
    """Path of a list or a text in the result; () is the result itself."""
    items: int | None = None
    characters: int | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """People are told, through the outbox, that the call ran."""

    to: str = ""


@dataclass(frozen=True, slots=True)
class Obligation:
    """What must also be done where the call is allowed."""

    clause: Clause
    """Its id and words; an obligation that cannot be met withholds the result, or refuses the call."""
    duty: Redact | Cap | Notify
    when: Condition | None = None
    """None means always."""


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """When a human must approve. It cannot waive another clause."""

    clause: Clause
    when: Condition | None
    """None means always."""


@dataclass(frozen=True, slots=True)
class OutputRule:
    """The schema of a tool's result."""

    clause: Clause
    schema_errors: SchemaErrors
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """One format rule for the agent's final answer."""

    clause: Clause
    check: Callable[[str], str]
    """Message of what is wrong, or the empty string."""


@dataclass(frozen=True, slots=True)
class Compensation:
    """What undoes a call of a tool. People are told; remit runs nothing by itself, and no decision reads it."""

    tool: str = ""
    """The compensating tool; empty where nothing undoes the call."""
    args: tuple[tuple[str, Condition], ...] = ()
    """Its arguments by name, each over `args`, `output` and `session` of the call that is undone."""
    note: str = ""
    """For people: until when, at what price."""
    why_none: str = ""
    """Why nothing undoes it; empty where a tool does."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool that the agent may call, with everything asserted about the call."""

    name: str
    effect: ToolEffect
    schema: Mapping[str, Any]
    schema_errors: SchemaErrors
    exempt_paths: frozenset[tuple[str, ...]] = frozenset()
    """Argument paths whose leaves are enum, boolean or constant: no flow clause asks about them."""
    require: tuple[Require, ...] = ()
    flow: tuple[Flow, ...] = ()
    scopes: tuple[DataScope, ...] = ()
    idempotency: Idempotency | None = None
    history: tuple[History, ...] = ()
    monotonic: tuple[Monotonic, ...] = ()
    limits: tuple[Limit, ...] = ()
    approve: tuple[ApprovalRule, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    ensure: tuple[Ensure, ...] = ()
    output: OutputRule | None = None
    deadline_s: float | None = None
    deadline: Clause | None = None
    compensation: Compensation | None = None
    """What undoes a call; None where the envelope does not say."""
    schema_hash: str = ""
    target: str = ""
    """Where the call goes, where the envelope names it (a server, an account); part of the approval digest."""

    @property
    def looks_around(self) -> bool:
        """Whether something beside the call itself must be known: limits, or earlier calls."""
        return bool(self.limits or self.history or self.monotonic or self.idempotency)


def clauses_of(tool: Tool) -> list[Clause]:
    """Every clause of *tool*, in order of evaluation."""
    repeats = [tool.idempotency] if tool.idempotency is not None else []
    before: list[ToolLine] = [
        *tool.require,
        *tool.flow,
        *tool.scopes,
        *repeats,
        *tool.history,
        *tool.monotonic,
    ]
    after: list[ToolLine] = [*tool.limits, *tool.approve, *tool.obligations]
    found = [line.clause for line in (*before, *after)]
    found += [tool.output.clause] if tool.output is not None else []
    found += [line.clause for line in tool.ensure]
    return found + ([tool.deadline] if tool.deadline is not None else [])


ToolLine: TypeAlias = (
    Require
    | Flow
    | DataScope
    | Idempotency
    | History
    | Monotonic
    | Limit
    | ApprovalRule
    | Obligation
    | Ensure
)
"""Anything of a tool that is a clause of its own."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What gives autonomy back: evidence, never time alone. See `core.breaker`."""

    cooldown_s: float = 120.0
    cooldown_max_s: float = 4 * 3600.0
    look_back_s: float = 6 * 3600.0
    approved_clean: int = 10
    """k: human-approved actions in a row with a clean outcome before PROBATION."""
    probation_clean: int = 50
    """k2: clean actions in PROBATION before AUTONOMOUS."""
    probation_in_flight: int = 1
    """C: calls in flight at most while in PROBATION."""
    sample: float = 0.2
    """q: share of effects in PROBATION that a human sees all the same, drawn at random."""


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """The circuit breaker for autonomy."""

    threshold: float = 5.0
    """B: the weight sum of violations in the window at which the agent drops to SUPERVISED."""
    max_violations: int = 5
    """N: violating actions that may run per window, in `reserve` admission, for any number of processes."""
    window_s: float = 600.0
    admission: Mapping[ToolEffect, str] = field(default_factory=dict)
    """`reserve` or `count` for each effect."""
    weights: Mapping[Severity, float] = field(default_factory=dict)
    """Weight of each severity; critical quarantines whatever its weight."""
    supervised: str = "effects"
    """`effects` or `all`: whether reads need approval too in SUPERVISED."""
    recovery: Recovery = field(default_factory=Recovery)
    lease_s: float = 60.0
    """How long one call in flight holds its reservation; then its outcome counts as unknown."""
    max_pending: int = 3
    """Approvals pending at most for one agent."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What is kept of each exchange."""

    clean: str = "full"
    """`full`, `sampled` or `digest`, for exchanges without a violation; anomalies are always full."""
    sample: float = 0.1
    retain_s: float | None = None
    """How long it stays readable, an hour at least (see `core.retention`); None for ever."""
    mask: tuple[str, ...] = ()
    """RE2 patterns whose matches are replaced before anything is written."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One of the envelope's own tests."""

    line: int
    tool: str
    args: Mapping[str, Json]
    session: Mapping[str, Json]
    user: str | None
    observed: tuple[tuple[str, str], ...]
    """(source, text) pairs that the session saw before the call."""
    earlier: tuple[Mapping[str, Json], ...]
    """Calls that were made before: `tool`, `args`, `output`, `state`, `ago_s`."""
    result: str
    clause: str | None
    returns: tuple[Json] | None = None
    """What the tool returns; None where the test does not say."""
    shows: tuple[Json] | None = None
    """What the agent sees of it; None where the test does not say."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """All that one agent may do; content-addressed by the SHA-256 of its file."""

    name: str
    version: str
    owner: str
    hash: str
    """SHA-256 of the file's bytes, hex; stands in every decision."""
    enforcement: Enforcement
    tools: Mapping[str, Tool]
    sources: Mapping[str, Label]
    """Labels by source: tool names, `tool.field`, `user`, `system`, `session`."""
    user_integrity: Integrity | None = None
    """`sources.user.integrity` as it is written; None where the file does not say."""
    with_fields: frozenset[str] = frozenset()
    """Tools of which single fields have labels."""
    session_schema: Mapping[str, Any] | None = None
    session_errors: SchemaErrors | None = None
    outputs: tuple[AnswerRule, ...] = ()
    watched: frozenset[str] = frozenset()
    """Tools whose calls a history clause asks about."""
    session_ensure: tuple[Ensure, ...] = ()
    """Over `answer`, `calls` and `session`, when the session finishes."""
    promoted: Mapping[str, float] = field(default_factory=dict)
    """While the envelope only monitors: ids of the clauses that bind all the same, each with the share of sessions."""
    breaker: BreakerRule = field(default_factory=BreakerRule)
    capture: Capture = field(default_factory=Capture)
    tests: tuple[Expectation, ...] = ()
    roles: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What `lint` shows: legal, and probably not meant."""
    text: str = field(default="", repr=False, compare=False)
    """The file itself, for the archive in the journal; empty where an envelope was made by hand."""
