from math import comb

import pytest

from remit.core.stats.mcnemar import mcnemar_p, mcnemar_worse_p


def test_changes_agree_with_statsmodels() -> None:
    # mcnemar(..., exact=True) of statsmodels 0.15.
    assert mcnemar_p(3, 6) == pytest.approx(0.5078125)
    assert mcnemar_p(40, 15) == pytest.approx(0.0010158471941252854)
    assert mcnemar_p(900, 800) == pytest.approx(0.016320682494448686)


def test_the_tail_is_counted_as_by_hand() -> None:
    # Six changes, five of them losses: (6 + 1) of 64 ways have five or six.
    assert mcnemar_worse_p(5, 1) == 7 / 64
    assert mcnemar_p(5, 1) == mcnemar_p(1, 5) == 14 / 64
    assert mcnemar_worse_p(1, 5) == 63 / 64


def test_no_change_is_no_surprise() -> None:
    assert mcnemar_p(0, 0) == mcnemar_worse_p(0, 0) == mcnemar_p(4, 4) == 1.0


def test_many_changes_lose_no_digits() -> None:
    exact = sum(comb(1_200, k) for k in range(640, 1_201)) / 2**1_200

    assert mcnemar_worse_p(640, 560) == pytest.approx(exact)
    assert mcnemar_worse_p(0, 5_000) == 1.0


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="no counts"):
        mcnemar_p(-1, 3)
