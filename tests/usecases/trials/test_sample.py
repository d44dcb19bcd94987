"""A suite from captured sessions: what is drawn, what it stands for, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import pytest

from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession, session_from
from remit.testing import envelope
from remit.usecases.trials.against import effects_by
from remit.usecases.trials.sample import Sampled, WantedSample, sampled
from remit.usecases.trials.sample_task import stable, task_of, too_much
from remit.usecases.trials.strata import TRAITS, SessionTraits, asked_like, label

GUESSED = effects_by(None)


def session(id: str, said: Any = "Refund A-1.", *calls: Any, **more: Any) -> RecordedSession:
    """One with these calls: a tool's name, or (tool, args, result[, error])."""
    steps: list[dict[str, Any]] = [
        {"role": "user", "content": one} for one in ([said] if isinstance(said, str) else said)
    ]
    for number, call in enumerate(calls):
        tool, args, result, *error = (call, {}, "done") if isinstance(call, str) else call
        asked = {"id": f"c{number}", "name": tool, "args": args}
        steps.append({"role": "assistant", "content": "", "tool_calls": [asked]})
        if result is not None:
            told = {
                "role": "tool",
                "tool_call_id": f"c{number}",
                "content": result,
                "error": (error or [None])[0],
            }
            steps.append(told)
    steps.append({"role": "assistant", "content": "Done."})
    return session_from({"session_id": id, "steps": steps, **more}, id)


def drawn(sessions: list[RecordedSession], tasks: int, **how: Any) -> Sampled:
    return sampled(lambda: sessions, WantedSample(tasks, **how), GUESSED)


def weights(found: Sampled) -> Mapping[str, float]:
    return {task["id"]: task["weight"] for task in found.tasks}


SHOP = [
    session(f"often-{n}", f"Where is order {n}x{'abc'[n % 3]}?", "get_order", success=n % 10 > 0)
    for n in range(90)
] + [
    session(f"rare-{n}", f"Close account {'abcdefghij'[n]}!", "delete_account", success=n < 3)
    for n in range(10)
]


def test_rare_sessions_have_tasks_and_weights_say_how_many_each_stands_for() -> None:
    found = drawn(SHOP, 10, by=("tools",), merge=False)

    assert [(one["stratum"], one["sessions"], one["tasks"]) for one in found.coverage["strata"]] == [
        ("tools: get_order", 90, 9),
        ("tools: delete_account", 10, 1),
    ]
    assert sorted(set(weights(found).values())) == [10.0]
    assert drawn(SHOP, 10, by=("tools",)).tasks == drawn(list(SHOP), 10, by=("tools",)).tasks
    assert drawn(SHOP, 10, by=("tools",), seed=1).tasks != drawn(SHOP, 10, by=("tools",)).tasks


@pytest.mark.parametrize("merge", [False, True])
def test_what_the_weighted_tasks_say_of_production_is_not_biased(merge: bool) -> None:
    truth = sum(one.extra["success"] for one in SHOP) / len(SHOP)
    good = {one.session_id: one.extra["success"] for one in SHOP}

    told = []
    for seed in range(400):
        found = weights(drawn(SHOP, 12, by=("effects",), merge=merge, seed=seed, floor=4))
        assert sum(found.values()) == pytest.approx(len(SHOP))
        told.append(sum(weight for id, weight in found.items() if good[id]) / len(SHOP))

    mean = sum(told) / len(told)
    spread = sqrt(sum((one - mean) ** 2 for one in told) / len(told))
    assert abs(mean - truth) < 4 * spread / sqrt(len(told))


def test_sessions_that_were_asked_the_same_are_one_task_with_the_mass_of_all() -> None:
    sessions = [session(f"s{n}", f"Refund order A-1{',!.?'[n % 4]} please!", "refund") for n in range(9)]
    sessions += [
        session("other", "Hello", "refund"),
        session("reads", "Refund order A-1 please", "get_order"),
    ]

    merged, apart = drawn(sessions, 3, by=("tools",)), drawn(sessions, 3, by=("tools",), merge=False)

    assert sorted(weights(merged).values()) == [1.0, 1.0, 9.0]
    assert (merged.coverage["requests"], apart.coverage["requests"]) == (3, 11)


def test_too_many_strata_are_pooled_and_their_kinds_drawn_from_all_over() -> None:
    sessions = [session(f"{tool}-{n}", f"{tool}{n}", tool) for tool in "abcdefghijklmnop" for n in range(5)]

    found = drawn(sessions, 8, by=("tools",), merge=False)

    names = [one["stratum"] for one in found.coverage["strata"]]
    assert len(names) == 4
    assert names[-1] == "rare: 13 kinds of session"
    drawn_tools = [task["world"]["answers"][0]["tool"] for task in found.tasks]
    assert len(set(drawn_tools)) == 8  # of the pooled kinds, each at most once
    pooled = found.coverage["strata"][-1]
    assert (pooled["kinds"], pooled["kinds_with_a_task"], pooled["tasks"]) == (13, 5, 5)
    assert [(one["kinds"], one["kinds_with_a_task"]) for one in found.coverage["strata"][:-1]] == [(1, 1)] * 3
    assert found.coverage["share_of_sampled_kinds"] == 8 / 16
    assert found.coverage["share_in_sampled_strata"] == 1.0


def test_what_no_task_covers_is_told() -> None:
    sessions = [session(f"s{n}", f"ask {'abcdef'[n % 6]}", "look", "pay") for n in range(20)]
    sessions += [
        session("odd", "strange", "pay", "look"),
        session("two", ["a", "b"]),
        session("cut", "x", ("pay", {}, None)),
    ]

    told = drawn(sessions, 1, by=("length",)).coverage

    assert (told["sessions"], told["usable"], told["tasks"]) == (23, 21, 1)
    assert told["left_out"] == {
        "the user spoke more than once (--turns hands over all turns at once)": 1,
        "a call has no recorded result": 1,
    }
    assert told["share_in_sampled_strata"] == round(21 / 23, 6)
    lost = told["not_covered"]
    assert set(lost["bigrams"]) in (
        {"^ > pay", "pay > look", "look > $"},
        {"^ > look", "look > pay", "pay > $"},
    )
    assert lost["sessions_left_out"] == 2
    # Both tools are used by the task; of 63 bigrams, three for each session, 60 or 3 stand in sessions like it.
    assert told["share_of_tool_uses"] == 1.0
    assert told["share_of_bigrams"] == round((60 if "pay > look" in lost["bigrams"] else 3) / 63, 6)


def test_all_sessions_at_most() -> None:
    found = drawn(SHOP[:5], 50, merge=False)

    assert weights(found) == {f"often-{n}": 1.0 for n in range(5)}


def test_nothing_to_draw_and_names_that_say_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match=r"no session can be run again \(1: the user spoke more than once"):
        drawn([session("s", ["a", "b"])], 3)
    with pytest.raises(BadInput, match="no session has 'modle'"):
        drawn(SHOP, 3, by=("modle",))
    assert drawn([session("s", "a", model="m")], 1, by=("model",)).tasks[0]["stratum"] == "model: m"


def test_sessions_that_changed_between_two_readings_are_refused() -> None:
    readings = iter([SHOP, []])

    with pytest.raises(BadInput, match="is gone, or they were changed"):
        sampled(lambda: next(readings), WantedSample(3), GUESSED)


# ---------------------------------------------------------------------------------------------------------------- task
def test_a_task_answers_from_its_record_and_asks_for_its_effects() -> None:
    found = task_of(
        session(
            "s",
            "Refund A-1.",
            ("get_order", {"id": "A-1"}, '{"cost": 5}'),
            ("refund", {"id": "A-1", "amount": 5, "note": "because the customer said it is broken"}, "ok"),
            ("refund", {"id": "A-2"}, "", "no such order"),
            facts={"customer_id": "17"},
            principal_kind="customer",
        ),
        2.5,
        "tools: refund",
        GUESSED,
        ("delete", "refund"),
    )

    assert found == {
        "id": "s",
        "input": "Refund A-1.",
        "weight": 2.5,
        "stratum": "tools: refund",
        "principal_kind": "customer",
        "facts": {"customer_id": "17"},
        "world": {
            "answers": [
                {
                    "tool": "refund",
                    "args": {"id": "A-1", "amount": 5, "note": "because the customer said it is broken"},
                    "times": 1,
                    "result": "ok",
                },
                {"tool": "get_order", "args": {"id": "A-1"}, "times": 1, "result": {"cost": 5}},
                {"tool": "refund", "args": {"id": "A-2"}, "times": 1, "error": "no such order"},
            ]
        },
        "checks": [
            {
                "id": "as-recorded-1",
                "called": {"tool": "refund", "times": 1, "args": {"id": "A-1", "amount": 5}},
            },
            {"id": "no-other-effect", "cel": "size(calls.filter(c, c.tool in ['delete', 'refund'])) <= 2"},
        ],
    }


@pytest.mark.parametrize("more", [{"success": False}, {"run_error": "503"}])
def test_what_failed_is_no_pattern(more: Any) -> None:
    task = task_of(session("s", "x", "refund", **more), 1.0, "", GUESSED, ("refund",))

    assert "checks" not in task


def test_several_turns_are_handed_over_at_once() -> None:
    task = task_of(session("s", ["a", "b"]), 1.0, "", GUESSED, None)

    assert (task["input"], task["user_input"]) == ({"turns": ["a", "b"]}, "a\n\nb")


def test_what_cannot_stand_in_a_suite_is_left_out() -> None:
    assert "too large" in too_much(session("s", "x" * 1_000_000))
    assert "too large" in too_much(session("s", "x", ("t", {}, "y" * 1_000_000)))
    assert "its id" in too_much(session("a\nb", "x"))
    assert too_much(session("s", "x")) == ""


def test_worded_texts_are_no_part_of_what_is_asked_for() -> None:
    assert stable({"a": {"b": "one two three four five six", "c": 1}, "l": ["x", "y " * 40], "n": None}) == {
        "a": {"c": 1},
        "n": None,
    }


# -------------------------------------------------------------------------------------------------------------- strata
@pytest.mark.parametrize(
    ("trait", "word"),
    [
        ("suite", "shop"),
        ("tools", "get_order + refund"),
        ("sequence", "get_order > refund > get_order"),
        ("effects", "irreversible"),
        ("outcome", "success"),
        ("violations", "unknown"),
        ("length", "3-5 calls"),
        ("turns", "1 turn"),
    ],
)
def test_what_a_session_did_in_a_word(trait: str, word: str) -> None:
    one = session("s", "x", "get_order", "refund", "refund", "get_order", suite="shop", success=True)

    assert TRAITS[trait](SessionTraits(one, GUESSED)) == word


@pytest.mark.parametrize(
    ("trait", "calls", "word"),
    [
        ("tools", 0, "no tool"),
        ("sequence", 0, "no tool"),
        ("effects", 0, "none"),
        ("length", 0, "no call"),
        ("length", 1, "1-2 calls"),
        ("length", 2, "1-2 calls"),
        ("length", 5, "3-5 calls"),
        ("length", 6, "6-10 calls"),
        ("length", 20, "11-20 calls"),
        ("length", 21, "more than 20 calls"),
    ],
)
def test_nothing_and_each_length_have_a_word(trait: str, calls: int, word: str) -> None:
    one = session("s", "x", *["get_order"] * calls)

    assert TRAITS[trait](SessionTraits(one, GUESSED)) == word


@pytest.mark.parametrize(
    ("turns", "word"), [(2, "2 turns"), (3, "3 turns"), (4, "4 turns or more"), (9, "4 turns or more")]
)
def test_turns_of_the_user_are_counted(turns: int, word: str) -> None:
    one = session("s", ["x"] * turns)

    assert TRAITS["turns"](SessionTraits(one, GUESSED)) == word


UNDER = envelope("""
  enforcement: enforce
  tools:
    refund:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      require:
        - {id: ceiling, expr: "args.amount <= 50"}
        - {id: odd, expr: "args.amount != 7", on_violation: flag, accept_risk: a test}
      approve: [{id: large, when: "args.amount > 20"}]
""")


@pytest.mark.parametrize(
    ("amounts", "word"),
    [((10,), "none"), ((7,), "flag"), ((30, 7), "hold"), ((30, 90, 10), "deny"), ((), "none")],
)
def test_violations_are_the_worst_that_the_envelope_says_of_a_call(
    amounts: tuple[int, ...], word: str
) -> None:
    one = session("s", "x", *[("refund", {"amount": amount}, "done") for amount in amounts])

    assert TRAITS["violations"](SessionTraits(one, GUESSED, UNDER)) == word


def test_outcomes_of_broken_and_unjudged_sessions() -> None:
    assert (
        TRAITS["outcome"](SessionTraits(session("s", "x", meta={"run_error": "503"}), GUESSED))
        == "broken off"
    )
    assert TRAITS["outcome"](SessionTraits(session("s", "x", success="yes"), GUESSED)) == "unknown"


def test_a_label_is_printable_short_and_one_for_each_stratum() -> None:
    long = [label(("tools",), (f"{'t' * 200}{n}",)) for n in range(2)]

    assert long[0] != long[1]
    assert all(len(one) < 200 for one in long)
    assert label(("a",), ("x\x1b[31m",)).isprintable()


def test_requests_are_alike_whatever_their_case_and_punctuation() -> None:
    said = asked_like(["Refund A-17, please."])

    assert said == asked_like(["refund  a 17 PLEASE!"])
    assert said != asked_like(["Refund A-18, please."])
