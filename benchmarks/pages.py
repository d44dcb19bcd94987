"""How many messages and pages each team gets for 1,000 sessions.

    REMIT_DATA=path/to/data python -m benchmarks.pages

Recorded AgentDojo sessions are judged by the balanced envelopes and classified as a stream. Each anomaly is filed under
an incident in a real store, whose clock says how many sessions an hour come in. Refused calls did not run. A held call
is no anomaly, and files an incident only where content explains it. Trips of the breaker are measured by
`python -m benchmarks.benign`.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.agentdojo import ENVELOPES, SUITES, sessions
from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Team
from remit.core.recorded import RecordedSession
from remit.core.selftest import load_envelope
from remit.store.incidents import Incidents
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.usecases.classify_sessions import Classified, Judging, classified, judged

RATES_PER_H = (100, 10_000)
BEGAN = 1_800_000_000.0
SEED = 5


class Filed:
    """Incidents of one stream, in a store of its own."""

    def __init__(self, folder: Path, per_h: int) -> None:
        self._between_s = 3600.0 / per_h
        self.now = BEGAN
        self.told: Counter[tuple[Team, str]] = Counter()
        self.incidents = 0
        self._store = SqliteStore.open(
            folder / "pages.db", home=folder / "home", extensions=EXTENSIONS, clock=lambda: self.now
        )

    def add(self, one: Classified) -> None:
        self.now = max(self.now, BEGAN + one.case.at * self._between_s)
        case = replace(one.case, at=self.now)

        def work(tx: Transaction) -> None:
            with Incidents(tx) as desk:
                desk.absorb(case, one.found)
            self._count(desk)

        self._store.transact_now(work)

    def end(self) -> None:
        self.now += 30 * 86_400.0

        def work(tx: Transaction) -> None:
            with Incidents(tx) as desk:
                desk.end_quiet()
            self._count(desk)

        self._store.transact_now(work)
        self._store.close()

    def _count(self, desk: Incidents) -> None:
        for change in desk.changes:
            self.incidents += change.before is None
            for one in change.told:
                self.told[one.team, "messages"] += 1
                woken = one.action is Action.TRIGGER and one.urgency is Urgency.PAGE
                self.told[one.team, "pages"] += woken


def run(name: str, stream: Sequence[RecordedSession], found: Sequence[Classified], per_h: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        filed = Filed(Path(folder), per_h)
        anomalies = len(found)
        for one in found:
            filed.add(one)
        filed.end()
    per = 1000 / len(stream)
    line = f"{name:34} {len(stream):8d} {anomalies * per:10.1f} {filed.incidents * per:10.1f}"
    for team in (Team.SECURITY, Team.SRE):
        line += "".join(f" {filed.told[team, what] * per:10.1f}" for what in ("messages", "pages"))
    print(line, flush=True)


HEADER = (
    f"{'':34} {'sessions':>8} {'anomalies':>10} {'incidents':>10} {'security':>10} {'its pages':>10} {'sre':>10}"
    f" {'its pages':>10}\n{'':34} {'':8} {'per 1,000 sessions':>21}"
)


def main() -> int:
    """Print messages and pages of both teams."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages")
    parser.add_argument("--data", default=os.environ.get("REMIT_DATA", ""), help="folder, or REMIT_DATA")
    options = parser.parse_args()
    data = Path(options.data) / "agentdojo_runs"
    if not options.data or not data.is_dir():
        print("skipped: no recorded sessions; give --data or REMIT_DATA, a folder that holds agentdojo_runs/")
        return 0
    files = {suite: (ENVELOPES / f"agentdojo-{suite}.yaml") for suite in SUITES}
    by = Judging(
        {suite: load_envelope(file.read_text(encoding="utf-8"), file.name) for suite, file in files.items()}
    )
    everything = list(sessions(data))
    random.Random(SEED).shuffle(everything)
    benign = [one for one in everything if one.extra["attack"] is None]
    few = benign + [one for one in everything if one.extra["attack"] is not None][: len(benign) // 50]
    random.Random(SEED).shuffle(few)
    print(HEADER)
    for name, stream in (
        ("no attack", benign),
        ("2 % attacked", few),
        ("as recorded, 86 % attacked", everything),
    ):
        found = list(classified(judged(stream, by), by))
        for per_h in RATES_PER_H:
            run(f"{name}, {per_h:,} an hour", stream, found, per_h)
    return 0


if __name__ == "__main__":
    sys.exit(main())
