import random

from remit.core.stats.looks import BASE, looks
from remit.core.stats.rate_ratio import rate_ratio_p


def test_the_shares_of_all_looks_add_up_to_the_level() -> None:
    found = [look.share for look in looks(400, 10**12)]

    assert 0.999 < sum(found) <= 1.0


def test_looks_that_were_due_stay_when_more_comes_in() -> None:
    early, late = list(looks(100, 60)), list(looks(100, 1000))

    assert late[: len(early)] == early
    assert [look.size for look in early] == [13, 25, 50]


def test_a_look_is_due_with_the_last_of_its_size() -> None:
    assert [[look.size for look in looks(100, after)] for after in (12, 13, 24, 25)] == [
        [],
        [13],
        [13],
        [13, 25],
    ]


def test_a_long_time_before_does_not_put_off_the_first_look() -> None:
    assert next(looks(100_000, 1000)).size == BASE // 8


def test_nothing_before_still_gives_looks_of_distinct_sizes() -> None:
    sizes = [look.size for look in looks(1, 10)]

    assert sizes == sorted(set(sizes))


def test_who_looks_after_every_session_is_fooled_no_more_often_than_the_level_says() -> None:
    draw, level, fooled, naive = random.Random(1), 0.05, 0, 0
    for _ in range(400):
        before = sum(draw.random() < 0.05 for _ in range(100))
        after = [draw.random() < 0.05 for _ in range(300)]
        seen = [rate_ratio_p(before, 100, sum(after[:n]), n) for n in range(1, 301)]
        naive += min(seen) <= level
        fooled += any(seen[look.size - 1] <= level * look.share for look in looks(100, 300))

    assert fooled / 400 <= level
    assert naive / 400 > 2 * level
