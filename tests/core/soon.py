"""A guard against work that grows faster than its input, which no busy machine can trip."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def soon(limit_s: float = 5.0) -> Iterator[None]:
    """What is done inside takes at most so much time of this thread, whatever else the machine does meanwhile.

    Args:
        limit_s: thirty times what it takes, or more; what it guards against takes minutes.
    """
    began = time.thread_time()
    yield
    assert time.thread_time() - began < limit_s
