"""A model for the demo's tests: it says what a list says, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from remit.demo.agent import compact
from remit.demo.model import Message, ModelFailed, Schema


def says(tool: str, **args: Any) -> str:
    return compact({"thought": f"I use {tool}.", "tool": tool, "args": args})


class ScriptedModel:
    """Says *texts* in order, then fails."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = list(texts)
        self.seen: list[list[Message]] = []

    def reply(
        self, messages: Sequence[Message], schema: Schema, seed: int, temperature: float
    ) -> tuple[str, int]:
        self.seen.append(list(messages))
        if not self.texts:
            raise ModelFailed("the script is over")
        return self.texts.pop(0), 10


@pytest.fixture(name="says")
def _says():
    """One reply of the model: a thought and a call."""
    return says


@pytest.fixture
def scripted():
    """A model that says the given texts in order, then fails."""
    return ScriptedModel
