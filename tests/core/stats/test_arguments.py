import numpy as np
import pytest

from remit.core.stats.arguments import MOST_KINDS, argument_test, flat

ARMS, TASKS = [False] * 6 + [True] * 6, ["t"] * 12


def test_the_statistics_of_numbers_are_those_of_scipy() -> None:
    """1 2 3 4 4 against 3 4 5 6. scipy: KS 0.5. Cramér-von Mises by hand, since scipy ranks ties otherwise:
    gaps .2 .4 .35 -.25+.5 .. at 1, 2, 3, 4, 5, 6, weighted by how many stand there."""
    runs = [[("pay", {"amount": v})] for v in (1, 2, 3, 4, 4, 3, 4, 5, 6)]
    arms = [False] * 5 + [True] * 4
    gaps = [(0.2, 1), (0.4, 1), (0.6 - 0.25, 2), (1.0 - 0.5, 3), (1.0 - 0.75, 1), (0.0, 1)]

    ks, cvm = (argument_test(runs, arms, ["t"] * 9, numbers=kind).paths[0] for kind in ("ks", "cvm"))

    assert ks.statistic == pytest.approx(0.5)
    assert cvm.statistic == pytest.approx(5 * 4 / 81 * sum(n * gap**2 for gap, n in gaps))


def test_without_ties_it_is_scipys_statistic() -> None:
    runs = [[("pay", {"amount": v})] for v in (1, 2, 3, 4, 3.5, 4.5, 5, 6)]

    found = argument_test(runs, [False] * 4 + [True] * 4, ["t"] * 8).paths[0]

    assert found.statistic == pytest.approx(0.5)  # scipy.stats.cramervonmises_2samp


def test_numbers_kinds_lists_and_what_is_nested_have_paths_of_their_own() -> None:
    args = {"amount": 3, "to": ["a", "b"], "card": {"last": "17"}, "gift": True, "note": None}

    assert list(flat(args)) == [
        ("amount", 3), ("to[]", "a"), ("to[]", "b"), ("card.last", "17"), ("gift", True), ("note", None)
    ]  # fmt: skip
    found = argument_test([[("pay", args)]] * 12, ARMS, TASKS)
    kinds = {one.path: one.kind for one in found.paths}
    assert kinds == {
        "pay.amount": "number", "pay.to[]": "category", "pay.card.last": "category", "pay.gift": "category",
        "pay.note": "category",
    }  # fmt: skip
    assert {one.p for one in found.paths} == {1.0}
    assert found.result.p == 1.0


def test_a_value_that_changed_is_named_first_and_the_rest_is_corrected_for() -> None:
    rng = np.random.default_rng(0)
    runs = [
        [
            (
                "pay",
                {
                    "amount": float(rng.normal()),
                    "currency": "EUR" if arm else "USD",
                    "a": int(rng.integers(3)),
                },
            )
        ]
        for arm in ARMS
    ]

    found = argument_test(runs, ARMS, TASKS)

    assert found.paths[0].path == "pay.currency"
    assert found.paths[0].told == "EUR: 0% before, 100% after"
    assert found.paths[0].p <= found.paths[0].adjusted <= 0.02
    assert found.result.p == found.paths[0].adjusted
    assert all(one.p <= one.adjusted for one in found.paths)


def test_what_is_called_often_in_one_run_is_one_run() -> None:
    """Forty calls with another value, all in one run of six."""
    runs = [[("pay", {"to": "usual"})]] * 11 + [[("pay", {"to": "other"})] * 40]

    assert argument_test(runs, ARMS, TASKS).result.p == pytest.approx(1.0)


def test_its_level_is_what_it_says_over_all_paths() -> None:
    rng = np.random.default_rng(7)
    arms, tasks = [False, False, True, True] * 10, [at // 4 for at in range(40)]

    p = []
    for seed in range(300):
        base = rng.normal(size=10).repeat(4)
        noise = rng.normal(size=40)
        runs = [
            [("pay", {"amount": b + 0.3 * n, "twice": 2 * b + n, "who": f"u{int(rng.integers(3))}"})]
            for b, n in zip(base, noise, strict=True)
        ]
        p.append(argument_test(runs, arms, tasks, permutations=99, seed=seed).result.p)

    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.085


def test_more_values_than_are_kept_apart_still_tell() -> None:
    n = 4 * MOST_KINDS
    arms = [at % 2 == 1 for at in range(n)]
    runs = [[("pay", {"amount": at + 900 * arm, "id": f"i{at}"})] for at, arm in enumerate(arms)]

    found = {one.path: one for one in argument_test(runs, arms, ["t"] * n, permutations=99).paths}

    assert found["pay.amount"].p <= 0.02
    assert found["pay.id"].kind == "category"


def test_values_that_no_number_holds_break_nothing() -> None:
    huge = 10**400
    runs = [[("pay", {"amount": huge if arm else 1, "other": float("nan"), "": {"": 1}})] for arm in ARMS]

    found = {one.path: one for one in argument_test(runs, ARMS, TASKS).paths}

    assert found["pay.amount"].kind == "number"
    assert found["pay.amount"].p <= 0.02
    assert found["pay.other"].kind == "category"


def test_an_argument_that_one_arm_alone_has_cannot_be_compared_and_says_so() -> None:
    runs = [[("pay", {"memo": "x"} if arm else {})] for arm in ARMS]

    (found,) = argument_test(runs, ARMS, TASKS).paths

    assert found.told == "only after"


def test_what_cannot_be_tested_says_why() -> None:
    assert argument_test([[], []], [False, True], ["t", "t"]).result.told == "no call has an argument"
    assert argument_test([[("a", {"b": 1})]] * 2, [False, True], ["s", "t"]).result.p is None
    with pytest.raises(ValueError, match="ks or cvm"):
        argument_test([], [], [], numbers="t")
