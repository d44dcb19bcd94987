import numpy as np
import pytest

from remit.core.stats.paired_bets import BETS, PairedBets

MARGIN = 0.05


def test_capital_is_that_of_every_bet_on_every_pair() -> None:
    seen, sides = (
        PairedBets(),
        [(True, False)] * 3 + [(True, True)] * 5 + [(False, True)] * 2 + [(False, False)],
    )
    worse, fine = [1.0] * len(BETS), [1.0] * len(BETS)
    for baseline, candidate in sides:
        seen = seen.step(baseline, candidate)
        d = candidate - baseline
        worse = [capital * (1 - bet * d) for capital, bet in zip(worse, BETS, strict=True)]
        fine = [c * (1 + bet / (1 - MARGIN) * (d + MARGIN)) for c, bet in zip(fine, BETS, strict=True)]

    assert (seen.lost, seen.won, seen.same, seen.pairs) == (3, 2, 6, 11)
    assert seen.e_worse() == pytest.approx(sum(worse) / len(BETS))
    assert seen.e_not_worse(MARGIN) == pytest.approx(sum(fine) / len(BETS))


def test_two_losses_give_the_capital_counted_by_hand() -> None:
    assert PairedBets(lost=2).e_worse() == pytest.approx(
        (1.05**2 + 1.1**2 + 1.2**2 + 1.3**2 + 1.45**2 + 1.6**2 + 1.75**2 + 1.9**2) / 8
    )


def test_the_interval_holds_what_the_bets_have_not_ruled_out() -> None:
    low, high = PairedBets(lost=21, won=30, same=149).interval()

    assert PairedBets(21, 30, 149).e_not_worse(-low) == pytest.approx(40, rel=1e-6)
    assert low < 0.045 < high
    assert PairedBets().interval() == (-1.0, 1.0)


def test_capital_can_be_larger_than_any_float() -> None:
    assert PairedBets(lost=10_000).e_worse() > 1e300
    assert PairedBets(won=100_000).e_worse() == 0.0


@pytest.mark.parametrize(
    ("discordance", "difference"),
    [(0.12, 0.0), (0.06, -0.05), (0.25, -0.05)],
    ids=["no worse", "worse", "varied"],
)
def test_looked_at_after_every_pair_a_false_claim_is_rarely_proven(
    discordance: float, difference: float
) -> None:
    # Worse is false at 0; "no worse by 5 points" is false at -.05.
    crossed, runs, pairs = 0, 400, 800
    draws = np.random.default_rng(11).random((runs, pairs))
    d = np.where(draws < (discordance - difference) / 2, -1, np.where(draws < discordance, 1, 0))
    lost, won = np.cumsum(d < 0, axis=1), np.cumsum(d > 0, axis=1)
    for run in range(runs):
        # It can only come to be proven where a pair changed.
        for at in np.flatnonzero(d[run]):
            seen = PairedBets(
                int(lost[run, at]), int(won[run, at]), int(at + 1 - lost[run, at] - won[run, at])
            )
            e = seen.e_worse() if difference == 0 else seen.e_not_worse(MARGIN)
            if e >= 20:
                crossed += 1
                break

    assert crossed / runs < 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_a_drop_of_ten_points_is_found_within_the_published_number_of_pairs() -> None:
    # Simulated before: 86 pairs on average at discordance .12 and a drop of 10 points, whichever is proven first.
    rng, stops = np.random.default_rng(4), []
    for _ in range(150):
        seen = PairedBets()
        for draw in rng.random(3_000):
            seen = PairedBets(
                seen.lost + (draw < 0.11), seen.won + (0.11 <= draw < 0.12), seen.same + (draw >= 0.12)
            )
            if seen.e_worse() >= 20 or seen.e_not_worse(MARGIN) >= 20:
                break
        assert seen.e_worse() >= 20
        stops.append(seen.pairs)

    assert np.mean(stops) == pytest.approx(86, rel=0.15)
