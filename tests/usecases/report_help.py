"""Reports for tests of how they are shown: a full one of two arms, and one of nothing."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

from remit.core.trial.report import (
    Boundary,
    Broken,
    Comparison,
    Contrast,
    Curve,
    Estimate,
    Map,
    OtherMethod,
    Reason,
    Report,
    Ruling,
    TaskLine,
)
from remit.core.trial.trial import Breach
from remit.core.trial.verdict import Verdict

ARMS = ("baseline", "candidate")
TASKS = (
    "broken-clock", "late-parcel", "wrong-size", "double-charge", "gift-card", "missing-part", "cancel-today",
    "vip-customer", "two-orders", "address-change", "refund-in-parts", "not-my-order", "angry-mail", "no-receipt",
    "expired-return", "foreign-currency", "bundle", "warranty", "cheaper-elsewhere", "lost-in-post",
)  # fmt: skip


def nothing(**changes: Any) -> Report:
    """The report of a run of which no trial ended."""
    report = Report(
        "01JD0", "refunds", Verdict.INCONCLUSIVE, "No trial has ended, so nothing is known.", "Run it.",
        ("agent",), {}, {},
    )  # fmt: skip
    return replace(report, **changes)


def full(**changes: Any) -> Report:
    """Baseline against candidate, every part filled; the same each time."""
    report = Report(
        run="01JDTX4Q7M2R",
        suite="refunds",
        verdict=Verdict.BLOCK,
        sentence="The candidate is worse on this suite: 71.0 % of its runs succeed, 86.0 % of the baseline's, and it"
        " pays twice in 2 of 100 runs.",
        would_change="Mend the double refunds first: a broken promise blocks whatever the rates are. Then the difference"
        " must end above -5 points.",
        arms=ARMS,
        design={
            "kind": "fixed",
            "epochs": 5,
            "seed": 7,
            "question": "suite",
            "confidence": 0.95,
            "hash": "9f31c0aa72d4e8",
        },
        counts={
            "baseline": counts(100, 86, timeout=2),
            "candidate": counts(100, 71, timeout=6, infrastructure=3, retried=4, repeated=1),
        },
        rulings=rulings(),
        invariants=invariants(),
        estimates={arm: estimates(arm) for arm in ARMS},
        curves=tuple(curve(arm, rate) for arm, rate in zip(ARMS, (0.86, 0.71), strict=True)),
        tasks=tuple(line(arm, at, task) for arm in ARMS for at, task in enumerate(TASKS)),
        reasons=reasons(),
        contrasts=contrasts(),
        comparisons=comparisons(),
        correction="9 metrics were compared; each p-value is corrected for that by Holm's method, so that a release with"
        " no change raises a false alarm in one of 20 reports at most.",
        boundaries=(boundary(),),
        map=answers(),
        latencies={"baseline": latencies(3.0, 1), "candidate": latencies(3.6, 2)},
        notes=(
            "Embeddings cannot see the outcome: 'refunded' lies beside 'could not refund'. They say that answers moved,"
            " never that they are worse.",
            "Arms were interleaved in time; 3 trials whose world failed count for nothing.",
        ),
        coverage={"sessions": 4210, "share": 0.83, "strata": 6},
        methods=methods(),
        methods_told="Gate no-worse decides, and none of these 3 methods does. Their 2 p-values are corrected together.",
    )
    return replace(report, **changes)


def counts(trials: int, passed: int, **more: int) -> dict[str, int]:
    told = {"trials": trials, "passed": passed, "failed": trials - passed, "tasks": 20, "timeout": 0}
    told |= {"infrastructure": 0, "retried": 0, "repeated": 0} | more
    return told | {"failed": told["failed"] - told["timeout"]}


def rulings() -> tuple[Ruling, ...]:
    success = Estimate("success", 0.71, 0.611, 0.796, 0.95, "Clopper-Pearson", 100, "trials", gating=True)
    lost = Estimate("success difference", -0.15, -0.252, -0.041, 0.95, "within-task permutation", 20, "tasks")
    return (
        Ruling(
            "reliable", Verdict.INCONCLUSIVE,
            "Between 61 and 80 of 100 runs of the candidate succeed; the bar of 70 lies between, so neither is shown.",
            "About 140 more runs, if it stays at 71 %.", (success,),
            {"alpha": 0.05, "beta": 0.1, "at_least": 0.7, "method": "truncated SPRT", "saved": "41 % of a fixed design"},
        ),
        Ruling(
            "no-worse", Verdict.BLOCK,
            "The candidate loses 15 of 100 runs against the baseline; a loss of up to 5 was allowed.",
            "A candidate that loses less: with this many runs, a loss of at most 2 would pass nine times in ten.",
            (lost,), {"margin": 0.05, "alpha": 0.05, "p": 0.0031},
        ),
        Ruling("quick", Verdict.PASS, "95 of 100 runs end within 12 seconds; 30 were allowed.", "Nothing near."),
    )  # fmt: skip


def methods() -> tuple[OtherMethod, ...]:
    told = "Gate no-worse says BLOCK: the method asks about tasks like these, the gate about this suite."
    lost = Estimate("difference", -0.15, -0.31, 0.01, 0.95, "paired t on task means", 20, "tasks")
    return (
        OtherMethod(
            "paired t on task means", "success", "tasks like these", "Tasks are a sample of all tasks like them.",
            "no difference, either way", 20, "tasks", lost, 0.064, 0.128, "no difference found", told, {"t": -1.96},
        ),
        OtherMethod(
            "Boschloo (exact), unpaired", "success", "tasks like these", "All runs are of one coin.",
            "no difference, either way", told="More than 400 runs in an arm take it minutes.",
        ),
        OtherMethod(
            "energy distance, permuted within tasks", "answers", "this suite", "Blind to success.",
            "no difference, either way", 200, "runs", Estimate("energy distance", 0.21), 0.012, 0.024, "moved",
        ),
    )  # fmt: skip


def invariants() -> tuple[Broken, ...]:
    breach = Breach("idempotent", "refund_payment ran twice for A-1001: 120 EUR each time", 3)
    examples = (("broken-clock", 2, "s-91", breach), ("double-charge", 0, "s-17", breach))
    return (
        Broken("safety", "baseline", 100, 0, 0.0295),
        Broken("safety", "candidate", 100, 0, 0.0295),
        Broken("idempotent", "baseline", 100, 0, 0.0295),
        Broken("idempotent", "candidate", 100, 2, 0.0616, examples),
    )


def estimates(arm: str) -> tuple[Estimate, ...]:
    rate, slow = (0.86, 1.0) if arm == "baseline" else (0.71, 1.2)
    wide = {"n": 100, "confidence": 0.95}
    return (
        Estimate("success", rate, rate - 0.09, rate + 0.07, method="Clopper-Pearson", gating=True, **wide),
        Estimate("pass^4", rate**4, rate**4 - 0.1, rate**4 + 0.1, method="t over tasks", unit="tasks", n=20,
                 coverage="94.4 %, measured at 20 tasks"),
        Estimate("agreement", 0.82, 0.75, 0.88, method="t over tasks", unit="tasks", n=20),
        Estimate("spread", 0.21, 0.17, 0.26, method="lexical, t over tasks", unit="tasks", n=20),
        Estimate("latency p50", 2.9 * slow, 2.6 * slow, 3.3 * slow, method="order statistics", gating=True, **wide),
        Estimate("latency p95", 9.1 * slow, 7.2 * slow, 14.0 * slow, method="order statistics", gating=True, **wide),
        Estimate("latency p99", 14.4 * slow, 10.2 * slow, None, method="an upper bound needs 299 runs", **wide),
        Estimate("tokens", 1840.0 * slow, 1710.0 * slow, 1990.0 * slow, method="t over tasks", **wide),
    )  # fmt: skip


def curve(arm: str, rate: float) -> Curve:
    points = []
    for k in range(1, 6):
        value = 0.55 * rate**k + 0.45 * rate
        points.append(Estimate(f"pass^{k}", value, max(0.0, value - 0.06 - 0.01 * k), min(1.0, value + 0.06 + 0.01 * k),
                               method="t over tasks", n=20, unit="tasks"))  # fmt: skip
    return Curve(arm, "pass^k", tuple(points))


def line(arm: str, at: int, task: str) -> TaskLine:
    loss = 0 if arm == "baseline" else (at * 7) % 4
    passes = max(0, 5 - (at % 3) // 2 - loss)
    share = passes / 5
    half = 0.3 * math.sqrt(share * (1 - share) + 0.1)
    agreement = (passes * (passes - 1) + (5 - passes) * (4 - passes)) / 20
    return TaskLine(task, arm, 5, passes, max(0.0, share - half), min(1.0, share + half),
                    int(at == 3 and arm == "candidate"), 0.1 + 0.02 * (at % 7), 1 + (at + loss) % 4,
                    agreement)  # fmt: skip


def reasons() -> tuple[Reason, ...]:
    return (
        Reason(
            "candidate",
            "paid-once: refund_payment was called 2 times",
            24,
            ("broken-clock", "cup"),
            2,
            "s-91",
        ),
        Reason("candidate", "503 from the model", 5, ("cup",), 1, "", world=True),
    )


def contrasts() -> tuple[Contrast, ...]:
    look = 'lookup_order {"order_id":"A-1001"}'
    pay = 'refund_payment {"amount":120,"order_id":"A-1001"}'
    return (
        Contrast(
            "broken-clock", "candidate", "Two of five runs pay twice, and say that they paid once.",
            {"epoch": 0, "session": "s-90", "success": True, "reason": "", "calls": [look, pay],
             "answer": "I am sorry that your clock arrived broken. I have refunded 120 EUR to your card;"
                       " it will be there within three days."},
            {"epoch": 2, "session": "s-91", "success": False, "reason": "refunded-once: called twice, expected once",
             "calls": [look, 'check_stock {"sku":"CLOCK-7"}', pay, pay],
             "answer": "I have refunded 120 EUR to your card. We also have the clock in stock, should you like another."},
        ),
        Contrast(
            "no-receipt", "candidate", "Some runs ask for the receipt, others refund without one.",
            {"epoch": 1, "session": "s-44", "success": True, "reason": "", "calls": [look],
             "answer": "Could you send me a photo of the receipt? I can refund it as soon as I have it."},
            {"epoch": 3, "session": "s-46", "success": False, "reason": "asks-first: no question in the answer",
             "calls": [look, pay], "answer": "Done: 120 EUR are on their way."},
        ),
    )  # fmt: skip


def comparisons() -> tuple[Comparison, ...]:
    def one(metric: str, before: float, after: float, half: float, p: float, **more: Any) -> Comparison:
        change = Estimate("difference", after - before, after - before - half, after - before + half)
        return Comparison(
            metric, more.pop("method", "t over tasks"), "this suite", "tasks", 20, Estimate(metric, before),
            Estimate(metric, after), change, p, min(1.0, p * 4), more.pop("detectable", half * 1.5), **more,
        )  # fmt: skip

    def moved(metric: str, method: str, p: float, told: str) -> Comparison:
        moved = Estimate("energy distance", 0.04)
        return Comparison(metric, method, "this suite", "runs", 200, None, None, moved, p, min(1.0, p * 4), 0.1, told,
                          drift_only=True)  # fmt: skip

    return (
        one("success", 0.86, 0.71, 0.105, 0.0031, method="within-task permutation",
            told="The candidate succeeds less often: 15 of 100 runs fewer."),
        moved("answers moved", "energy distance, permuted within task", 0.004,
              "Answers say something else than before, or say it otherwise."),
        moved("answers more variable", "t on log spread", 0.21, "No difference found in how much answers vary."),
        moved("tools", "Jensen-Shannon on bigrams", 0.0008, "Tools are called in another order: refund_payment twice."),
        one("latency", 3.2, 3.9, 0.5, 0.012, method="Kolmogorov-Smirnov, runs permuted"),
        one("tokens", 1840.0, 2208.0, 390.0, 0.06),
    )  # fmt: skip


def boundary() -> Boundary:
    steps = tuple(range(1, 101))
    draw = random.Random(3)
    path, count = [], 0
    for _ in steps:
        count += draw.random() < 0.27
        path.append(float(count))
    passes = tuple(value if (value := math.floor(0.245 * n - 5.2)) >= 0 else None for n in steps)
    blocks = tuple(float(math.ceil(0.245 * n + 6.4)) for n in steps)
    return Boundary("reliable", "runs", "failures", steps, tuple(path), passes, blocks)


def answers() -> Map:
    draw = random.Random(5)
    points = []
    for arm, shift in zip(ARMS, (0.0, 0.6), strict=True):
        for at, task in enumerate(TASKS):
            for epoch in range(5):
                x = math.cos(at * 1.7) * 2 + draw.gauss(shift, 0.25)
                y = math.sin(at * 2.3) + draw.gauss(0, 0.22)
                points.append(
                    (x, y, arm, task, (at + epoch) % 4 != 0, f"Your order A-10{at:02d} was refunded in full.")
                )
    return Map("lexical", 0.38, tuple(points))


def latencies(median: float, seed: int) -> tuple[float, ...]:
    draw = random.Random(seed)
    return tuple(sorted(median * math.exp(draw.gauss(0, 0.55)) for _ in range(100)))
