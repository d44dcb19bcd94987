"""What a run says: every number with its interval, every verdict with its sentence. Made by `analysis`, shown by
`usecases/trials/shown/`; as JSON it is this, field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.core.trial.trial import Breach
from remit.core.trial.verdict import Verdict
from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its interval."""

    name: str
    """`success`, `pass^4`, `latency p95`, …"""
    value: float | None
    """None where it cannot be estimated; `method` then says why."""
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    method: str = ""
    """`Clopper-Pearson`, `t over tasks`, …"""
    n: int = 0
    """How many units it rests on."""
    unit: str = "trials"
    gating: bool = False
    """Whether the interval covers at least as often as it says; a display interval prints its measured coverage."""
    coverage: str = ""
    """Of a display interval: the measured coverage, with where it was measured."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one gate says."""

    gate: str
    verdict: Verdict
    sentence: str
    """Readable by someone who has never seen a p-value."""
    would_change: str
    """What would change the verdict: how many more trials, which rate."""
    estimates: tuple[Estimate, ...] = ()
    details: Mapping[str, Json] = field(default_factory=dict)
    """Method, level, p- or e-value, boundaries, smallest detectable difference, trials saved against a fixed design."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant: what was watched, how often it was broken, and the first breaches."""

    invariant: str
    arm: str
    trials: int
    """That were watched."""
    broken: int
    """Trials with a breach."""
    bound: float
    """Upper 95 % bound of the share of runs that break it (0 of n: about 3/n)."""
    examples: tuple[tuple[str, int, str, Breach], ...] = ()
    """Task, epoch, session and breach of the first few."""
    unknown: int = 0
    """Of `broken`: trials in which it could not be evaluated, so that nobody knows; one makes the run an ERROR."""


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task in one arm."""

    task: str
    arm: str
    n: int
    passes: int
    low: float
    high: float
    infrastructure: int = 0
    spread: float | None = None
    """Dispersion of the embedded answers; None for fewer than two."""
    sequences: int = 0
    """Different sequences of tools."""
    agreement: float | None = None
    """Probability that two runs of it end alike (both pass or both fail)."""
    spread_low: float | None = None
    """Of the dispersion, for display; None for fewer than five answers, or where all but one are alike."""
    spread_high: float | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two runs of one of the least stable tasks, side by side."""

    task: str
    arm: str
    why: str
    """In which way it is unstable."""
    left: Mapping[str, Json]
    """`epoch`, `session`, `success`, `reason`, `calls` (texts) and `answer` of one run."""
    right: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Reason:
    """Runs of one arm that were no success, all for the same reason."""

    arm: str
    told: str
    """Why, as the first of them says it: the check that does not hold, what the agent raised, how the world failed."""
    trials: int
    tasks: tuple[str, ...]
    """Those that they are runs of."""
    epoch: int
    """Of the first, whose task is the first of `tasks`."""
    session: str = ""
    """Of the first; empty where it has none."""
    world: bool = False
    """Whether the world failed, and not the agent: these runs are in no rate."""
    stratum: str = ""
    """In which all of `tasks` are, two or more, where the run has tasks of others too; else empty."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of candidate against baseline."""

    metric: str
    """`success`, `answers moved`, `answers more variable`, `tools`, `arguments`, `latency`, `slow tail`, `tokens`, …"""
    method: str
    question: str
    """`this suite`, or `tasks like these`."""
    unit: str
    n: int
    baseline: Estimate | None
    candidate: Estimate | None
    difference: Estimate | None
    p: float | None
    """Of "nothing changed"; None where it cannot be tested, and `told` says why."""
    adjusted: float | None
    """The same, corrected for all metrics of the report."""
    detectable: float | None = None
    """The smallest difference that this many trials find nine times in ten: of shares in the same unit, of a ratio the
    rise as a share (.26: 1.26 times), of a distance the share of runs that would have to change."""
    told: str = ""
    """One sentence."""
    drift_only: bool = False
    """True for what is blind to the outcome (embeddings): it says that something moved, never that it is worse."""


@dataclass(frozen=True, slots=True)
class OtherMethod:
    """A question of a comparison, asked by a published method: it decides nothing, and stands beside what does."""

    name: str
    """`Cochran-Mantel-Haenszel`, `Boschloo (exact)`, …"""
    about: str
    """`success` or `answers`."""
    question: str
    """`this suite`, `tasks like these`, or `either` where the method answers both."""
    assumes: str
    """What must hold for its p-value to be one."""
    asks: str
    """Of what its p-value is: `no difference, either way`, or `worse by 5 points or more`."""
    n: int = 0
    """How many units it rests on."""
    unit: str = "trials"
    difference: Estimate | None = None
    """Candidate minus baseline, with an interval where the method has one; of answers, a distance."""
    p: float | None = None
    """None where the method does not apply; `told` says why."""
    adjusted: float | None = None
    """The same, corrected for all methods that were asked (Holm)."""
    says: str = ""
    """`worse`, `better`, `no difference found`, `not worse by the margin`, `not shown`, `moved`, `no move found`."""
    told: str = ""
    """Why it says something else than what decides; why it does not apply; what it leaves out."""
    details: Mapping[str, Json] = field(default_factory=dict)
    """What it is worked out from: statistics, counts of pairs, one-sided p-values."""


@dataclass(frozen=True, slots=True)
class Curve:
    """pass^k or pass@k of one arm."""

    arm: str
    name: str
    points: tuple[Estimate, ...]
    """One for each k, from 1."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A sequential gate as it went: what was counted, and where it would have stopped."""

    gate: str
    x: str
    """Name of the horizontal axis."""
    y: str
    steps: tuple[int, ...]
    path: tuple[float, ...]
    """What was counted, at each step."""
    passes: tuple[float | None, ...]
    """Where it passes, at each step of `steps`."""
    blocks: tuple[float | None, ...]
    stopped_at: int | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """Answers in two dimensions, by principal components of their vectors."""

    embedder: str
    explained: float
    """Share of the variance that the two show."""
    points: tuple[tuple[float, float, str, str, bool | None, str], ...]
    """x, y, arm, task, success, the beginning of the answer."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is said about one run, or about two that are compared."""

    run: str
    suite: str
    verdict: Verdict
    sentence: str
    would_change: str
    arms: tuple[str, ...]
    design: Mapping[str, Json]
    """Kind, seed, hash, question, confidence: as they stood before the first trial."""
    counts: Mapping[str, Mapping[str, int]]
    """By arm: `trials`, `passed`, `failed`, `timeout`, `infrastructure`, `diverged`, `retried`, `tasks`,
    `repeated`."""
    rulings: tuple[Ruling, ...] = ()
    invariants: tuple[Broken, ...] = ()
    estimates: Mapping[str, tuple[Estimate, ...]] = field(default_factory=dict)
    """By arm."""
    curves: tuple[Curve, ...] = ()
    tasks: tuple[TaskLine, ...] = ()
    reasons: tuple[Reason, ...] = ()
    """Why runs were no success, by arm, the most frequent reason first."""
    contrasts: tuple[Contrast, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    correction: str = ""
    """How many metrics were compared, and how that was corrected for."""
    boundaries: tuple[Boundary, ...] = ()
    map: Map | None = None
    latencies: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By arm: seconds, sorted, for the plot."""
    notes: tuple[str, ...] = ()
    """What a reader must know: all repeats identical, embeddings blind to outcome, arms not interleaved, …"""
    coverage: Mapping[str, Json] = field(default_factory=dict)
    """Of a sampled suite."""
    methods: tuple[OtherMethod, ...] = ()
    """The comparison by other published methods, where that was asked for."""
    methods_told: str = ""
    """What decides instead, and how the p-values of `methods` are corrected."""
