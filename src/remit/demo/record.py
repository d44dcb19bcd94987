"""Record real sessions of the model.

    python -m remit.demo.record unguarded COUNT FILE    sessions with nothing between model and tools
    python -m remit.demo.record demo FILE               both arms of the demo

Run it again when prompt, cases, tools or envelope change: recorded replies belong to the conversation that
led to them, and to no other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from remit.demo.model import LocalModel
from remit.demo.recordings import RecordingModel, session_line, write
from remit.demo.run import demo_guard, prepared
from remit.demo.sessions import counting, demo_pairs, guarded, unguarded
from remit.demo.shop import ShopRequest


def unguarded_sessions(pairs: Iterable[tuple[ShopRequest, int]]) -> Iterator[dict[str, Any]]:
    """Sessions with nothing between the model and the tools."""
    with LocalModel() as local:
        model = RecordingModel(local)
        for case, seed in pairs:
            yield session_line(unguarded(model, case, seed), "unguarded", model.taken())


def guarded_sessions(pairs: Iterable[tuple[ShopRequest, int]]) -> Iterator[dict[str, Any]]:
    """Sessions under the demo's envelope, all on one fresh store."""
    with LocalModel() as local, TemporaryDirectory() as folder:
        model = RecordingModel(local)
        with demo_guard(prepared(Path(folder) / "demo")) as guard:
            for case, seed in pairs:
                yield session_line(guarded(model, case, seed, guard), "guarded", model.taken())


def main(arguments: list[str]) -> int:
    """Write the sessions asked for and say how many there are."""
    match arguments:
        case ["unguarded", count, path]:
            sessions = list(unguarded_sessions(counting(int(count))))
        case ["demo", path]:
            sessions = [*unguarded_sessions(demo_pairs()), *guarded_sessions(demo_pairs())]
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    write(Path(path), sessions)
    sys.stdout.write(f"{len(sessions)} sessions in {path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
