"""A model for the demo's tests: it says what a list says, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from remit.core.types import JsonSchema
from remit.demo import model as demo_model
from remit.demo.agent import compact
from remit.demo.model import Message, ModelFailed


def says(tool: str, **args: Any) -> str:
    return compact({"thought": f"I use {tool}.", "tool": tool, "args": args})


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    """The real model may take as long as a busy machine needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_model, "START_WITHIN_S", 600.0)
        patch.setattr(demo_model, "REPLY_WITHIN_S", 600.0)
        yield


class ScriptedModel:
    """Says *texts* in order, then fails."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = list(texts)
        self.seen: list[list[Message]] = []

    def reply(
        self, messages: Sequence[Message], schema: JsonSchema, seed: int, temperature: float
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
