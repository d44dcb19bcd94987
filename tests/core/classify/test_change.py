"""What a change is found to go along with, on sessions whose rates are known."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from remit.core.change import Change, ChangeKind
from remit.core.classify.change import ANY, about, findings, named
from remit.core.classify.change_windows import ran_with
from remit.core.conduct import Conduct, Line
from remit.core.types import Fingerprint

PAY: Line = ("pay", "pay.amount")
MAIL: Line = ("mail", "mail.to")


def session(at: int, *lines: Line, model: str | None = None, agent: str = "shop", calls: int = 3) -> Conduct:
    """One session of a few calls, with one violation on each of *lines*."""
    return Conduct(
        f"s{at}",
        agent,
        float(at),
        Fingerprint(model=model),
        calls={"pay": calls},
        violations=dict.fromkeys(lines, 1),
    )


def change(id: str, at: float, kind: ChangeKind = ChangeKind.DEPLOY, **fields: str) -> Change:
    return Change(id, kind, at, **fields)


def stream(
    *parts: tuple[int, float], line: Line = PAY, seed: int = 1, models: tuple[str | None, ...] = ()
) -> list[Conduct]:
    """Parts of so many sessions, each with its share of sessions with a violation."""
    draw, found = random.Random(seed), list[Conduct]()
    for number, (count, rate) in enumerate(parts):
        model = models[number] if models else None
        for _ in range(count):
            hit = [line] if draw.random() < rate else []
            found.append(session(len(found), *hit, model=model))
    return found


def test_a_rise_is_counted_tested_and_told_in_words_that_claim_no_cause() -> None:
    (whole, line) = findings([change("c", 300, before="v1", after="v2")], stream((300, 0.01), (300, 0.2)))

    assert {whole.line, line.line} == {ANY, PAY}
    assert line.significant and line.likeliest and line.rose
    assert (line.n0, line.n1, line.sessions0, line.sessions1) == (900, 900, 300, 300)
    assert line.x1 > 5 * line.x0
    assert line.low < line.ratio < line.high
    assert line.p < line.p_corrected < 0.01
    assert "correlates with deploy: v1 → v2, from session 301 on" in line.told
    assert "caused" not in line.told


def test_an_unchanged_rate_is_no_evidence() -> None:
    found = findings([change("c", 300)], stream((600, 0.05)))

    assert [one.significant for one in found] == [False, False]
    assert named(found) == ()
    assert "No rise" in found[0].told


def test_a_rate_that_fell_is_told_and_is_no_evidence() -> None:
    found = findings([change("c", 300)], stream((300, 0.2), (300, 0.0)))

    assert all(one.fell and not one.significant for one in found)
    assert "became rarer" in found[0].told


def test_what_never_was_before_is_said_to_be_new() -> None:
    (line,) = [one for one in findings([change("c", 300)], stream((300, 0.0), (300, 0.1))) if one.line == PAY]

    assert line.absent_before
    assert line.without_content == line.hit1
    assert "never before" in line.told


def test_too_few_calls_are_said_to_be_too_few() -> None:
    found = findings([change("c", 20)], stream((20, 0.0), (20, 0.05)))

    assert all(one.too_few and not one.significant for one in found)
    assert "Too few calls to tell: 60 before, 60 after" in found[0].told


def test_many_violations_of_one_session_are_one_session() -> None:
    sessions = [session(at) for at in range(300)]
    wild = replace(session(300), violations={PAY: 60}, calls={"pay": 60})
    found = findings([change("c", 300)], [*sessions, wild, *(session(at) for at in range(301, 600))])

    assert all(one.unit == "sessions" and not one.significant for one in found)


def test_violations_that_content_explains_say_nothing_about_a_change() -> None:
    sessions = [replace(one, clean=not one.violations) for one in stream((300, 0.01), (300, 0.3))]

    assert named(findings([change("c", 300)], sessions)) == ()


def test_sessions_that_share_the_change_and_no_content_are_counted() -> None:
    sessions = [replace(one, untrusted=one.at % 2 == 0) for one in stream((300, 0.0), (300, 0.2))]
    (line,) = [one for one in findings([change("c", 300)], sessions) if one.line == PAY]

    assert 0 < line.without_content < line.hit1
    assert f"Into {line.without_content} of these sessions came nothing but trusted text." in line.told


@pytest.mark.parametrize("decoy", [40, 200, 280, 330, 450, 560])
@pytest.mark.parametrize("once", [True, False])
def test_of_several_changes_the_true_one_is_named_first(decoy: int, once: bool) -> None:
    changes = [change("decoy", decoy, ChangeKind.CONFIG), change("true", 300, ChangeKind.MODEL)]
    found = findings(changes, stream((300, 0.02), (300, 0.25)), once=once)

    assert [one.change.id for one in named(found)] == ["true"]


def test_changes_at_the_same_instant_cannot_be_told_apart_and_both_are_named() -> None:
    changes = [change("code", 300, ChangeKind.CODE), change("model", 300, ChangeKind.MODEL)]
    found = [one for one in findings(changes, stream((300, 0.02), (300, 0.25))) if one.line == PAY]

    assert {one.change.id: one.rivals for one in found} == {"code": ("model",), "model": ("code",)}
    assert all(one.significant for one in found)
    assert [one.likeliest for one in found].count(True) == 1
    assert all("cannot be told apart" in one.told for one in found)


def test_two_changes_that_both_raised_it_are_both_named() -> None:
    changes = [change("first", 300), change("second", 600)]
    found = findings(changes, stream((300, 0.0), (300, 0.2), (300, 0.6)))

    assert {one.change.id for one in named(found)} == {"first", "second"}


def test_a_rise_where_nothing_is_known_to_have_changed_is_not_put_down_to_the_nearest_change() -> None:
    found = findings([change("c", 200)], stream((400, 0.02), (400, 0.4)))

    assert named(found) == ()
    assert found[0].elsewhere == pytest.approx(400, abs=15)
    assert "where no change is known" in found[0].told


def test_two_versions_at_once_are_told_apart_by_what_the_sessions_say() -> None:
    draw = random.Random(3)
    sessions = []
    for at in range(900):
        new = at >= 200 and draw.random() < 0.5
        hit = [PAY] if draw.random() < (0.2 if new else 0.01) else []
        sessions.append(session(at, *hit, model="new" if new else "old"))
    canary = change("canary", 200, ChangeKind.MODEL, before="old", after="new")
    (first, *_) = findings([canary, change("decoy", 205, ChangeKind.CONFIG)], sessions)

    assert first.change.id == "canary" and first.significant and first.by_group
    assert first.sessions1 < 420
    assert first.hit0 < first.hit1 / 4


def test_a_session_ran_with_a_change_if_it_says_so_whenever_that_was() -> None:
    def ran(model: str | None, at: float) -> bool:
        return ran_with(Fingerprint(model=model), at, canary, shown=True)

    canary = change("canary", 200, ChangeKind.MODEL, before="old", after="new")

    assert ran("new", 100.0) and not ran("old", 300.0)
    assert ran(None, 200.0) and not ran(None, 199.0)
    assert ran_with(Fingerprint(model="as sessions say"), 300.0, canary, shown=False)


def test_a_third_model_owes_nothing_to_the_second_and_a_third_prompt_is_built_upon_it() -> None:
    third = Fingerprint(model="third", prompt="third")

    for kind, expected in ((ChangeKind.MODEL, False), (ChangeKind.PROMPT, True)):
        one = change("c", 200, kind, before="old", after="new")
        assert ran_with(third, 300.0, one, shown=True) is expected


def test_a_finding_knows_which_sessions_it_concerns() -> None:
    sessions = stream((300, 0.01), (300, 0.2), models=("old", "new"))
    (one, *_) = findings([change("c", 300, ChangeKind.MODEL, before="old", after="new")], sessions)

    assert one.shown and one.concerns(Fingerprint(model="new"), 0.0)
    assert not one.concerns(Fingerprint(model="old"), 500.0)


def test_only_the_lines_asked_for_come_back_and_are_corrected_for_all() -> None:
    sessions = [
        replace(one, violations={**one.violations, ("t", f"t.{at % 40}"): 1})
        for at, one in enumerate(stream((300, 0.01), (300, 0.2)))
    ]
    found = findings([change("c", 300)], sessions, {PAY})

    assert {one.line for one in found} == {ANY, PAY}
    assert found[0].comparisons == 42


def test_changes_of_another_agent_or_tenant_are_not_looked_at() -> None:
    sessions = stream((300, 0.01), (300, 0.2))

    assert findings([change("c", 300, agent="other"), change("d", 300, tenant="other")], sessions) == []


def test_a_change_of_everybody_is_tested_for_each_agent() -> None:
    sessions = stream((300, 0.01), (300, 0.2))
    others = [replace(one, agent="calm", violations={}) for one in sessions]
    found = findings([change("c", 300)], [*sessions, *others])

    assert {one.agent: one.significant for one in found if one.line == ANY} == {"shop": True, "calm": False}


def test_all_lines_together_concern_an_anomaly_only_where_its_own_line_rose() -> None:
    sessions = [
        replace(one, violations={**one.violations, **({MAIL: 1} if at % 20 == 0 and at < 300 else {})})
        for at, one in enumerate(stream((300, 0.01), (300, 0.3)))
    ]
    found = findings([change("c", 300)], sessions)

    assert {one.line for one in about(found, "shop", {PAY})} == {PAY, ANY}
    assert {one.line for one in about(found, "shop", {MAIL})} == {MAIL}


def test_of_many_findings_that_are_no_evidence_the_nearest_are_told() -> None:
    changes = [change(f"c{at}", at) for at in range(50, 600, 50)]
    found = findings(changes, stream((600, 0.05)))

    assert len(about(found, "shop", {PAY})) == 3
    assert about(found, "shop", {PAY}) == about(list(found), "shop", {PAY})


def test_the_facts_are_plain_json_without_infinities() -> None:
    (line,) = [one for one in findings([change("c", 300)], stream((300, 0.0), (300, 0.1))) if one.line == PAY]

    told = json.loads(json.dumps(line.facts(), allow_nan=False))
    assert (told["change"], told["ratio"], told["x0"], told["line"]) == ("c", None, 0, list(PAY))
    assert told["low"] > 1


def test_holds_count_as_the_envelope_sees_them() -> None:
    held = [replace(one, violations={}, holds=one.violations) for one in stream((300, 0.01), (300, 0.2))]

    assert named(findings([change("c", 300)], held))


def test_clauses_about_the_answer_are_counted_in_sessions() -> None:
    line = ("", "outputs.promise")
    found = [
        one
        for one in findings([change("c", 300)], stream((300, 0.01), (300, 0.2), line=line))
        if one.line == line
    ]

    assert (found[0].n0, found[0].n1) == (300, 300)
    assert "300 sessions after" in found[0].told


@pytest.mark.parametrize("at", [-5, 0, 600, 10_000])
def test_a_change_before_or_after_everything_cannot_be_tested(at: int) -> None:
    found = findings([change("c", at)], stream((600, 0.1)))

    assert found and not any(one.significant or one.fell for one in found)


def test_no_sessions_and_no_changes_give_no_findings() -> None:
    assert findings([], stream((10, 0.5))) == []
    assert findings([change("c", 1)], []) == []


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    found = findings([change("c", 300, after="\x1b[31mred")], stream((300, 0.01), (300, 0.2)))

    assert "\x1b" not in found[0].told
