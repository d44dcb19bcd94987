"""`remit trial plan`: how many trials a question costs, told before the first one is paid for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from remit.cli.output import Output, emit, say
from remit.cli.trial_plan_shown import SHOWN
from remit.cli.trial_plan_sizes import TrialCosts, claims, design, drop_in_pairs, gate, latencies
from remit.cli.variadic import Variadic
from remit.core.errors import BadInput

GATE = (0.90, 0.97)
CLAIMS = (0.80, 0.90, 0.95, 0.99, 0.999)
DROP, DISCORDANCE = 0.05, (0.1, 0.2, 0.3)
TASKS, EPOCHS, TASK_SD = 50, 4, 0.05
LATENCY = ("p50", "p90", "p95", "p99")

AtLeast = Annotated[
    float | None, typer.Option(metavar="P", help="Gate: a success rate that does not suffice.")
]
AimsFor = Annotated[float | None, typer.Option(metavar="P", help="Gate: the rate that is aimed for.")]
Alpha = Annotated[float, typer.Option(help="How often one that does not suffice may pass.")]
Beta = Annotated[float, typer.Option(help="How often one that does as it should may be missed.")]
MaxTrials = Annotated[int | None, typer.Option(min=1, metavar="N", help="Gate: trials that there can be.")]
Claim = Annotated[
    list[float] | None, typer.Option(metavar="P", help="A rate to be claimed after no failure.")
]
Drop = Annotated[float | None, typer.Option(metavar="D", help="Against a baseline: a drop to be found.")]
Discordance = Annotated[
    list[float] | None, typer.Option(metavar="S", help="Share of tasks in which one arm alone succeeds.")
]
Tasks = Annotated[
    int | None, typer.Option(min=1, max=1_000_000, metavar="N", help="Fixed design: tasks of the suite.")
]
Epochs = Annotated[
    int | None, typer.Option(min=1, max=1_000_000, metavar="N", help="Fixed design: trials of each task.")
]
Rate = Annotated[float, typer.Option(metavar="P", help="Fixed design: about how often it succeeds.")]
Icc = Annotated[float, typer.Option(metavar="S", help="Fixed design: how alike the trials of one task are.")]
TaskSd = Annotated[float, typer.Option(metavar="S", help="Fixed design: by how much tasks move unequally.")]
Latency = Annotated[list[str] | None, typer.Option(metavar="pNN", help="A latency that is to be bounded.")]
Tokens = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Of one trial: every size is told in them.")
]
Price = Annotated[float | None, typer.Option(min=0.0, metavar="X", help="Of a million tokens.")]


def add(app: typer.Typer) -> None:
    """List the command."""
    app.command("plan", cls=Variadic)(plan)


def plan(
    at_least: AtLeast = None,
    aims_for: AimsFor = None,
    alpha: Alpha = 0.05,
    beta: Beta = 0.10,
    max_trials: MaxTrials = None,
    claim: Claim = None,
    drop: Drop = None,
    discordance: Discordance = None,
    tasks: Tasks = None,
    epochs: Epochs = None,
    rate: Rate = 0.8,
    icc: Icc = 0.45,
    task_sd: TaskSd = TASK_SD,
    latency: Latency = None,
    tokens_per_trial: Tokens = None,
    price: Price = None,
) -> int:
    """How many trials a gate, a claim, a comparison or a latency needs; without options, usual ones as examples."""
    if price is not None and tokens_per_trial is None:
        raise BadInput("--price", "given without tokens", "add --tokens-per-trial N")
    for option, value in (("--alpha", alpha), ("--beta", beta)):
        if not 0 < value < 0.5:
            raise BadInput(option, f"found {value:g}", "give a share between 0 and 0.5, such as 0.05")
    spent = TrialCosts(tokens_per_trial, price)
    wanted = {
        "gate": (at_least, aims_for, max_trials),
        "claims": (claim,),
        "drop": (drop, discordance),
        "design": (tasks, epochs),
        "latency": (latency,),
    }
    asked = {name for name, given in wanted.items() if any(one not in (None, []) for one in given)}
    rates = _both(at_least, aims_for) if "gate" in asked else GATE
    made: dict[str, Callable[[], dict[str, Any]]] = {
        "gate": lambda: gate(*rates, alpha, beta, max_trials, spent),
        "claims": lambda: claims(claim or CLAIMS, 1 - alpha, spent),
        "drop": lambda: drop_in_pairs(
            DROP if drop is None else drop, discordance or DISCORDANCE, alpha, 1 - beta, spent
        ),
        "design": lambda: design(
            tasks or TASKS, epochs or EPOCHS, rate, icc, task_sd, alpha, 1 - beta, spent
        ),
        "latency": lambda: latencies(latency or LATENCY, 1 - alpha, spent),
    }
    told = {name: make() for name, make in made.items() if not asked or name in asked}
    if Output.json:
        emit({"examples": not asked, "alpha": alpha, "beta": beta} | told)
        return 0
    if not asked:
        say(
            "No question was asked, so these are usual ones; `remit trial plan --help` says how to ask yours.\n"
        )
    for name, one in told.items():
        SHOWN[name](one, spent)
    return 0


def _both(at_least: float | None, aims_for: float | None) -> tuple[float, float]:
    if at_least is None or aims_for is None:
        missing = "--at-least" if at_least is None else "--aims-for"
        raise BadInput(
            missing, "not given", "a gate has a rate that does not suffice, and one that is aimed for"
        )
    return at_least, aims_for
