"""The nouns that every part of remit shares. One definition each; see `docs/architecture.md` for the words.

Instants are `at`, UTC epoch seconds of the store's clock; durations end in `_s`, seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A canonical JSON value: None, bool, int, float, str, list or dict with string keys (see `canonical`)."""
ValuePath: TypeAlias = tuple[str | int, ...]
"""Where a value stands in another: keys and indices."""
JsonSchema: TypeAlias = dict[str, Any]
"""A JSON Schema, or a part of one."""


class ToolEffect(StrEnum):
    """What running a tool may do to the world, from harmless to not to be taken back."""

    READ = "read"
    WRITE = "write"
    IRREVERSIBLE = "irreversible"
    EGRESS = "egress"

    @property
    def consequential(self) -> bool:
        """True where a call cannot be undone, or data leaves."""
        return self in (ToolEffect.IRREVERSIBLE, ToolEffect.EGRESS)


class Result(StrEnum):
    """What a decision says about one call, before it runs."""

    ALLOW = "allow"
    DENY = "deny"
    HOLD = "hold"


class OnViolation(StrEnum):
    """What a clause that is not met does to the call. An *error* in a clause always denies."""

    DENY = "deny"
    HOLD = "hold"
    FLAG = "flag"


class Severity(StrEnum):
    """How much a violation counts; the breaker's `weights` map it to a number."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Mode(StrEnum):
    """How much autonomy an agent has, from most to least (see `core.breaker`)."""

    AUTONOMOUS = "autonomous"
    PROBATION = "probation"
    SUPERVISED = "supervised"
    QUARANTINED = "quarantined"
    HALTED = "halted"

    @property
    def strictness(self) -> int:
        """0 for AUTONOMOUS to 4 for HALTED."""
        return _STRICTNESS[self]


_STRICTNESS = {mode: rank for rank, mode in enumerate(Mode)}


class Enforcement(StrEnum):
    """Whether decisions are acted upon; never called mode, which is the agent's autonomy."""

    ENFORCE = "enforce"
    MONITOR = "monitor"


class Integrity(StrEnum):
    """How far a text may steer the agent, from most to least."""

    TRUSTED = "trusted"
    PRINCIPAL = "principal"
    UNTRUSTED = "untrusted"

    @property
    def rank(self) -> int:
        """0 for TRUSTED to 2 for UNTRUSTED; joining labels takes the highest."""
        return _INTEGRITY[self]


_INTEGRITY = {level: rank for rank, level in enumerate(Integrity)}


class Confidentiality(StrEnum):
    """Who may see a text, from everyone to nobody."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PII = "pii"
    SECRET = "secret"  # noqa: S105 - a label, no password

    @property
    def rank(self) -> int:
        """0 for PUBLIC to 3 for SECRET; joining labels takes the highest."""
        return _CONFIDENTIALITY[self]


_CONFIDENTIALITY = {level: rank for rank, level in enumerate(Confidentiality)}


class Role(StrEnum):
    """Who spoke a segment of a session."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class PrincipalKind(StrEnum):
    """Whose words the user's text is: an operator of ours, or a customer."""

    OPERATOR = "operator"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Label:
    """What is known about a text: how far it may steer, and who may see it."""

    integrity: Integrity = Integrity.UNTRUSTED
    confidentiality: Confidentiality = Confidentiality.INTERNAL

    def join(self, other: Label) -> Label:
        """The worse of both, in each dimension.

        >>> Label(Integrity.TRUSTED, Confidentiality.PII).join(Label()).integrity.value
        'untrusted'
        """
        return Label(
            max(self.integrity, other.integrity, key=lambda level: level.rank),
            max(self.confidentiality, other.confidentiality, key=lambda level: level.rank),
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of text in a session, in the order in which the agent saw it."""

    index: int
    """Place in the session, from 0."""
    role: Role
    source: str
    """`user`, `system`, `assistant`, or the name of the tool (or other source) that the text came from."""
    text: str
    label: Label


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one argument value was found: a segment that contains it whole, at token borders."""

    segment: int
    source: str
    label: Label
    quote: str
    """The text around the place, at most 160 characters, for people."""


@dataclass(frozen=True, slots=True)
class LeafOrigin:
    """One argument leaf and all its origins; none means that the model made the value up."""

    path: str
    """For example `to[0]`."""
    value: Json
    origins: tuple[Origin, ...]
    exempt: bool = False
    """True for enum, boolean and constant leaves, which choose among the envelope's own values."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the agent asks for it; `args` are canonical once it went through `canonical_call`."""

    tool: str
    args: Mapping[str, Json]
    call_id: str = ""
    """The framework's id of the call, where it has one."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One clause that a call, its outcome or a final answer did not meet."""

    clause: str
    """`<tool>.<clause id>`, or `<tool>.schema`, `unlisted`, `outputs.<id>`, `breaker.<mode>`."""
    kind: str
    """`require`, `flow`, `limits`, `approve`, `schema`, `canonical`, `unlisted`, `session`, `output`, …"""
    on_violation: OnViolation
    severity: Severity
    message: str
    """What was found, in words, with values."""
    error: bool = False
    """True where the clause could not be evaluated; such a violation always denies."""


@dataclass(frozen=True, slots=True)
class ApprovalNeed:
    """What a held call needs from people, joined over all clauses that hold."""

    roles: tuple[str, ...] = ()
    """Any of these roles may answer; empty means any operator."""
    people: int = 1
    """How many different people must approve."""
    expires_s: float = 900.0


@dataclass(frozen=True, slots=True)
class LimitClaim:
    """What one call takes from one limit, should it run."""

    clause: str
    key: str
    """Digest of the clause's `by` values, so that the store's index holds no personal data."""
    micros: int
    """The amount in millionths, rounded up, so that sums are exact."""
    max_micros: int
    within_s: float
    on_violation: OnViolation = OnViolation.DENY
    severity: Severity = Severity.MEDIUM
    message: str = ""
    """The clause's own words, told before the numbers."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the envelope says about one call, before it runs. `decide()` makes it and never acts."""

    result: Result
    clauses: tuple[str, ...] = ()
    """Ids of the clauses that refuse or hold, in order of evaluation."""
    flags: tuple[str, ...] = ()
    """Ids of the clauses that were not met and let the call run all the same."""
    errors: tuple[str, ...] = ()
    """Clauses that could not be evaluated, each with what went wrong."""
    violations: tuple[Violation, ...] = ()
    """All of the above, with severity and message."""
    tool: str = ""
    canonical: Mapping[str, Json] | None = None
    """The arguments that were checked, and the only ones that may run; None where they could not be read."""
    effect: ToolEffect | None = None
    """The tool's declared effect; None for a tool that is not listed."""
    need: ApprovalNeed | None = None
    """Who must approve, where the result is HOLD."""
    claims: tuple[LimitClaim, ...] = ()
    provenance: tuple[LeafOrigin, ...] = ()
    envelope_hash: str = ""
    bound: tuple[str, ...] | None = None
    """Where the envelope monitors: which of the clauses that refuse or hold bind all the same, so that they are acted
    upon (`core.promote`); empty where the call runs as if nothing had been said. None where everything binds."""

    repeats: str = ""
    """Token of the first call whose result is given again, where this one is a repeat that does not run."""
    world: Mapping[tuple[str, ...], bool | str] | None = None
    """What was found of the world, by question: an answer, or why there is none. None where nothing was asked."""
    obligations: tuple[str, ...] = ()
    """Ids of the obligations that apply, in order; of an argument's cap only where it lowered something."""
    asked: Mapping[str, Json] | None = None
    """The arguments before an obligation lowered one; None where none did."""

    @property
    def acts(self) -> bool:
        """False where the envelope monitors and no promoted clause stands against the call."""
        return self.bound is None or bool(self.bound)

    @property
    def reason(self) -> str:
        """One line for the agent and for logs: why, in the clauses' own words."""
        told = [v for v in self.violations if v.on_violation is not OnViolation.FLAG or v.error]
        if self.bound:
            told = [v for v in told if v.clause in self.clauses]
        return "; ".join(f"{v.clause}: {v.message}" for v in told) or self.result.value


@dataclass(frozen=True, slots=True)
class Outcome:
    """The value or the error that came back from a tool."""

    value: Json = None
    """Once it is judged, as the agent sees it: redacted and cut."""
    raw: Json = None
    """The result before that, as clauses looked into it; None where none did."""
    error: BaseException | None = None
    elapsed_s: float = 0.0
    violations: tuple[Violation, ...] = ()
    """What the clauses about results say about it (`core.after`)."""
    done: tuple[str, ...] = ()
    """What obligations did to the value, each as `<clause>: redacted 2`; in monitor, what they would have done."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What was running. What is unknown is stored as unknown (None), never guessed."""

    model: str | None = None
    prompt: str | None = None
    tools: str | None = None
    envelope: str | None = None
    config: str | None = None
    code: str | None = None
    runtime: Mapping[str, str] = field(default_factory=dict)
    """Provider fingerprint, inference server, driver, accelerator, region: where known."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One run of an agent, as every event of it carries it."""

    id: str
    agent: str
    tenant: str = "default"
    principal: str | None = None
    principal_kind: PrincipalKind | None = None
    facts: Mapping[str, Json] = field(default_factory=dict)
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    arm: str | None = None
    """`baseline`, `candidate` or another arm of an experiment; None in production."""
    fault: str | None = None
    fidelity: str | None = None
    seed: int | None = None
    grade: str | None = None
