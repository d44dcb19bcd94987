"""Did the model say that it follows that instruction? Its own words, as far as they were observed."""

from __future__ import annotations

from collections.abc import Sequence

from remit.core.classify import words as w
from remit.core.classify.explanation import Analysed, ContentExplanation
from remit.core.classify.spans import words_in
from remit.core.types import Segment

LATEST = 4
"""Messages of the model before the call that are read."""
ENOUGH = 0.35
"""Share of the instruction's own words from which on the overlap is complete."""


def overlap(explanation: ContentExplanation, reasoning: Sequence[Segment], trusted: Analysed) -> float:
    """How much of what only the instruction says the model repeated before it called, 0 to 1."""
    if explanation.span is None or explanation.segment is None:
        return 0.0
    after = [s for s in reasoning if s.index > explanation.segment.index][-LATEST:]
    if not after:
        return 0.0
    own = {word for word in explanation.span.words if len(word) > 3 and word not in w.EMPTY}
    for _, analysis in trusted:
        own -= analysis.words
    if len(own) < 3:
        return 0.0
    said: set[str] = set()
    for segment in after:
        said |= words_in(segment.text)
    return min(1.0, len(own & said) / len(own) / ENOUGH)
