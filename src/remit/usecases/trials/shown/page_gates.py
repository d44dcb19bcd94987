"""What the page says first: the verdict, each arm in a number, each gate, each invariant; and last: notes, the design."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from remit.core.trial.report import Broken, Estimate, Report, Ruling
from remit.core.trial.verdict import Verdict
from remit.core.types import Json
from remit.usecases.trials.shown.markup import Markup, clean, joined, tag
from remit.usecases.trials.shown.numbers import estimated, interval, percent
from remit.usecases.trials.shown.order import counted_runs, kept, method, said_above, whose
from remit.usecases.trials.shown.page_parts import Section, behind, facts, sentence, sign, table, word
from remit.usecases.trials.shown.plot_parts import bar, swatch

MOST_EXAMPLES: Final = 5


def head(report: Report) -> Markup:
    """The verdict in one sentence with what would change it, and each arm in a number."""
    verdict = report.verdict.value.lower()
    would = tag("p", tag("b", "What would change it: "), sentence(report.would_change), class_="would")
    return joined((
        tag("p", tag("b", tag("bdi", report.suite)), " \u00b7 run ", tag("bdi", report.run), class_="eyebrow"),
        tag(
            "header", tag("p", sign(report.verdict, 22), report.verdict.value, class_="word"),
            tag("h1", sentence(report.sentence)), would if report.would_change else None, class_=f"verdict v-{verdict}",
        ),
        tag("div", [_arm(report, at, arm) for at, arm in enumerate(report.arms)], class_="arms"),
    ))  # fmt: skip


def _arm(report: Report, place: int, arm: str) -> Markup:
    success = next((one for one in report.estimates.get(arm, ()) if one.name == "success"), None)
    title = tag("h2", swatch(place) if len(report.arms) > 1 else None, tag("bdi", arm))
    counted = tag("p", f"{counted_runs(report, arm)}.", class_="counted")
    if success is None or success.value is None:
        return tag("div", title, tag("p", "No rate is known."), counted, class_="arm")
    rate = tag("p", percent(success.value), class_="rate num")
    return tag(
        "div",
        title,
        rate,
        bar(success, place),
        tag("p", _between(success)),
        _one_sided(report, arm, success),
        counted,
        class_="arm",
    )


def _between(success: Estimate) -> str:
    if success.low is None or success.high is None:
        return "of its runs succeed."
    told = interval("success", success).replace(" to ", " and ")
    return f"of its runs succeed; the true rate lies between {told} ({100 * success.confidence:.4g} % sure)."


def _one_sided(report: Report, arm: str, success: Estimate) -> Markup | None:
    """Why a gate passed a bar that lies within the interval."""
    passed = [
        one.details for one in report.rulings if one.verdict is Verdict.PASS and one.details.get("arm") == arm
    ]
    bars = [bar for told in passed if isinstance(bar := told.get("at_least"), int | float)]
    if success.low is None or not bars or success.low >= max(bars):
        return None
    sure = f"A gate asks of one side only, and decides on its own trials: it is sure of {percent(max(bars))}."
    return tag("p", sure)


def gates(report: Report) -> Section | None:
    """Each gate with its sentence."""
    if not report.rulings:
        return None
    before = " before the first run" if report.design.get("hash") else ""
    how = f"What was asked{before}, and the answer."
    return Section(
        "gates",
        "Gates",
        joined(_gate(ruling, above=said_above(report, ruling)) for ruling in report.rulings),
        how,
    )


def _gate(ruling: Ruling, *, above: bool) -> Markup:
    change = tag("p", tag("b", "What would change it: "), sentence(ruling.would_change), class_="change")
    rows = [(one.name, *estimated(one.name, one), method(one)) for one in ruling.estimates]
    shown = [table(("number", "value", "interval", "how"), rows, right=(1, 2))] if rows else []
    details: dict[str, Json] = dict(ruling.details)
    shown += [facts(details)] if details else []
    return tag(
        "article", word(ruling.verdict),
        tag("div", tag("h3", tag("bdi", ruling.gate)), tag("p", "As said above." if above else sentence(ruling.sentence)),
            change if ruling.would_change and not above else None,
            behind("How it was decided", shown) if shown else None),
        class_="gate",
    )  # fmt: skip


def invariants(report: Report) -> Section | None:
    """What must never happen, and whether it did."""
    if not report.invariants:
        return None
    broken_first = sorted(report.invariants, key=lambda one: not one.broken)
    rows = [(_name(one, several=len(report.arms) > 1), *_state(one)) for one in broken_first]
    how = (
        "What must never happen. One breach in any run blocks, whatever the rates are. Never seen is not never:"
        " the last column says how often it may happen all the same (95 % sure)."
    )
    shown = [
        table(("invariant", "seen", "may break in up to"), rows, right=(2,)),
        _breaches(report.invariants),
    ]
    return Section("invariants", "Invariants", joined(shown), how)


def _breaches(found: Sequence[Broken]) -> Markup | None:
    told = [
        tag("li", tag("bdi", clean(f"{one.invariant} in {task} #{epoch}", 300)),
            f", session {clean(session, 80)}: " if session else ": ", tag("bdi", clean(breach.told, 1_000)))
        for one in found
        for task, epoch, session, breach in one.examples[:MOST_EXAMPLES]
    ]  # fmt: skip
    title = tag("h3", "The first breaches", class_="under")
    return joined((title, tag("ul", told, class_="notes"))) if told else None


def _state(one: Broken) -> tuple[object, ...]:
    verdict, told = kept(one)
    seen = tag("span", sign(verdict, 14), told, class_=f"state v-{verdict.value.lower()}")
    return seen, percent(one.bound) if one.trials else "-"


def _name(one: Broken, *, several: bool) -> Markup:
    arm = tag("span", " \u00b7 ", tag("bdi", clean(one.arm, 60)), class_="soft") if several else None
    return joined((tag("bdi", clean(one.invariant, 120)), arm))


def reasons(report: Report) -> Section | None:
    """Why runs were no success, with a session to look into."""
    if not report.reasons:
        return None
    several, shown = len(report.arms) > 1, 3 if any(one.session for one in report.reasons) else 2
    rows = [
        (
            tag("bdi", clean(one.told, 400)),
            f"{whose(one)}{f' ({one.arm})' if several else ''}",
            one.session or "-",
        )[:shown]
        for one in report.reasons
    ]
    recorded = " A session is in the record, call by call." if shown > 2 else ""
    how = f"The most frequent first.{recorded} Where the world failed, and not the agent, the runs are in no rate."
    return Section(
        "reasons",
        "Why runs were no success",
        table(("why", "runs", "session of the first")[:shown], rows, wide=(2,)),
        how,
    )


def notes(report: Report) -> Section | None:
    """What a reader must know."""
    if not report.notes:
        return None
    return Section(
        "notes", "Know that", tag("ul", [tag("li", sentence(note)) for note in report.notes], class_="notes")
    )


def design(report: Report) -> Section | None:
    """How it was planned, and what the suite stands for."""
    told: dict[str, Json] = dict(report.design)
    covers: dict[str, Json] = dict(report.coverage)
    body = [facts(told)] if told else []
    if covers:
        body += [tag("h3", "What the suite was sampled from"), facts(covers)]
    fixed = (
        "Fixed before the first run, so that nobody could choose a design that gives the wished-for answer."
    )
    how = fixed if report.design.get("hash") else "As far as it is known."
    return Section("design", "Design", joined(body), how) if body else None
