"""What `remit trial plan` tells, as JSON has it: each question's sizes, and what is wrong with how it was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from remit.core.errors import BadInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrialCosts:
    """What trials cost."""

    tokens: int | None
    """Of one trial."""
    price: float | None
    """Of a million tokens."""

    def of(self, trials: float) -> dict[str, float]:
        """`tokens`, and `cost` where a price is known; nothing where no tokens were given."""
        if self.tokens is None:
            return {}
        whole = trials * self.tokens
        return {"tokens": round(whole)} | ({} if self.price is None else {"cost": whole / 1e6 * self.price})

    def columns(self) -> tuple[str, ...]:
        """Their headings."""
        return tuple(name for name in ("tokens", "cost") if name in self.of(1))

    def cells(self, trials: float) -> tuple[str, ...]:
        """The same, for people."""
        told = {"tokens": "{:,.0f}", "cost": "{:,.2f}"}
        return tuple(told[name].format(value) for name, value in self.of(trials).items())


def _planned(where: str, remedy: str, made: Callable[[], T]) -> T:
    """What *made* gives; a `ValueError` of the arithmetic as what is wrong with an option."""
    try:
        return made()
    except ValueError as error:
        raise BadInput(where, str(error), remedy) from None


def gate(
    at_least: float, aims_for: float, alpha: float, beta: float, most: int | None, spent: TrialCosts
) -> dict[str, Any]:
    from remit.core.stats import gate_plan
    from remit.core.stats.sprt import plan as sprt_plan

    remedy = "take rates further apart, both between 0 and 1"
    found = _planned(
        "--at-least, --aims-for", remedy, lambda: sprt_plan(at_least, aims_for, alpha, beta, most)
    )
    return {
        "at_least": at_least,
        "aims_for": aims_for,
        "alpha": alpha,
        "beta": beta,
        "fixed": {**found.fixed._asdict(), **spent.of(found.fixed.n)},
        "cap": found.cap,
        "max_trials": most,
        "first_pass": gate_plan.first_pass(found),
        "first_block": gate_plan.first_block(found),
        "rates": [{**asdict(one), **spent.of(one.trials)} for one in gate_plan.at_rates(found, most)],
    }


def claims(rates: Sequence[float], confidence: float, spent: TrialCosts) -> dict[str, Any]:
    sizes = [(rate, _without_failure("--claim", rate, confidence)) for rate in rates]
    lines = [{"rate": rate, "trials": n, **spent.of(n)} for rate, n in sizes]
    return {"confidence": confidence, "claims": lines}


def _without_failure(where: str, p: float, confidence: float) -> int:
    from remit.core.stats.planning import without_failure

    return _planned(where, "give a share, such as 0.95", lambda: without_failure(p, confidence))


def drop_in_pairs(
    drop: float, shares: Sequence[float], alpha: float, power: float, spent: TrialCosts
) -> dict[str, Any]:
    sizes = [(share, _pairs(drop, share, alpha, power)) for share in shares]
    lines = [{"discordance": share, "pairs": n, "trials": 2 * n, **spent.of(2 * n)} for share, n in sizes]
    return {"drop": drop, "power": power, "sizes": lines}


def _pairs(drop: float, share: float, alpha: float, power: float) -> int:
    from remit.core.stats.planning import pairs

    remedy = "the arms differ in at least as many tasks as the rate drops"
    return _planned("--drop, --discordance", remedy, lambda: pairs(drop, share, alpha, power))


def design(
    tasks: int,
    epochs: int,
    rate: float,
    icc: float,
    task_sd: float,
    alpha: float,
    power: float,
    spent: TrialCosts,
) -> dict[str, Any]:
    from remit.core.stats.planning import detectable

    def seen(sd: float | None) -> float | None:
        return detectable(tasks, epochs, rate=rate, icc=icc, task_sd=sd, alpha=alpha, power=power)

    remedy = "shares lie between 0 and 1"
    this, like = _planned("--rate, --icc, --task-sd", remedy, lambda: (seen(None), seen(task_sd)))
    told = {"tasks": tasks, "epochs": epochs, "trials": 2 * tasks * epochs, "rate": rate, "icc": icc}
    found = {"task_sd": task_sd, "power": power, "this_suite": this, "tasks_like_these": like}
    return {**told, **found, **spent.of(2 * tasks * epochs)}


def latencies(names: Sequence[str], confidence: float, spent: TrialCosts) -> dict[str, Any]:
    sizes = [(name, _without_failure("--latency", _quantile(name), confidence)) for name in names]
    lines = [{"quantile": name, "trials": n, **spent.of(n)} for name, n in sizes]
    return {"confidence": confidence, "quantiles": lines}


def _quantile(name: str) -> float:
    try:
        return float(name.removeprefix("p")) / 100
    except ValueError:
        raise BadInput("--latency", f"found {name!r}", "write p95, or 95") from None
