"""What other plugins do once for a test is done for each of its runs.

pytest-randomly gives every test the same random numbers each time that it is set up: all runs of an agent that draws from
`random` would be one run, and twenty of it look like evidence. pytest-timeout has one timer around a whole test: the
run in which it goes off would fail for what the runs before it took.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from remit.testing.plugin import TIMER

_RESEEDS = "randomly_reset_seed"
"""The option of pytest-randomly that says whether it sets seeds at all."""


class EachRun:
    """What is done before each run of *item*."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._timer: Any = item.stash.get(TIMER, None)
        """Of pytest-timeout, where it goes on around this test."""
        self._reseeds = bool(item.config.getoption(_RESEEDS, False))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While runs go on, nobody else sets seeds."""
        if not self._reseeds:
            yield
            return
        option = self._item.config.option
        setattr(option, _RESEEDS, False)
        try:
            yield
        finally:
            setattr(option, _RESEEDS, True)

    def begins(self, seed: int) -> None:
        """A run with *seed* begins."""
        hooks = self._item.ihook
        if self._timer is not None:
            hooks.pytest_timeout_cancel_timer(item=self._item)
            hooks.pytest_timeout_set_timer(item=self._item, settings=self._timer)
        if self._reseeds:
            random.seed(seed)
            if "numpy.random" in sys.modules:
                sys.modules["numpy.random"].seed(seed % 2**32)
