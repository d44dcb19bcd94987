"""What the world did is nobody's failure, and what the agent did is: no number that it says may excuse it but these."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from remit.core.errors import Unavailable
from remit.usecases.trials.infrastructure import LONGEST_WAIT_S, told, wait_before, world_failed


class ClientError(Exception):
    """As clients of models raise them: with a number beside the words."""

    def __init__(self, **said: Any) -> None:
        super().__init__("no")
        self.__dict__.update(said)


class Silent(Exception):
    """One whose words and numbers cannot be asked for."""

    @property
    def status_code(self) -> int:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("name", ["status_code", "status", "code", "response"])
def test_a_limit_or_a_gateway_that_is_down_is_the_worlds_failure(name: str, status: int) -> None:
    said = SimpleNamespace(status_code=status) if name == "response" else status

    assert world_failed(ClientError(**{name: said}))


@pytest.mark.parametrize("status", [0, 1, 200, 400, 401, 404, 422, 500, 501, 505, "503", None, True, 503.5])
@pytest.mark.parametrize("name", ["status_code", "status", "code", "response"])
def test_any_other_answer_is_the_agents_own(name: str, status: object) -> None:
    said = SimpleNamespace(status_code=status) if name == "response" else status

    assert not world_failed(ClientError(**{name: said}))


def test_an_error_that_cannot_be_asked_is_the_agents_own_and_still_told() -> None:
    assert not world_failed(Silent())
    assert told(Silent()) == "Silent"


def test_the_wait_doubles_is_as_long_as_was_asked_for_and_has_a_bound() -> None:
    assert [wait_before(attempt, ValueError()) for attempt in (2, 3, 4, 5)] == [0.5, 1.0, 2.0, 4.0]
    assert wait_before(2, ValueError(), first_s=0.0) == 0.0
    assert wait_before(2, Unavailable("", 0.1)) == 0.5
    assert wait_before(2, Unavailable("", 3600.0)) == wait_before(60, ValueError()) == LONGEST_WAIT_S
