"""What a report says of runs against recorded sessions: how far each arm went along, and where it first did otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from remit.core.trial.against import DivergenceKind, RecordAgreement, first_other_turn, followed, kinds
from remit.core.trial.report import Report
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE
from remit.core.trial.trial import Status, Trial
from remit.core.types import Json
from remit.usecases.trials.against import Drawn


def with_record(report: Report, run: Run, found: Drawn) -> Report:
    """The report, with how far each arm went along with the record and where it first did otherwise."""
    along, split = followed(run), kinds(run, found.recorded)
    left = sum(found.dropped.values())
    notes = [
        f"{len(found.sessions)} of {len(found.sessions) + left} captured sessions were run again{_why(found)}."
    ]
    notes += [_along(one) for one in along if one.trials]
    talks = [_talked(arm, run.of(arm), found) for arm in run.info.arms] if _several(found) else []
    if talks:
        notes.append(_told_talks(talks, _several(found), forced=_forced(found)))
    notes += [_split(one) for one in split if one.kind != "none"]
    if clauses := _only_candidates(run):
        told = ", ".join(f"{clause} ({calls})" for clause, calls in clauses.most_common(5))
        notes.append(f"Clauses of the envelope that only the candidate did not meet, with its calls: {told}.")
    notes.append(
        "Tools answered from the record: no effect was possible through them. What an agent does by itself,"
        " beside its trial, nobody sees here."
    )
    coverage: dict[str, Json] = {
        "sessions": len(found.sessions),
        "left_out": dict(found.dropped),
        "followed": [asdict(one) for one in along],
        "divergences": [asdict(one) for one in split],
        "conversations": {"sessions": _several(found), "forced": _forced(found), "arms": talks},
    }
    return replace(report, notes=(*notes, *report.notes), coverage=coverage)


def _several(found: Drawn) -> int:
    """Sessions in which the user is played more than one turn."""
    return sum(len(talk.turns) > 1 for talk in found.spoken.values())


def _forced(found: Drawn) -> bool:
    return all(talk.forced for talk in found.spoken.values())


def _talked(arm: str, trials: Sequence[Trial], found: Drawn) -> dict[str, Json]:
    ended = [trial for trial in trials if trial.status is not Status.INFRASTRUCTURE]
    left = sum(trial.status is Status.DIVERGED for trial in ended)
    early = sum(_early(trial, found) for trial in ended)
    return {"arm": arm, "trials": len(ended), "diverged": left, "early": early}


def _early(trial: Trial, found: Drawn) -> bool:
    """Whether its effects were others before the last turn: what would have come of that, later turns do not show."""
    talk, turn = found.spoken.get(trial.task), first_other_turn(trial)
    return talk is not None and talk.forced and turn is not None and turn < len(talk.turns)


def _told_talks(talks: Sequence[Mapping[str, Json]], several: int, *, forced: bool) -> str:
    if forced:
        early = ", ".join(f"{one['arm']} {one['early']}" for one in talks)
        return (
            f"In {several} sessions the user spoke more than once: each turn was asked after what the record said and did"
            " before it, and held against what it did then. How errors of one turn go on in the next is not seen: that"
            f" concerns runs whose effects were others before the last turn ({early})."
        )
    left = ", ".join(f"{one['arm']} {one['diverged']} of {one['trials']} runs" for one in talks)
    return (
        f"In {several} sessions the user spoke more than once, and says here what he said then, as long as the agent"
        f" gives him the same reason to. Runs that left the recorded conversation are in no rate: {left}."
    )


def _only_candidates(run: Run) -> Counter[str]:
    """Clauses that calls of the candidate did not meet, and none of the baseline's; how many calls each."""
    unmet = {
        arm: Counter(clause for trial in run.of(arm) for call in trial.calls for clause in call.clauses)
        for arm in (BASELINE, CANDIDATE)
    }
    return Counter({clause: n for clause, n in unmet[CANDIDATE].items() if clause not in unmet[BASELINE]})


def _why(found: Drawn) -> str:
    told = "; ".join(f"{n}: {reason}" for reason, n in found.dropped.items())
    return f" (left out: {told})" if told else ""


def _along(one: RecordAgreement) -> str:
    share = f"; {100 * one.served / one.calls:.0f} % of its calls were answered" if one.calls else ""
    return f"{one.arm}: {one.whole} of {one.trials} runs never left the record{share}."


def _split(one: DivergenceKind) -> str:
    about = "an effect" if one.effect else "a read"
    return (
        f"The first divergence is {_KINDS[one.kind]} ({about}): baseline {one.baseline}, candidate {one.candidate}"
        f" runs; in {one.task}: {one.example}."
    )


_KINDS = {
    "tool": "another tool",
    "arguments": "other arguments",
    "missing": "a call that was not made",
    "extra": "a call more",
    "order": "reads in another order",
}
