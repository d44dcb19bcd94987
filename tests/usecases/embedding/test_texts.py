import pytest

from remit.core.errors import BadInput
from remit.usecases.embedding.texts import embed_texts


class Given:
    """An embedder that gives what it was given, and remembers what it was asked."""

    name, version = "given", "1"

    def __init__(self, rows=None) -> None:
        self.rows = rows
        self.asked: list[str] = []

    def embed(self, texts):
        self.asked += texts
        return [[float(len(text)), 1.0] for text in texts] if self.rows is None else self.rows


def test_equal_texts_are_embedded_once() -> None:
    own = Given()

    found = embed_texts(["a", "bb", "a"], own)

    assert own.asked == ["a", "bb"]
    assert found.vectors == {"a": (1.0, 1.0), "bb": (2.0, 1.0)}
    assert embed_texts([], Given()).vectors == {}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([[1.0]], "1 vectors for 2 texts"),
        ([[1.0], [1.0, 2.0]], "length \\[1, 2\\]"),
        ([[], []], "length \\[0\\]"),
        ([[float("nan")], [1.0]], "not finite"),
        ([[float("inf")], [1.0]], "not finite"),
        ([[1e308], [1.0]], "beyond 1e\\+100"),
        ([["x"], [1.0]], "no vectors"),
        ([1, 2], "no vectors"),
        ([[10**400], [1.0]], "no vectors"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_embedders_name(rows, told: str) -> None:
    with pytest.raises(BadInput, match=f"embedder given: .*{told}"):
        embed_texts(["a", "b"], Given(rows))


def test_vectors_of_different_embedders_are_not_compared() -> None:
    one, other, newer = (embed_texts([text], Given()) for text in "abc")
    object.__setattr__(newer, "version", "2")

    assert set(one.beside(other).vectors) == {"a", "b"}
    with pytest.raises(
        BadInput, match=r"by given \(1\), the other by given \(2\); embed both sides with the same one"
    ):
        one.beside(newer)
