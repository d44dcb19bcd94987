"""Optional witnesses, computed outside the core: a detector, or the similarity of the call and the text that explains it.

Weak on purpose. They count only where a text from outside has to do with the call, and never decide alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from remit.core.classify.classification import Class, Evidence
from remit.core.classify.known import Opinion
from remit.core.notice import visible

TELLING = 0.5


def of_opinions(opinions: Sequence[Opinion]) -> list[Evidence]:
    """One piece of evidence for each opinion; below `TELLING` it speaks for neither side."""
    return [_evidence(one) for one in opinions]


def strongest(opinions: Sequence[Opinion]) -> float:
    """The highest score; 0 where nobody was asked."""
    return max((min(1.0, max(0.0, one.score)) for one in opinions), default=0.0)


def _evidence(one: Opinion) -> Evidence:
    kind = "content.similarity" if one.kind == "similarity" else "content.detector"
    name = visible(f"{one.name} {one.version}", 80)
    facts = {"name": visible(one.name, 60), "version": visible(one.version, 60)}
    towards = Class.SECURITY if one.score >= TELLING else None
    return Evidence(kind, towards, min(1.0, max(0.0, one.score)), f"{name} says {one.score:.2f}", facts)
