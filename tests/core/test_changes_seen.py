"""Changes that the fingerprints of sessions show by themselves."""

from __future__ import annotations

import random

import pytest

from remit.core.change import Change, ChangeKind
from remit.core.changes_seen import changes_seen, with_seen
from remit.core.classify.change import ANY, findings
from remit.core.conduct import Conduct
from remit.core.types import Fingerprint


def sessions(*models: str | None, agent: str = "a", begin: int = 0) -> list[Conduct]:
    return [
        Conduct(f"{agent}{begin + at}", agent, float(begin + at), Fingerprint(model=model))
        for at, model in enumerate(models)
    ]


def told(changes: list[Change]) -> list[tuple[str, float, str, str]]:
    return [(one.kind.value, one.at, one.before, one.after) for one in changes]


def test_a_switch_is_seen_where_it_happens() -> None:
    (change,) = changes_seen(sessions(*["x"] * 50, *["y"] * 50))

    assert told([change]) == [("model", 50.0, "x", "y")]
    assert change.seen and change.agent == "a"


def test_nothing_is_seen_where_nothing_changes() -> None:
    assert changes_seen(sessions(*["x"] * 50)) == []
    assert changes_seen([]) == []


def test_what_becomes_known_is_no_change_and_what_is_unknown_for_a_while_hides_none() -> None:
    assert changes_seen(sessions(*[None] * 50, *["x"] * 50)) == []
    found = changes_seen(sessions(*["x"] * 30, *[None] * 30, *["y"] * 30))
    assert told(found) == [("model", 60.0, "x", "y")]


def test_a_model_that_stood_in_once_is_no_change() -> None:
    assert changes_seen(sessions(*["x"] * 50, "y", *["x"] * 50)) == []


def test_a_roll_back_is_a_change_too() -> None:
    found = changes_seen(sessions(*["x"] * 50, *["y"] * 50, *["x"] * 50))

    assert told(found) == [("model", 50.0, "x", "y"), ("model", 100.0, "y", "x")]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_a_canary_beside_the_old_version_is_one_change(share: float) -> None:
    draw = random.Random(4)
    mixed = ["y" if draw.random() < share else "x" for _ in range(400)]
    found = changes_seen(sessions(*["x"] * 100, *mixed))

    assert told(found) == [("model", float(100 + mixed.index("y")), "x", "y")]


def test_a_canary_that_becomes_the_only_version_is_one_change() -> None:
    found = changes_seen(sessions(*["x"] * 50, *["x", "y"] * 30, *["y"] * 50))

    assert told(found) == [("model", 51.0, "x", "y")]


def test_every_field_and_every_key_of_the_runtime_is_followed() -> None:
    def at(number: int, new: bool) -> Conduct:
        version = "2" if new else "1"
        plain = dict.fromkeys(("model", "prompt", "tools", "envelope", "config", "code"), version)
        runtime = {"region": "us" if new else "eu", "driver": "same"}
        return Conduct(f"s{number}", "a", float(number), Fingerprint(**plain, runtime=runtime))

    found = changes_seen([at(number, number >= 20) for number in range(40)])

    assert {one.kind for one in found} == set(ChangeKind) - {ChangeKind.DEPLOY}
    (runtime,) = [one for one in found if one.kind is ChangeKind.RUNTIME]
    assert (runtime.before, runtime.after) == ("region=eu", "region=us")


def test_a_field_that_is_new_in_every_session_is_no_version() -> None:
    assert changes_seen(sessions(*(f"build {n // 3}" for n in range(120)))) == []


def test_many_values_at_once_are_no_versions() -> None:
    draw = random.Random(5)
    first, second = [f"a{n}" for n in range(8)], [f"b{n}" for n in range(8)]
    mixed = [draw.choice(first) for _ in range(200)] + [draw.choice(second) for _ in range(200)]

    assert changes_seen(sessions(*mixed)) == []


def test_agents_are_followed_apart() -> None:
    found = changes_seen([*sessions(*["x"] * 40), *sessions(*["x"] * 20, *["y"] * 20, agent="b", begin=1000)])

    assert [(one.agent, one.at) for one in found] == [("b", 1020.0)]


def test_the_same_change_has_the_same_id_when_more_comes_in() -> None:
    stream = sessions(*["x"] * 50, *["y"] * 50)

    assert changes_seen(stream)[0].id == changes_seen(stream[:80])[0].id


def test_what_people_told_about_then_is_not_seen_again() -> None:
    stream = sessions(*["x"] * 50, *["y"] * 50)
    near, far = Change("n", ChangeKind.MODEL, 45.0), Change("f", ChangeKind.MODEL, 5.0)
    other = Change("o", ChangeKind.CONFIG, 50.0)

    assert changes_seen(stream, [near]) == []
    assert len(changes_seen(stream, [far])) == 1
    assert len(changes_seen(stream, [other])) == 1


def test_a_told_change_takes_the_words_of_the_sessions_that_show_it() -> None:
    stream = sessions(*["x-1"] * 50, *["y-1"] * 50)
    (change,) = with_seen([Change("n", ChangeKind.MODEL, 45.0, agent="a", after="why", by="ann")], stream)

    assert (change.id, change.by, change.before, change.after) == ("n", "ann", "x-1", "y-1")
    assert change.at == 45.0


def test_a_deployment_is_what_the_sessions_show_from_its_very_first_one() -> None:
    stream = sessions(*["x"] * 50, *["y"] * 50)
    (change,) = with_seen([Change("n", ChangeKind.DEPLOY, 50.0, agent="a", note="release 7")], stream)

    assert (change.id, change.kind, change.after, change.note) == ("n", ChangeKind.MODEL, "y", "release 7")
    assert len(with_seen([Change("n", ChangeKind.DEPLOY, 48.0, agent="a")], stream)) == 2


def test_a_told_change_of_every_agent_is_counted_once_for_each() -> None:
    stream = [*sessions(*["x"] * 50, *["y"] * 50), *sessions(*[None] * 100, agent="b")]
    found = findings(with_seen([Change("n", ChangeKind.MODEL, 50.0)], stream), stream)

    assert sorted(one.agent for one in found if one.line == ANY) == ["a", "b"]


def test_a_third_version_is_compared_with_neither_of_two() -> None:
    stream = [
        Conduct(one.session, "a", one.at, one.fingerprint, calls={"t": 1})
        for one in sessions(*["x"] * 30, *["y"] * 30, *["z"] * 30)
    ]
    by_after = {one.change.after: one for one in findings(with_seen([], stream), stream)}

    assert (by_after["y"].sessions0, by_after["y"].sessions1) == (30, 30)
    assert (by_after["z"].sessions0, by_after["z"].sessions1) == (30, 30)
