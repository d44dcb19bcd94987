"""What `remit trial plan` tells, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from remit.cli.output import counted, say, table
from remit.cli.trial_plan_sizes import TrialCosts


def _show_gate(told: Mapping[str, Any], spent: TrialCosts) -> None:
    fixed, cap, most = told["fixed"], told["cap"], told["max_trials"]
    say(f"Gate: an agent at {told['at_least']:.4g} or less passes at most {told['alpha']:.0%} of the time; one at "
        f"{told['aims_for']:.4g} or more is blocked at most {told['beta']:.0%} of the time.")  # fmt: skip
    say(f"  Fixed: {fixed['n']} trials, PASS with {fixed['needed']} successes or more.")
    say(f"  Sequential: at most {cap} trials; PASS after {told['first_pass']} without a failure, BLOCK after "
        f"{told['first_block']} without a success.")  # fmt: skip
    if most is not None and most < fixed["n"]:
        say(f"  With {most} trials it may stay INCONCLUSIVE; both errors are only smaller.")
    columns = ("true rate", "PASS", "BLOCK", "INCONCLUSIVE", "mean trials", "against fixed", *spent.columns())
    rows = [
        (
            f"{one['rate']:.3f}",
            f"{one['passes']:.1%}",
            f"{1 - one['passes'] - one['undecided']:.1%}",
            f"{one['undecided']:.1%}",
            f"{one['trials']:.1f}",
            f"{-one['saved']:+.0%}",
            *spent.cells(one["trials"]),
        )
        for one in told["rates"]
    ]
    table("", columns, rows)


def _show_claims(told: Mapping[str, Any], spent: TrialCosts) -> None:
    say(
        f"Claim: all trials must succeed before one may say so, being right {told['confidence']:.0%} of the time."
    )
    rows = [(f"{one['rate']:g}", one["trials"], *spent.cells(one["trials"])) for one in told["claims"]]
    table("", ("success rate of at least", "trials", *spent.columns()), rows)


def _show_drop(told: Mapping[str, Any], spent: TrialCosts) -> None:
    say(f"Comparison, one run of each task in each arm: a drop by {told['drop']:g} is found about "
        f"{told['power']:.0%} of the time with")  # fmt: skip
    rows = [
        (f"{one['discordance']:g}", one["pairs"], one["trials"], *spent.cells(one["trials"]))
        for one in told["sizes"]
    ]
    table("", ("tasks in which one arm alone succeeds", "tasks", "trials", *spent.columns()), rows)


def _show_design(told: Mapping[str, Any], spent: TrialCosts) -> None:
    say(f"Fixed design, {counted(told['tasks'], 'task')} x {told['epochs']} in each of two arms ({told['trials']} "
        f"trials): about the smallest drop that is found {told['power']:.0%} of the time")  # fmt: skip
    columns = ("is it worse on", "at a rate of", "drop", *spent.columns())
    names = (("this suite", "this_suite"), ("tasks like these", "tasks_like_these"))
    rows = [
        (
            name,
            f"{told['rate']:g}",
            "none" if told[key] is None else f"{told[key]:.3f}",
            *spent.cells(told["trials"]),
        )
        for name, key in names
    ]
    table("", columns, rows)
    if None in (told["this_suite"], told["tasks_like_these"]):
        say("  none: so few may miss even an agent that always fails.")


def _show_latency(told: Mapping[str, Any], spent: TrialCosts) -> None:
    say(
        f"Latency: the slowest trial bounds the quantile, being right {told['confidence']:.0%} of the time, from"
    )
    rows = [(one["quantile"], one["trials"], *spent.cells(one["trials"])) for one in told["quantiles"]]
    table("", ("quantile", "trials", *spent.columns()), rows)


SHOWN: dict[str, Callable[[Mapping[str, Any], TrialCosts], None]] = {
    "gate": _show_gate,
    "claims": _show_claims,
    "drop": _show_drop,
    "design": _show_design,
    "latency": _show_latency,
}
