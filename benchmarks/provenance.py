"""What provenance costs: `python -m benchmarks.provenance`.

A session of 100 KB in pieces of 2 KB; one decision traces five leaves: a hit early and late, a miss, a number
and a short identifier that occurs often inside other tokens. Median and 99th percentile of CPU time.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

from remit.core.provenance import SessionText, trace
from remit.core.types import Label, Role, Segment

_WORDS = (
    *("invoice", "meeting", "project", "account", "please", "transfer", "budget", "report", "from", "with"),
    *("the", "and", "for", "about", "schedule", "review", "2024-05-15", "10:30", "1,250.00"),
    *("bob.smith@corp.example", "https://corp.example/a?id=17", "GB29NWBK60161331926819"),
)


def _paragraph(draw: random.Random, size: int) -> str:
    words: list[str] = []
    length = 0
    while length < size:
        words.append(draw.choice(_WORDS) + draw.choice(["", "", str(draw.randrange(99)), ","]))
        length += len(words[-1]) + 1
    return " ".join(words)


def _cpu_us(action: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median and 99th percentile in microseconds."""
    times = []
    for _ in range(repeats):
        before = time.thread_time_ns()
        action()
        times.append((time.thread_time_ns() - before) / 1000)
    return statistics.median(times), sorted(times)[int(len(times) * 0.99)]


def main() -> None:
    """Print one line per operation."""
    draw = random.Random(7)
    texts = [_paragraph(draw, 2048) for _ in range(50)]
    texts[3] += " to carol.jones@corp.example today"
    texts[45] += " amount 73100.00 for order O-88123"
    label = Label()
    segments = [Segment(i, Role.TOOL, f"tool{i % 7}", text, label) for i, text in enumerate(texts)]

    def session() -> SessionText:
        text = SessionText()
        for segment in segments:
            text.append(segment, echo=({"query": f"q{segment.index}"},))
        return text

    full = session()
    args = {
        "to": "carol.jones@corp.example",
        "order": "O-88123",
        "amount": 73100,
        "bcc": "nobody@evil.example",
        "note": "GB29",
    }
    fresh = SessionText()
    print(f"{'what':38} {'median us':>10} {'p99 us':>8}")
    for name, action, repeats in (
        ("append 2 KB", lambda: fresh.append(segments[0], echo=({"query": "q"},)), 500),
        ("trace 5 leaves, 100 KB seen", lambda: trace(args, full, frozenset()), 500),
        ("trace '1' and 'a1', 100 KB seen", lambda: trace({"a": 1, "b": "a1"}, full, frozenset()), 200),
    ):
        median, tail = _cpu_us(action, repeats)
        print(f"{name:38} {median:10.1f} {tail:8.1f}")


if __name__ == "__main__":
    main()
