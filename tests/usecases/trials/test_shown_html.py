"""The page: its parts in order, its policy, and that nobody who writes an answer can write a page."""

from __future__ import annotations

import math
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hostile import HOSTILE, told_by
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_help import full, nothing

from remit.core.trial.report import Boundary, Curve, Estimate, Map, Report, Ruling
from remit.core.trial.verdict import Verdict
from remit.usecases.trials.shown.html import document
from remit.usecases.trials.shown.page_style import STYLE

KNOWN = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "nav", "section", "article", "footer", "figure",
    "h1", "h2", "h3", "h4", "p", "b", "a", "ul", "ol", "li", "dl", "dt", "dd", "bdi", "span", "small", "div", "details",
    "summary", "code", "table", "thead", "tbody", "tr", "th", "td", "svg", "g", "path", "line", "text", "desc",
}  # fmt: skip
"""Every element that a page may have: none runs, none loads."""
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "aria-label", "aria-labelledby",
    "aria-hidden", "role", "scope", "tabindex", "dir", "viewBox", "preserveAspectRatio", "width", "height", "x", "y",
    "x1", "x2", "y1", "y2", "d", "transform", "vector-effect",
}  # fmt: skip


def tree(report: Report) -> ElementTree.Element:
    """The page, read strictly: what is well-formed XML has every tag closed, every attribute quoted."""
    return ElementTree.fromstring(document(report).split(b"\n", 1)[1])


def texts(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


class Tags(HTMLParser):
    """The page as a lenient reader takes it."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.seen: set[tuple[str, str]] = set()
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {(tag, name) for name, _ in attrs} | {(tag, "")}


def check(report: Report) -> ElementTree.Element:
    page = tree(report)
    for element in page.iter():
        assert element.tag in KNOWN
        assert set(element.attrib) <= ATTRIBUTES
        assert element.get("href", "#").startswith("#")
    return page


def test_the_verdict_stands_first_then_what_would_change_it_then_the_gates():
    told = texts(tree(full()).find("body"))

    places = [
        told.index(part)
        for part in ("BLOCK", "The candidate is worse", "What would change it", "reliable", "safety")
    ]
    assert places == sorted(places)


def test_every_part_of_a_full_report_has_its_section():
    ids = [section.get("id") for section in tree(full()).iter("section")]

    assert ids == ["gates", "invariants", "reasons", "compared", "methods", "tasks", "runs", "repeats", "sequence",
                   "latency", "answers", "numbers", "notes", "design"]  # fmt: skip


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_report_of_nothing_is_a_page(verdict: Verdict):
    page = check(nothing(verdict=verdict))

    assert texts(page.find("body/main/header")).startswith(verdict.value)
    assert not list(page.iter("section"))


def test_no_script_no_request_and_one_style_sheet():
    page = check(full())
    policy = next(one.get("content") for one in page.iter("meta") if one.get("http-equiv"))
    (style,) = page.iter("style")
    digest = b64encode(sha256(style.text.encode()).digest()).decode()

    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style.text and "@import" not in style.text and "&" not in style.text
    assert not re.search(rb"https?:|//[a-z]|src=|javascript:", document(full()))


def test_each_plot_says_in_words_what_it_is_and_has_its_table():
    page = tree(full())
    plots = [one for one in page.iter("svg") if one.get("role") == "img"]
    named = [{one.get("id"): one for one in plot.iter() if one.get("id")} for plot in plots]

    assert len(plots) == 4
    for plot, ids in zip(plots, named, strict=True):
        assert [ids[name].tag for name in plot.get("aria-labelledby", "").split()] == ["title", "desc"]
        assert all(texts(one) for one in ids.values())
    assert all(one.find(".//table") is not None for one in page.iter("figure"))
    others = [one for one in page.iter("svg") if one.get("role") is None]
    hidden = {
        id(part)
        for one in page.iter()
        if one.get("aria-hidden") or one.get("role") == "img"
        for part in one.iter()
    }
    assert all(id(one) in hidden for one in others)


def test_ids_are_its_own_and_links_lead_somewhere():
    page = tree(full())
    ids = [one.get("id") for one in page.iter() if one.get("id")]

    assert len(ids) == len(set(ids))
    assert {one.get("href") for one in page.iter("a")} <= {f"#{name}" for name in ids}


def test_the_least_stable_tasks_are_marked_and_two_runs_stand_side_by_side():
    page = tree(full())
    rows = [texts(row) for row in page.iter("tr") if "least stable" in texts(row)]
    pairs = [one for one in page.iter("article") if one.get("class") == "contrast"]

    assert len(rows) == 5
    assert [len([run for run in pair.iter("div") if run.get("class") == "run"]) for pair in pairs] == [2, 2]
    assert [texts(call) for call in pairs[0].iter("li") if call.get("class") == "other"] == [
        'check_stock {"sku":"CLOCK-7"}', 'refund_payment {"amount":120,"order_id":"A-1001"}',
    ]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_strangers_write_stays_text(text: str):
    report = told_by(text, full())
    page = check(report)

    raw = document(report)
    assert Tags(raw).seen <= {(tag.lower(), name.lower()) for tag in KNOWN for name in {*ATTRIBUTES, ""}}
    shown = "".join(page.itertext())
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert len(raw) < 6_000_000


def test_a_tower_of_accents_is_cut_and_real_ones_stay():
    shown = texts(tree(full(sentence="a" + "\u0301" * 500 + " Việt Nam, हिन्दी, שָׁלוֹם, e\u0302\u0301")))

    assert "\u0301" * 5 not in shown and "\u0301" * 4 + "…" in shown
    assert "Việt Nam, हिन्दी, שָׁלוֹם, e\u0302\u0301" in shown


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(), max_size=60))
def test_any_text_stays_text(text: str):
    check(told_by(text, full()))


def odd(**changes: object) -> Estimate:
    return replace(Estimate("success", 0.5, 0.2, 0.8, n=5), **changes)


@pytest.mark.parametrize(
    "report",
    [
        full(curves=(Curve("baseline", "pass^k", (odd(value=None, low=None, high=None),)),)),
        full(curves=(Curve("gone", "pass^k", ()), Curve("candidate", "pass@k", (odd(value=math.nan), odd(low=None))))),
        full(curves=(Curve("baseline", "pass^k", tuple(odd() for _ in range(200))),)),
        full(boundaries=(Boundary("g", "x", "y", (1,), (0.0,), (None,), (None,)),)),
        full(boundaries=(Boundary("g", "x", "y", (1, 2), (0.0, float("inf")), (1.0, None), (None, -1.0), 2),)),
        full(boundaries=(Boundary("g", "x", "y", (), (), (), ()), Boundary("g", "x", "y", (1, 2, 3), (1.0,), (), (), 3))),
        full(boundaries=(Boundary("g", "x", "y", (5, 6), (1.0, 2.0), (3.0, 3.0), (-3.0, -3.0), 6),)),
        full(map=Map("lexical", float("nan"), ((0.0, 0.0, "baseline", "t", None, ""),))),
        full(map=Map("lexical", 0.0, ((float("nan"), 0.0, "gone", "t", True, ""),))),
        full(map=Map("lexical", 0.0, tuple((1e300 * at, -1e300, "candidate", "t", False, "") for at in range(3)))),
        full(latencies={"baseline": (0.0,), "candidate": ()}),
        full(latencies={"baseline": (0.0001, 5e5), "candidate": (float("inf"),)}),
        full(latencies={"baseline": (float("inf"),)}),
        full(estimates={"baseline": (odd(name="latency p50", value=float("inf")), odd(value=2.5, low=-1.0))}),
        full(arms=("a", "b", "c", "d"), tasks=(), counts={}),
        full(arms=()),
        full(tasks=tuple(replace(full().tasks[0], task=f"t{at}", n=0, passes=0) for at in range(1_200))),
    ],
)  # fmt: skip
def test_numbers_that_are_none_or_odd_make_no_page_break(report: Report):
    raw = document(report)
    check(report)

    assert not re.search(rb'="[^"]*(nan|inf)[^"]*"', raw)


def test_many_tasks_stay_a_page_that_opens():
    many = tuple(replace(line, task=f"{line.task}-{at}") for at in range(100) for line in full().tasks)

    page = document(full(tasks=many))

    assert len(page) < 1_500_000 and b"The other 1,960 tasks" in page


def luminance(colour: str) -> float:
    """Relative luminance; source: WCAG 2.2, "relative luminance"."""
    whole = colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
    parts = [int(whole[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "theme", re.findall(r":root\{(color-scheme:light dark;)?(--page[^}]*)\}", STYLE), ids=["light", "dark"]
)
def test_every_text_can_be_read_on_its_ground(theme: tuple[str, str]):
    colours = dict(re.findall(r"--([\w-]+):(#[0-9a-f]+)", theme[1]))
    texts = ("ink", "soft", "arm0", "arm1", "arm2", "pass", "block", "inconclusive", "error")

    assert contrast("#000", "#fff") == pytest.approx(21)
    for ground in ("page", "card"):
        assert {text for text in texts if contrast(colours[text], colours[ground]) < 4.5} == set()
    for verdict in ("pass", "block", "inconclusive"):
        assert contrast(colours[verdict], colours[f"{verdict}-ground"]) >= 4.5
    assert contrast(colours["ink"], colours["inconclusive-ground"]) >= 7


def test_only_a_design_that_was_fixed_before_is_said_to_be():
    fixed, merged = texts(tree(full())), texts(tree(full(design={"kind": "fixed", "hash": ""})))

    assert "Fixed before the first run" in fixed and "What was asked before the first run" in fixed
    assert "before the first run" not in merged


@pytest.mark.parametrize(("bar", "told"), [(0.8, True), (0.7, False)])
def test_a_gate_that_passed_within_the_interval_says_why(bar: float, told: bool):
    passed = Ruling("reliable", Verdict.PASS, "", "", details={"arm": "baseline", "at_least": bar})

    assert ("A gate asks of one side only" in texts(tree(full(rulings=(passed,))))) == told


def test_every_table_that_scrolls_has_a_name_and_every_column_a_head():
    page = tree(full())
    moved = [one for one in page.iter("div") if one.get("class") == "scroll"]

    assert moved
    for frame in moved:
        assert (frame.get("tabindex"), frame.get("role")) == ("0", "region")
        heads = [texts(one) for one in frame.find("table/thead/tr")]
        assert frame.get("aria-label") == f"Table: {', '.join(heads)}"
    for table in page.iter("table"):
        assert all(one.get("scope") == "col" and texts(one) for one in table.find("thead/tr"))
        assert all(row.find("th").get("scope") == "row" for row in table.find("tbody"))


def test_who_hears_the_page_is_told_the_range_of_each_task():
    page = tree(full())
    (row, *_) = (one for one in page.iter("tr") if texts(one).startswith("broken-clock"))
    drawn = next(one for one in row.iter("td") if one.get("class") == "bars")

    assert re.fullmatch(r"baseline [\d.]+ to [\d.]+ %; candidate [\d.]+ to [\d.]+ %", texts(drawn))


def test_of_few_tasks_a_curve_has_no_ranges_and_says_so():
    few = tuple(replace(one, points=tuple(replace(k, n=4) for k in one.points)) for one in full().curves)
    drawn, bare = (
        tree(full(curves=curves)).find(".//section[@id='repeats']") for curves in (full().curves, few)
    )

    assert [
        len([line for line in one.iter("line") if "interval" in str(line.get("class"))]) > 0
        for one in (drawn, bare)
    ] == [True, False]
    assert "too few tasks to say" in texts(bare) and "too few tasks to say" not in texts(drawn)
    assert "fewer than 5 tasks" in texts(bare)


def test_a_curve_of_one_point_is_no_curve():
    once = tuple(replace(one, points=one.points[:1]) for one in full().curves)

    assert tree(full(curves=once)).find(".//section[@id='repeats']") is None


@pytest.mark.parametrize("session", ["", "s-1"])
def test_sessions_have_a_column_where_there_are_any(session: str):
    reasons = tuple(replace(one, session=session) for one in full().reasons)
    section = tree(full(reasons=reasons)).find(".//section[@id='reasons']")

    assert ("session of the first" in texts(section)) == bool(session)
