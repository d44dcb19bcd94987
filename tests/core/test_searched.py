"""A list of texts finds what a look at every single one finds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core import searched
from remit.core.provenance import ORIGINS_PER_SOURCE, SessionText
from remit.core.searched import Joined, Searched, Texts
from remit.core.text import runs
from remit.core.types import Label, Role, Segment

WORDS = st.lists(st.sampled_from(["a", "b", "o-1", "o-12", "12", "1", "bob@x.example", ",", "'"]), max_size=8)


@pytest.mark.parametrize(("most", "few"), [(0, 0), (2, 0), (512, 0), (2, 5), (512, 64)])
@given(texts=st.lists(WORDS.map(" ".join), max_size=12), value=WORDS.map(" ".join))
def test_texts_that_have_all_runs_of_a_value_are_found_whatever_their_length(
    most: int, few: int, texts: Sequence[str], value: str
) -> None:
    before = searched.MOST_RUNS, searched.FEW
    searched.MOST_RUNS, searched.FEW = most, few
    try:
        kept = Texts()
        for place, text in enumerate(texts):
            kept.add(Searched(place, text))
            list(kept.having(runs(value)))
        found = [text.place for text in kept.having(runs(value))]
    finally:
        searched.MOST_RUNS, searched.FEW = before

    assert found == [n for n, text in enumerate(texts) if set(runs(text)) >= set(runs(value))]


@given(texts=st.lists(WORDS.map("".join), max_size=12), piece=WORDS.map("".join), chunk=st.integers(1, 40))
def test_the_first_text_with_a_piece_is_found_also_across_chunks(
    texts: Sequence[str], piece: str, chunk: int
) -> None:
    before, searched._CHUNK = searched._CHUNK, chunk
    try:
        joined = Joined()
        joined._size = chunk
        asked = []
        for place, text in enumerate(texts):
            joined.add(place, text)
            asked.append(joined.first(piece))
    finally:
        searched._CHUNK = before

    expected = [
        next((n for n, t in enumerate(texts[: at + 1]) if piece in t), None) for at in range(len(texts))
    ]
    assert asked == expected


def test_a_value_that_stands_everywhere_has_the_earliest_origins_of_each_source() -> None:
    text = SessionText()
    for index in range(300):
        text.append(Segment(index, Role.TOOL, f"tool{index % 2}", f"order 7 of page {index}", Label()))

    assert [one.segment for one in text.origins(7)] == list(range(2 * ORIGINS_PER_SOURCE))


def test_a_value_that_was_asked_late_keeps_the_origins_from_before() -> None:
    text = SessionText()
    text.append(Segment(0, Role.TOOL, "look", "its owner is bob@corp.example", Label()))
    for index in range(1, 300):
        text.append(
            Segment(index, Role.TOOL, "look", f"page {index}", Label()), echo=[{"page": f"p-{index}"}]
        )
    text.append(
        Segment(300, Role.TOOL, "mail", "sent to bob@corp.example", Label()),
        echo=[{"to": "bob@corp.example"}],
    )

    assert [one.segment for one in text.origins("bob@corp.example")] == [0]
