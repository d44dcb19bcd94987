"""The gates of a run, fed in start order, and the verdict over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from remit.core.trial.analysis import broken
from remit.core.trial.analysis.any_stop import at_any_stop
from remit.core.trial.analysis.beyond_gates import without_verdict
from remit.core.trial.analysis.counted import OWN_RUNS, draws, fed, gates_for, missing, unbroken
from remit.core.trial.analysis.counts import infrastructure_share
from remit.core.trial.gates.gate import Gate
from remit.core.trial.gates.lost import Unknown, against, standing
from remit.core.trial.percent import bar, count, percent
from remit.core.trial.report import Boundary, Broken, Ruling
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE, Rule
from remit.core.trial.verdict import Verdict, together

_ELSEWHERE = "Results from elsewhere have no gates: `remit trial compare` judges two such runs."


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """What the gates and invariants come to."""

    verdict: Verdict
    sentence: str
    would_change: str
    rulings: tuple[Ruling, ...]
    boundaries: tuple[Boundary, ...]
    upto: int
    """Draws, from the first on, that the gates took until all had decided, or one blocked."""


def judged(run: Run, invariants: Sequence[Broken]) -> JudgedRun:
    """Feed every gate, and say what all of them, the invariants and the world come to.

    PASS needs every gate (an intersection-union test: no correction). Any gate may BLOCK alone, so each has only its
    share of the chance of a false one. ERROR wins over BLOCK: a world that fails may fail for the good runs only.
    """
    gates = gates_for(run)
    upto = fed(gates, draws(run), sequential=run.info.design.kind == "sequential")
    rulings = tuple(_ruling(gate, run) for gate in gates)
    boundaries = tuple(found for gate in gates if (found := gate.boundary()) is not None)
    return JudgedRun(*_over_all(run, rulings, invariants), rulings, boundaries, upto)


def _ruling(gate: Gate, run: Run) -> Ruling:
    part, absent = unbroken(run), missing(run)
    ruling = gate.ruling(part)
    if run.info.stopped_arms and gate.rule.kind == "not_worse":
        return _at_any_stop(ruling, gate.rule, run)
    if not absent or (ruling.verdict is Verdict.INCONCLUSIVE and part.trials):
        return ruling
    of, every = f"{len(run.trials):,} of {count(len(run.trials) + absent)}", len(run.trials) + absent
    told = f"{of} have ended, and a fixed design is judged at its end."
    return replace(
        ruling,
        verdict=Verdict.INCONCLUSIVE,
        sentence=told,
        would_change=f"All {every:,} trials: the same command goes on with a run that was cut off.",
        details={**ruling.details, "so_far": ruling.sentence},
    )


def _at_any_stop(ruling: Ruling, rule: Rule, run: Run) -> Ruling:
    """As it stands whatever became of lost trials, like the PASS of every gate."""
    said, (worst, lost) = at_any_stop(ruling, rule, run), against(run, CANDIDATE, BASELINE)
    if not lost or said.verdict is not Verdict.PASS:
        return said
    return standing(said, at_any_stop(ruling, rule, worst).verdict, Unknown(lost), CANDIDATE, run)


def _over_all(run: Run, rulings: Sequence[Ruling], invariants: Sequence[Broken]) -> tuple[Verdict, str, str]:
    failing = [arm for arm in run.info.arms if _world_failed(run, arm)]
    if failing:
        return Verdict.ERROR, *_world(run, failing[0])
    breached = [one for one in invariants if one.broken]
    unknown = [one for one in breached if one.unknown]
    if unknown:
        sure = ", ".join(one.invariant for one in breached if one.broken > one.unknown)
        also = f" Broken for sure: {sure}." if sure else ""
        told = f"{broken.told(unknown[0])} Nobody knows whether it holds.{also}"
        return Verdict.ERROR, told, "An invariant that can be evaluated: mend it, or what it looks at."
    if breached:
        more = f" {count(len(breached) - 1, 'more invariant')} broken too." if len(breached) > 1 else ""
        told = f"{broken.told(breached[0])} One breach blocks, whatever the rates are.{more}"
        return Verdict.BLOCK, told, "No breach in any trial: mend it, and run the suite again."
    if not rulings:
        return _without_gates(run, invariants)
    verdict = together(ruling.verdict for ruling in rulings)
    if left := without_verdict(run, verdict):
        return Verdict.INCONCLUSIVE, *left
    return verdict, *_of_gates(verdict, rulings)


def _world_failed(run: Run, arm: str) -> bool:
    return infrastructure_share(run.of(arm)) > run.info.design.max_infrastructure


def _world(run: Run, arm: str) -> tuple[str, str]:
    trials = run.of(arm)
    failed = [trial for trial in trials if trial.success is None]
    share = infrastructure_share(trials)
    told = (
        f"In {len(failed):,} of {count(len(trials))} of {arm} ({percent(share)}) the world failed, not the agent, and "
        f"the design allows {bar(run.info.design.max_infrastructure)}: so nothing is said about the agent."
    )
    why = next((trial.reason for trial in failed if trial.reason), "")
    return told, f"Mend what failed{f' ({why})' if why else ''}, and run it again."


def _without_gates(run: Run, invariants: Sequence[Broken]) -> tuple[Verdict, str, str]:
    if not run.trials:
        return Verdict.INCONCLUSIVE, "No trial has ended, so nothing is known.", "Run it."
    own = run.info.source.startswith(OWN_RUNS)
    remedy = "A gate, such as `success: {at_least: 0.9}`." if own else _ELSEWHERE
    if not invariants:
        return Verdict.INCONCLUSIVE, "No gate and no invariant is set, so there is nothing to pass.", remedy
    names = ", ".join(dict.fromkeys(one.invariant for one in invariants))
    return (
        Verdict.PASS,
        f"No gate is set, and every invariant held in all {count(len(run.trials))}: {names}.",
        remedy,
    )


def _of_gates(verdict: Verdict, rulings: Sequence[Ruling]) -> tuple[str, str]:
    if len(rulings) == 1:
        return rulings[0].sentence, rulings[0].would_change
    those = [ruling for ruling in rulings if ruling.verdict is verdict]
    names = f" ({', '.join(ruling.gate for ruling in those)})" if len(those) > 1 else ""
    if verdict is Verdict.PASS:
        every = "Both" if len(rulings) == 2 else f"All {len(rulings)}"
        return f"{every} gates pass{names}. {those[0].sentence}", those[0].would_change
    one, many = ("blocks", "block") if verdict is Verdict.BLOCK else ("is undecided", "are undecided")
    of = f"{len(those)} of {len(rulings)} gates {many if len(those) > 1 else one}"
    told = f"{of}{names}. {those[0].gate}: {those[0].sentence}"
    return told, f"{those[0].gate}: {those[0].would_change}"
