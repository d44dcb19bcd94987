"""A report as one page that needs nothing else: no network, no script, no second file. It reads from top to bottom.

First the verdict in one sentence with what would change it, then each gate, then what a person would ask next. Every plot
has a line that says how to read it, and its numbers in a table. Answers of an agent are an attacker's to choose: `markup`
escapes each text where it is put in, and the policy of the page forbids scripts, requests and styles but its own.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from remit.core.trial.report import Report
from remit.usecases.trials.shown import page_compared, page_gates, page_plots, page_runs, page_tasks
from remit.usecases.trials.shown.markup import Markup, tag
from remit.usecases.trials.shown.page_parts import Section
from remit.usecases.trials.shown.page_style import STYLE

_SECTIONS: Final = (
    page_gates.gates,
    page_gates.invariants,
    page_gates.reasons,
    page_compared.comparisons,
    page_compared.methods,
    page_tasks.tasks,
    page_runs.contrasts,
    page_plots.curves,
    page_plots.boundaries,
    page_plots.latencies,
    page_plots.answers,
    page_compared.numbers,
    page_gates.notes,
    page_gates.design,
)
"""Of the page, in their order; one that has nothing to say is left out."""


def document(report: Report) -> bytes:
    """The page as UTF-8."""
    sections = [section for make in _SECTIONS if (section := make(report)) is not None]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy()),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("title", f"{report.verdict.value}: {report.suite[:120]}"),
        tag("style", Markup(STYLE)),
    ]
    body = tag(
        "main", page_gates.head(report), _contents(sections), [_section(one) for one in sections], _FOOT
    )
    page = tag("html", tag("head", head), tag("body", body), lang="en")
    return f"<!DOCTYPE html>\n{page}\n".encode()


def _policy() -> str:
    """Nothing is loaded, nothing runs, and only this very style sheet applies."""
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _contents(sections: Iterable[Section]) -> Markup:
    links = [tag("a", one.title, href=f"#{one.id}") for one in sections]
    return tag("nav", links, aria_label="Contents") if len(links) > 1 else Markup()


def _section(one: Section) -> Markup:
    how = tag("p", one.how, class_="how") if one.how else None
    return tag("section", tag("h2", one.title), how, one.body, id=one.id)


_FOOT: Final = tag("footer", "Made by remit. This page loads nothing and runs no script.")
