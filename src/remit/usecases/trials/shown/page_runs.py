"""Two runs of one task side by side: what people look at to see why it is not stable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Final

from remit.core.trial.report import Contrast, Report
from remit.core.trial.verdict import Verdict
from remit.core.types import Json
from remit.usecases.trials.shown.markup import Markup, clean, joined, tag
from remit.usecases.trials.shown.order import ended, listed
from remit.usecases.trials.shown.page_parts import Section, sentence, sign

MOST_PAIRS: Final = 20
MOST_CALLS: Final = 60


def contrasts(report: Report) -> Section | None:
    """The least stable tasks, each with two runs that differ."""
    if not report.contrasts:
        return None
    how = "Two runs of the same task, side by side. Calls that the other run does not make are shaded."
    body = joined(_pair(one, several=len(report.arms) > 1) for one in report.contrasts[:MOST_PAIRS])
    return Section("runs", "Why they are unstable", body, how)


def _pair(one: Contrast, *, several: bool) -> Markup:
    arm = (" \u00b7 ", tag("bdi", one.arm)) if several else None
    left, right = (listed(run.get("calls"))[:MOST_CALLS] for run in (one.left, one.right))
    runs = [_run(one.left, left, right), _run(one.right, right, left)]
    title = tag(
        "h3",
        tag("span", "task ", class_="soft"),
        tag("bdi", clean(one.task, 120)),
        tag("span", arm, class_="soft") if arm else None,
    )
    return tag(
        "article", title, tag("p", sentence(one.why)), tag("div", runs, class_="pair"), class_="contrast"
    )


def _run(run: Mapping[str, Json], calls: Sequence[str], others: Sequence[str]) -> Markup:
    success = run.get("success")
    verdict = Verdict.PASS if success is True else Verdict.BLOCK if success is False else Verdict.INCONCLUSIVE
    how = tag("span", sign(verdict, 14), ended(success), class_=f"word v-{verdict.value.lower()}")
    session = (
        tag("p", tag("bdi", clean(f"session {run['session']}", 120)), class_="why")
        if run.get("session")
        else None
    )
    reason = (
        tag("p", clean(str(run["reason"]), 1_000), class_="why", dir="auto") if run.get("reason") else None
    )
    matched = SequenceMatcher(None, calls, others, autojunk=False).get_matching_blocks()
    shared = {at for one in matched for at in range(one.a, one.a + one.size)}
    items = [
        tag("li", tag("bdi", clean(call, 1_000)), class_=None if at in shared else "other")
        for at, call in enumerate(calls)
    ]
    made = tag("ol", items) if items else tag("p", "No tool was called.", class_="why")
    answer = tag("p", str(run.get("answer") or "No answer."), class_="answer", dir="auto")
    title = tag("h4", how, tag("span", clean(f"run #{run.get('epoch', '?')}", 40)))
    return tag("div", title, reason, made, answer, session, class_="run")
