"""Candidate against baseline, and every number with its interval."""

from __future__ import annotations

from remit.core.trial.report import Comparison, Estimate, OtherMethod, Report
from remit.usecases.trials.shown.differences import difference, least, sides, statistic, surprise
from remit.usecases.trials.shown.markup import Markup, clean, joined, tag
from remit.usecases.trials.shown.numbers import NOTHING, chance, estimated
from remit.usecases.trials.shown.order import OTHER_METHODS, asked_of, method
from remit.usecases.trials.shown.page_parts import Section, behind, number, sentence, table


def comparisons(report: Report) -> Section | None:
    """What changed, how sure that is, and which change would have been found."""
    if not report.comparisons:
        return None
    columns = ("metric", "baseline", "candidate", "difference", "p, corrected")
    body = table(columns, [_row(one) for one in report.comparisons], right=(1, 2, 3, 4), wide=(1, 2))
    rows = [
        (one.metric, one.method, one.question, f"{one.n:,} {one.unit}", *_tested(one))
        for one in report.comparisons
    ]
    named = ("metric", "test", "asked of", "rests on", "distance", "p", "corrected", "finds from")
    how_made = behind("How each was tested", table(named, rows, right=(4, 5, 6, 7)))
    told = tag("p", sentence(report.correction), class_="soft small") if report.correction else None
    how = (
        "p says how often so large a difference shows up when nothing has changed, with all of these looked at: 0.01 is"
        " one time in a hundred. Drift only is what is blind to success: something moved, which need not be worse."
    )
    return Section("compared", "Candidate against baseline", joined((body, told, how_made)), how)


def _tested(one: Comparison) -> tuple[str, ...]:
    return statistic(one), chance(one.p), chance(one.adjusted), least(one)


def _row(one: Comparison) -> tuple[object, ...]:
    drift = tag("span", "drift only", class_="tag") if one.drift_only else None
    told = tag("small", sentence(one.told)) if one.told else None
    found, between = difference(one)
    return (
        joined((tag("bdi", clean(one.metric, 120)), " ", drift, told)),
        *sides(one),
        joined((number(found), tag("small", number(between)) if between else None)),
        surprise(one),
    )


def methods(report: Report) -> Section | None:
    """The comparison by other published methods, behind what decides."""
    if not report.methods:
        return None
    columns = ("method", "says", "p", "corrected", "difference")
    body = table(columns, [_method(one) for one in report.methods], right=(2, 3, 4), wide=(2,))
    rows = [(one.name, asked_of(one), one.assumes, f"{one.n:,} {one.unit}") for one in report.methods]
    how_made = behind(
        "What each asks and assumes", table(("method", "asks", "assumes", "rests on"), rows, right=(3,))
    )
    told = tag("p", sentence(report.methods_told), class_="soft small")
    how = "For whoever expects a certain method. The verdict above was not made of them, and none changes it."
    return Section("methods", OTHER_METHODS, behind("Show them", body, told, how_made), how)


def _method(one: OtherMethod) -> tuple[object, ...]:
    drift = tag("span", "drift only", class_="tag") if one.about == "answers" else None
    told = tag("small", sentence(one.told)) if one.told else None
    found, between = difference(one)
    found = statistic(one) if found == NOTHING else found
    return (
        joined((tag("bdi", clean(one.name, 120)), " ", drift, told)),
        one.says or NOTHING,
        chance(one.p),
        chance(one.adjusted),
        joined((number(found), tag("small", number(between)) if between else None)),
    )


def numbers(report: Report) -> Section | None:
    """All estimates, arms side by side."""
    names = list(dict.fromkeys(one.name for arm in report.arms for one in report.estimates.get(arm, ())))
    if not names:
        return None
    found = {(arm, one.name): one for arm in report.arms for one in reversed(report.estimates.get(arm, ()))}
    rows = [_numbers([found.get((arm, name)) for arm in report.arms], name) for name in names]
    how = "Each number, and below it the range in which the true value lies; below its name, how that was found."
    body = table(("number", *report.arms), rows, right=range(1, len(report.arms) + 1))
    return Section("numbers", "All numbers", body, how)


def _numbers(ones: list[Estimate | None], name: str) -> list[object]:
    how = next((method(one) for one in ones if one is not None), "")
    return [
        joined((tag("bdi", clean(name, 120)), tag("small", how))),
        *(_estimate(name, one) for one in ones),
    ]


def _estimate(name: str, one: Estimate | None) -> Markup:
    value, between = estimated(name, one)
    return joined((tag("span", number(value)), tag("small", number(between)) if between else None))
