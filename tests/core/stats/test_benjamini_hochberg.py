import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.stats.benjamini_hochberg import benjamini_hochberg
from remit.core.stats.holm import holm


def test_the_fifteen_p_values_of_the_paper_give_its_four_findings() -> None:
    # Benjamini and Hochberg (1995), section 3: at q = .05 they find four where Bonferroni finds three.
    heart = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
    ]
    heart += [0.7590, 1.0000]

    assert sum(p <= 0.05 for p in benjamini_hochberg(heart)) == 4
    assert sum(p * 15 <= 0.05 for p in heart) == 3


def test_corrected_values_agree_with_scipy() -> None:
    # false_discovery_control of scipy 1.17.
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005, 0.2, 0.2, 0.0001, 0.9]) == pytest.approx(
        [0.026666666666666665, 0.064, 0.06, 0.02, 0.22857142857142856, 0.22857142857142856, 0.0008, 0.9]
    )


@given(st.lists(st.floats(0, 1), max_size=12))
def test_it_lies_between_no_correction_and_holms(p_values: list[float]) -> None:
    corrected = benjamini_hochberg(p_values)

    assert all(a >= b * (1 - 1e-12) for a, b in zip(corrected, p_values, strict=True))
    assert all(a <= b + 1e-12 for a, b in zip(corrected, holm(p_values), strict=True))
