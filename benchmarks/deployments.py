"""Is the change that made things worse named, among others, and is nothing named where nothing became worse?

    REMIT_DATA=path/to/data python -m benchmarks.deployments

Deployments are simulated on real sessions: sessions of one version, then of another, each drawn with replacement by
whole sessions until there are at least 800 calls (3,200 as well for the airline, whose sessions are long and seldom
violate anything). Two changes that did nothing are told at random places. Violations and holds are as the example
envelopes see them.

- **models**: an AgentDojo suite's sessions without an attack, one model after another, all ordered pairs. Nobody
  tells the switch; it is seen in the sessions' own `model`.
- **systems**: the same with the systems of tau2-bench, airline.
- **policy**: tau2-bench, base and tightened policy, by model; the switch is told, as a change of the prompt.

Where both sides are one version, whatever is named is a false alarm; the sessions call themselves A and B all the same.
The ratio by which a pair is counted is that of all its sessions; small pools make it coarse. The data are AgentDojo's and
tau2-bench's published runs (MIT licence); they are not part of this project.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, nan
from pathlib import Path
from typing import Any

from benchmarks.agentdojo import ENVELOPES, FACTS, SUITES, interval, sessions
from benchmarks.deployments_power import per_1000, power, unchanged
from remit.core.change import Change, ChangeKind
from remit.core.changes_seen import with_seen
from remit.core.classify.change import ChangeFinding, findings, named
from remit.core.conduct import Conduct
from remit.core.recorded import RecordedSession, read_session
from remit.core.types import Fingerprint, PrincipalKind
from remit.usecases.cases import failure_of
from remit.usecases.conduct_of import conduct_of
from remit.usecases.replay import replay_session
from remit.wiring import read_envelope_file

CALLS = 800
MORE_CALLS = 3200
HIGH = ("3 or more", "never before")
FEWEST = 10
"""Sessions of a pool."""
SAME = 1000
"""Streams in which nothing changes, of each kind."""

Pool = list[Conduct]


@dataclass(frozen=True, slots=True)
class Pair:
    """One version after another."""

    before: Pool
    after: Pool
    kind: ChangeKind
    seen: bool
    """Whether the sessions show it, or it is told."""

    @property
    def ratio(self) -> float:
        """Of violations and holds per call, all sessions of both; infinite where there were none before."""
        (x0, n0), (x1, n1) = _counted(self.before), _counted(self.after)
        if x0 == 0:
            return inf if x1 else nan
        return (x1 / n1) / (x0 / n0)


def _counted(pool: Sequence[Conduct]) -> tuple[int, int]:
    hits = sum(sum(c.violations.values()) + sum(c.holds.values()) for c in pool)
    return hits, sum(c.made for c in pool)


# Pools


def models(data: Path) -> list[Pair]:
    """AgentDojo without attacks, by suite and model; pipelines with a defence are left out."""
    pools: defaultdict[str, defaultdict[str, Pool]] = defaultdict(lambda: defaultdict(list))
    envelopes = {suite: read_envelope_file(ENVELOPES / f"agentdojo-{suite}.yaml") for suite in SUITES}
    for file in sorted((data / "agentdojo_runs").glob("*__none.jsonl.gz")):
        with gzip.open(file) as lines:
            for number, line in enumerate(lines, start=1):
                session = read_session(line, f"{file.name}:{number}")
                model = str(session.extra["model"])
                plain = file.name == f"{model.replace('/', '_')}__none.jsonl.gz"
                if plain and session.steps and not session.extra["attack"] and failure_of(session) is None:
                    session = replace(
                        session, facts=FACTS.get(session.suite, {}), principal_kind=PrincipalKind.OPERATOR
                    )
                    replayed = replay_session(session, envelopes[session.suite])
                    pools[session.suite][model].append(conduct_of(replayed, 0.0))
    return [pair for of_suite in pools.values() for pair in _pairs(of_suite, ChangeKind.MODEL, seen=True)]


def systems(data: Path) -> list[Pair]:
    """tau2-bench's systems, by configuration."""
    pools: defaultdict[str, Pool] = defaultdict(list)
    for session, conduct in _airline(data / "tau2_systems"):
        pools[_meta(session, "config")].append(conduct)
    return _pairs(pools, ChangeKind.MODEL, seen=True)


def policies(data: Path) -> list[Pair]:
    """tau2-bench's base and tightened policy, by model."""
    pools: defaultdict[tuple[str, str], Pool] = defaultdict(list)
    for session, conduct in _airline(data / "tau2_grok_trials"):
        pools[str(session.extra["model"]), _meta(session, "policy_variant")].append(conduct)
    by_model = sorted({model for model, _ in pools})
    found = []
    for model in by_model:
        base, tight = pools[model, "base"], pools[model, "tighter_policy"]
        if min(len(base), len(tight)) >= FEWEST:
            found.append(Pair(base, tight, ChangeKind.PROMPT, seen=False))
    return found


def _airline(folder: Path) -> Iterator[tuple[RecordedSession, Conduct]]:
    envelope = read_envelope_file(ENVELOPES / "tau-airline.yaml")
    for session in sessions(folder):
        session = replace(session, facts={}, principal_kind=PrincipalKind.CUSTOMER)
        yield session, conduct_of(replay_session(session, envelope), 0.0)


def _meta(session: RecordedSession, key: str) -> str:
    meta: Any = session.extra.get("meta") or {}
    return str(meta.get(key))


def _pairs(pools: Mapping[str, Pool], kind: ChangeKind, *, seen: bool) -> list[Pair]:
    large = [pool for pool in pools.values() if len(pool) >= FEWEST and _counted(pool)[1] >= FEWEST]
    return [Pair(one, other, kind, seen) for one in large for other in large if one is not other]


# Streams


def drawn(draw: random.Random, pool: Pool, calls: int) -> Pool:
    """Whole sessions, with replacement, until there are so many calls."""
    found, made = [], 0
    while made < calls:
        found.append(draw.choice(pool))
        made += found[-1].made
    return found


def stream(draw: random.Random, pair: Pair, calls: int) -> tuple[list[Conduct], list[Change]]:
    """The sessions in order, and all changes: the true one, and two that did nothing."""
    before, after = drawn(draw, pair.before, calls), drawn(draw, pair.after, calls)
    cut, found = len(before), list[Conduct]()
    for at, one in enumerate([*before, *after]):
        model = ("A" if at < cut else "B") if pair.seen else None
        fingerprint = Fingerprint(model=model)
        found.append(replace(one, session=f"s{at}", agent="agent", at=float(at), fingerprint=fingerprint))
    told = [
        Change("decoy 1", ChangeKind.CONFIG, float(draw.randrange(1, len(found)))),
        Change("decoy 2", ChangeKind.CODE, float(draw.randrange(1, len(found)))),
    ]
    if not pair.seen:
        told.append(Change("true", pair.kind, float(cut)))
    return found, with_seen(told, found)


def asked(
    draw: random.Random, pair: Pair, calls: int
) -> tuple[list[ChangeFinding], tuple[ChangeFinding, ...]]:
    """All findings about one stream, and those that name a change."""
    conduct, changes = stream(draw, pair, calls)
    found = findings(changes, conduct, once=True)
    return found, named(found)


# The tables


def groups(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Pairs by the ratio of all their sessions."""
    names = ("3 or more", "never before", "1.5 to 3", "1 to 1.5", "below 1", "none at all")
    found: dict[str, list[Pair]] = {name: [] for name in names}
    for pair in pairs:
        ratio = pair.ratio
        if ratio == inf:
            found["never before"].append(pair)
        elif ratio >= 3:
            found["3 or more"].append(pair)
        elif ratio >= 1.5:
            found["1.5 to 3"].append(pair)
        elif ratio >= 1:
            found["1 to 1.5"].append(pair)
        else:
            found["below 1" if ratio < 1 else "none at all"].append(pair)
    return found


def switched(name: str, pairs: Sequence[Pair], calls: int, seed: int) -> Counter[str]:
    """Print how often the true change is named, by ratio; one stream for each pair.

    Returns:
        What was counted where the ratio is 3 or more.
    """
    high = Counter[str]()
    for told, of_ratio in groups(pairs).items():
        draw, counted = random.Random(seed), Counter[str]()
        for pair in of_ratio:
            right = pair.kind
            _, found = asked(draw, pair, calls)
            kinds = [one.change.kind for one in found]
            counted["first"] += kinds[:1] == [right]
            counted["other"] += any(kind is not right for kind in kinds)
        if told in HIGH:
            high += counted + Counter(pairs=len(of_ratio))
        if n := len(of_ratio):
            print(
                f"{name:9} {calls:6} {told:>13} {n:6} {interval(counted['first'], n):>22}"
                f" {interval(counted['other'], n):>22}"
            )
    return high


def same(name: str, pairs: Sequence[Pair], seed: int) -> None:
    """Print how often something is named where one version follows itself."""
    pools = list({id(pair.before): pair for pair in pairs if _counted(pair.before)[0]}.values())
    draw, streams, lines, compared = random.Random(seed), 0, 0, 0
    for _ in range(SAME):
        pair = draw.choice(pools)
        found, told = asked(draw, replace(pair, after=pair.before), CALLS)
        streams += bool(told)
        lines += sum(one.significant for one in found)
        compared += len(found)
    print(
        f"{name:9} {SAME} streams: named {interval(streams, SAME)};"
        f" of single comparisons {lines} of {compared}, {per_1000(lines, compared)}"
    )


def main() -> int:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deployments")
    parser.add_argument("--data", default=os.environ.get("REMIT_DATA", ""), help="folder, or REMIT_DATA")
    data = Path(parser.parse_args().data)
    needed = ("agentdojo_runs", "tau2_systems", "tau2_grok_trials")
    if not data.name or not all((data / runs).is_dir() for runs in needed):
        told = f"skipped: no recorded sessions; give --data or REMIT_DATA, a folder that holds {', '.join(needed)}"
        print(told, file=sys.stderr)
    else:
        kinds = {"models": models(data), "systems": systems(data), "policy": policies(data)}
        print("A switch, and two changes that did nothing; one stream for each ordered pair")
        print(
            f"{'':9} {'calls':>6} {'full ratio':>13} {'pairs':>6} {'right change first':>22} {'another one named':>22}"
        )
        whole = Counter[str]()
        for seed, (name, pairs) in enumerate(kinds.items()):
            whole += switched(name, pairs, CALLS, seed)
            if name != "models":
                switched(name, pairs, MORE_CALLS, seed)
        n = whole["pairs"]
        print(
            f"together, {CALLS} calls, 3 or more or never before: {interval(whole['first'], n)} of {n} pairs,"
            f" another one named {interval(whole['other'], n)}"
        )
        print("\nThe same version on both sides, three changes that did nothing")
        for seed, (name, pairs) in enumerate(kinds.items()):
            same(name, pairs, 100 + seed)
        print()
    power()
    print()
    unchanged()
    return 0


if __name__ == "__main__":
    sys.exit(main())
