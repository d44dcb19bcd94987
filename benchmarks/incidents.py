"""How often each team is told and woken, with the breaker's trips and with people who answer: recorded sessions.

    REMIT_DATA=path/to/data python -m benchmarks.incidents

For each suite (one agent) and envelope, sessions are drawn with replacement and arrive by a Poisson process. What a
clause refuses or flags is classified as it comes and put into incidents of a real store, whose clock is the arrivals';
the breaker's rule is run over the same violations, and its trips join. Refused calls do not run, since the envelope
enforces. A held call counts where content explains it, and again where a person rejects it: those in attacked sessions
that the user's own task does not need. Whoever is woken resolves the incident an hour later; nobody touches the others,
which end when they are quiet.

Three streams: sessions without an attack; the same with one session in a hundred attacked; attacked sessions only.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks.agentdojo import ENVELOPES, SUITES, ground_truth, sessions
from benchmarks.classify import group_of, users_truth
from remit.core.alert import Action, Urgency
from remit.core.breaker import Window, trip_weight
from remit.core.classify.case import HELD, Case
from remit.core.classify.classification import Classification
from remit.core.classify.combine import classify
from remit.core.envelope import Envelope
from remit.core.incident import BREAKER, incident_key
from remit.core.incident_signals import Signal
from remit.core.selftest import load_envelope
from remit.core.types import Severity
from remit.store.incidents import IncidentChange, Incidents
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore
from remit.usecases.cases import cases_of
from remit.usecases.replay import replay_session

Found = tuple[Case, Classification]
RATES_PER_HOUR = (10, 1000)
DRAWN = 2000
"""Sessions of each stream."""
ATTACKED = {"no attack": 0.0, "1 in 100 attacked": 0.01, "all attacked": 1.0}
RESOLVED_AFTER_S = 3600.0
POINTS = {"balanced": "", "strict": "-strict"}


@dataclass
class Agent:
    """One suite under one envelope: what each of its sessions gives rise to."""

    envelope: Envelope
    benign: list[list[Found]] = field(default_factory=list)
    attacked: list[list[Found]] = field(default_factory=list)


@dataclass
class Day:
    """A store whose clock is the stream's, the breaker over it, and what was told."""

    store: SqliteStore
    clock: list[float]
    envelope: Envelope
    told: Counter[str] = field(default_factory=Counter)
    log: list[tuple[float, Severity, bool]] = field(default_factory=list)
    begun: float = float("-inf")
    woken: dict[str, float] = field(default_factory=dict)

    def session(self, at: float, number: int, found: Sequence[Found]) -> None:
        """One session arrives."""
        self.people(at)
        self.clock[0] = at
        some = [self.named(at, number, one) for one in found]
        self.file(some, self.trip(at, number, [case for case, _ in some]))

    def named(self, at: float, number: int, found: Found) -> Found:
        case, said = found
        name = f"{number}:{case.anomaly}"
        return replace(case, anomaly=name, session=f"{number}:{case.session}", at=at), replace(
            said, anomaly=name
        )

    def trip(self, at: float, number: int, cases: Sequence[Case]) -> Signal | None:
        """Whether the breaker trips with these; it starts anew after each trip, as `core.breaker.trips_of` does."""
        rule = self.envelope.breaker
        for case in cases:
            if case.kind not in ("infrastructure", HELD):
                slip = case.severity is Severity.LOW and not case.ran
                self.log.append((at, case.severity, slip))
        self.log = [one for one in self.log if one[0] > max(self.begun, at - rule.window_s)]
        counts = Counter(severity for _, severity, _ in self.log)
        weight = trip_weight(rule, Window(counts, slips=sum(slip for *_, slip in self.log)))
        if not self.log or (weight < rule.threshold and not counts[Severity.CRITICAL]):
            return None
        self.begun = at
        key = incident_key("default", cases[0].agent if cases else "", BREAKER, "", "", "")
        return (
            Signal(f"trip:{number}", BREAKER, "default", cases[0].agent, at, key, pages="trip")
            if cases
            else None
        )

    def file(self, found: Sequence[Found], trip: Signal | None) -> None:
        if not found:
            return

        def work(tx: object) -> list[IncidentChange]:
            with Incidents(tx) as desk:  # type: ignore[arg-type]
                for case, said in found:
                    desk.absorb(case, said)
                if trip is not None:
                    desk.receive(trip, [case.session for case, _ in found])
            return desk.changes

        self.hear(self.store.transact_now(work))

    def people(self, until: float) -> None:
        """What is quiet ends; whoever was woken resolves it, an hour later."""

        def work(tx: object) -> list[IncidentChange]:
            with Incidents(tx) as desk:  # type: ignore[arg-type]
                desk.end_quiet()
            return desk.changes

        def resolve(tx: object, name: str) -> list[IncidentChange]:
            with Incidents(tx) as desk:  # type: ignore[arg-type]
                desk.resolve(name, None, "on call", "looked at")
            return desk.changes

        for name, due in sorted(self.woken.items(), key=lambda one: one[1]):
            if due <= until:
                self.clock[0] = due
                del self.woken[name]
                self.hear(self.store.transact_now(partial(resolve, name=name)))
        self.clock[0] = until
        self.hear(self.store.transact_now(work))

    def hear(self, changes: Sequence[IncidentChange]) -> None:
        for change in changes:
            for one in change.told:
                self.told[f"{one.team.value} told"] += one.action is not Action.RESOLVE
                if one.action is Action.TRIGGER and one.urgency is Urgency.PAGE:
                    self.told[f"{one.team.value} woken"] += 1
                    self.woken.setdefault(change.after.id, self.clock[0] + RESOLVED_AFTER_S)
            self.told["incidents"] += change.before is None


def agents(data: Path, limit: int) -> Mapping[tuple[str, str], Agent]:
    """What every session gives rise to, classified once."""
    found = {
        (suite, point): Agent(
            load_envelope((ENVELOPES / f"agentdojo-{suite}{suffix}.yaml").read_text(encoding="utf-8"), suite)
        )
        for suite in SUITES
        for point, suffix in POINTS.items()
    }
    attacks, users = ground_truth(data), users_truth(data)
    seen = Counter[tuple[str, bool]]()
    for session in sessions(data / "agentdojo_runs"):
        attack = session.extra["attack"] is not None
        seen[session.suite, attack] += 1
        if limit and seen[session.suite, attack] % limit:
            continue
        for point in POINTS:
            agent = found[session.suite, point]
            cases = cases_of(replay_session(session, agent.envelope), session.suite)
            told = []
            for one in cases:
                found_so = classify(one)
                told.append((replace(one, ran=one.kind == "flagged"), found_so))
                if one.kind == HELD and attack and group_of(session, one, attacks, users) != "own":
                    no = replace(one, anomaly=f"{one.anomaly}.no", kind="rejected", ran=False)
                    told.append((no, replace(found_so, anomaly=no.anomaly)))
            (agent.attacked if attack else agent.benign).append(told)
    return found


def stream(agent: Agent, share: float, per_hour: float, seed: int) -> Counter[str]:
    """What is told while `DRAWN` sessions arrive."""
    rng, clock = random.Random(seed), [0.0]
    with (
        tempfile.TemporaryDirectory() as home,
        SqliteStore.open(None, home=Path(home), extensions=EXTENSIONS, clock=lambda: clock[0]) as store,
    ):
        day, at = Day(store, clock, agent.envelope), 1_000_000.0
        for number in range(DRAWN):
            at += rng.expovariate(per_hour / 3600.0)
            some = agent.attacked if rng.random() < share else agent.benign
            day.session(at, number, rng.choice(some))
        return day.told


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.incidents", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", default=os.environ.get("REMIT_DATA", ""), help="folder, or REMIT_DATA")
    parser.add_argument("--every", type=int, default=0, metavar="N", help="only each N-th session of a suite")
    options = parser.parse_args()
    data = Path(options.data)
    if not options.data or not (data / "agentdojo_runs").is_dir():
        print("skipped: no recorded sessions; give --data or REMIT_DATA, a folder that holds agentdojo_runs/")
        return 0
    tell(agents(data, options.every))
    return 0


KEYS = ("incidents", "security told", "security woken", "sre told", "sre woken")


def tell(known: Mapping[tuple[str, str], Agent]) -> None:
    """The table, each agent apart, and then from the least to the most of them."""
    print(
        f"per 1,000 sessions of one agent, {DRAWN} drawn, Poisson arrivals; woken incidents are resolved after an hour;"
        " messages that end an incident are left out"
    )
    print(f"{'sessions':18} {'an hour':>8} {'agent':19} {'  '.join(f'{key:>14}' for key in KEYS)}")
    ranges = []
    for rate in RATES_PER_HOUR:
        for name, share in ATTACKED.items():
            found = []
            for (suite, point), agent in known.items():
                told = stream(agent, share, rate, 20261123)
                found.append([told[key] * 1000 / DRAWN for key in KEYS])
                shown = "  ".join(f"{n:14.1f}" for n in found[-1])
                print(f"{name:18} {rate:8} {suite + ' ' + point:19} {shown}", flush=True)
            least, most = ([pick(column) for column in zip(*found, strict=True)] for pick in (min, max))
            shown = "  ".join(f"{f'{a:.1f} to {b:.1f}':>14}" for a, b in zip(least, most, strict=True))
            ranges.append(f"{name:18} {rate:8} {'all agents':19} {shown}")
    print("\n".join(ranges))


if __name__ == "__main__":
    sys.exit(main())
