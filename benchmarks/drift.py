"""How soon the drift watch sees that an agent changed, on real sessions, and how often it is wrong.

    REMIT_DATA=path/to/data python -m benchmarks.drift

Streams are drawn from recorded sessions with replacement, session by session, so that nothing but the change told them
apart: 400 sessions before it and 400 after. Sessions are judged by the published envelopes as they are drawn from.

- **Nothing changes**: both halves from one model. The promise is made ten times looser than by default, so that there is
  something to count.
- **Another model**: the second half from another model that did the same tasks, or under another policy.
- **Damage inside the envelope**: the second half's sessions are changed (amounts are larger, an effect is done twice) and
  judged again; those in which that violates anything are left out of both halves, so no clause sees a difference.

Three further changes are recorded at instants drawn at random, as in any deployment log: which one is named?

The data are published run logs of AgentDojo, tau2-bench and systems on it (MIT licence), and no part of this project.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.agentdojo import ENVELOPES, FACTS, SUITES, interval
from remit.core.change import Change, ChangeKind
from remit.core.conduct import Conduct
from remit.core.drift import EVERY
from remit.core.event import Event
from remit.core.ids import derived_id
from remit.core.recorded import session_from
from remit.core.selftest import load_envelope
from remit.core.types import Fingerprint, PrincipalKind
from remit.store.drift_rows import SqliteDriftBook
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.usecases.conduct_of import conduct_of
from remit.usecases.drift import DriftWatch
from remit.usecases.drift_sessions import WatchedSessions
from remit.usecases.replay import replay_session

BEFORE = AFTER = 400
DECOYS = 3
FEWEST = 10
"""Different sessions that a half is drawn from."""

Raw = dict[str, Any]
Damage = Callable[[Raw], bool]
"""Changes a raw session in place; says whether it did."""


# ------------------------------------------------------------------------------------------------ sessions
def raw_sessions(folder: Path, ending: str = "") -> Iterator[Raw]:
    """The lines of the files of a folder."""
    for file in sorted(folder.glob(f"*{ending}.jsonl.gz")):
        with gzip.open(file) as lines:
            yield from map(json.loads, lines)


class Judge:
    """Judges raw sessions by the published envelopes."""

    def __init__(self) -> None:
        files = {suite: f"agentdojo-{suite}.yaml" for suite in SUITES} | {"airline": "tau-airline.yaml"}
        self._by = {s: load_envelope((ENVELOPES / f).read_text("utf-8"), f) for s, f in files.items()}

    def __call__(self, raw: Raw) -> Conduct:
        session = session_from(deepcopy(raw), "data")
        suite = "airline" if session.suite.startswith("airline") else session.suite
        kind = PrincipalKind.CUSTOMER if suite == "airline" else PrincipalKind.OPERATOR
        session = replace(session, facts=FACTS.get(session.suite, {}), principal_kind=kind)
        return conduct_of(replay_session(session, self._by[suite]), 0.0)


def larger(times: float) -> Damage:
    """Money that is sent is more than was asked for."""

    def damage(raw: Raw) -> bool:
        found = False
        for call in _calls(raw):
            if isinstance(call["args"], dict) and type(call["args"].get("amount")) in (int, float):
                call["args"]["amount"] *= times
                found = True
        return found

    return damage


def twice(*tools: str) -> Damage:
    """Calls of a tool are made twice, with the same arguments and the same result."""

    def damage(raw: Raw) -> bool:
        steps: list[Any] = []
        for step in raw["steps"]:
            steps.append(step)
            if step["role"] == "tool" and step.get("tool_name") in tools:
                call = _asked(steps, step)
                if call is not None:
                    again = deepcopy(call) | {"id": f"{call.get('id')}-again"}
                    steps.append({"role": "assistant", "content": "", "tool_calls": [again]})
                    steps.append(deepcopy(step) | {"tool_call_id": again["id"]})
        found = len(steps) > len(raw["steps"])
        raw["steps"] = steps
        return found

    return damage


def _calls(raw: Raw) -> Iterator[Any]:
    return (call for step in raw["steps"] for call in step.get("tool_calls") or ())


def _asked(steps: Sequence[Any], answer: Any) -> Any:
    calls = [call for step in steps for call in step.get("tool_calls") or ()]
    named = [call for call in calls if call["name"] == answer["tool_name"]]
    same = [call for call in named if call.get("id") and call["id"] == answer.get("tool_call_id")]
    return (same or named or [None])[-1]


# ------------------------------------------------------------------------------------------------ streams
@dataclass
class Count:
    """What the streams of one row came to."""

    streams: int = 0
    found: int = 0
    named: int = 0
    """Of the found ones, those with the right change in the first alarm that names one."""
    misnamed: int = 0
    early: int = 0
    """Alarms before the change."""
    delays: list[int] = field(default_factory=list)
    off: list[int] = field(default_factory=list)
    """How far the estimated beginning is from the true one, in sessions."""
    kinds: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def row(self, name: str) -> str:
        """One line of the table."""
        delay = f"{statistics.median(self.delays):.0f}" if self.delays else "-"
        off = f"{statistics.median(map(abs, self.off)):.0f}" if self.off else "-"
        first = max(self.kinds, key=lambda kind: self.kinds[kind]) if self.kinds else "-"
        named = interval(self.named, self.found) if self.found else "-"
        return (
            f"{name:52}{self.streams:8}  {interval(self.found, self.streams):>22} {delay:>6} {off:>5}"
            f"  {named:>22} {self.misnamed:6} {self.early:6}  {first}"
        )


HEADER = (
    f"{'':52}{'streams':>8}  {'found':>22} {'delay':>6} {'off':>5}  {'named, of the found':>22}"
    f" {'wrong':>6} {'early':>6}  first seen in"
)


def drawn(pool: Sequence[Conduct], count: int, draws: random.Random, first: int, model: str) -> list[Conduct]:
    """Sessions drawn with replacement, as one model's."""
    chosen = draws.choices(pool, k=count)
    return [
        replace(
            one,
            session=f"s{first + n}",
            at=float(first + n),
            agent="agent",
            fingerprint=Fingerprint(model=model),
        )
        for n, one in enumerate(chosen)
    ]


def decoys(draws: random.Random, of: int) -> list[Change]:
    """Changes that did nothing, not beside the true one."""
    places = [p for p in range(50, of - 50) if abs(p - BEFORE) > 50]
    return [
        Change(f"decoy-{n}", ChangeKind.DEPLOY, float(place), note="nothing")
        for n, place in enumerate(draws.sample(places, DECOYS))
    ]


def switched(
    count: Count, before: Sequence[Conduct], after: Sequence[Conduct], seed: str, *, told: bool = False
) -> None:
    """One stream that changes: by another model, or by something that is told."""
    draws = random.Random(seed)
    models = ("one", "one" if told else "other")
    stream = drawn(before, BEFORE, draws, 0, models[0]) + drawn(after, AFTER, draws, BEFORE, models[1])
    changes = decoys(draws, BEFORE + AFTER)
    if told:
        changes.append(Change("true", ChangeKind.PROMPT, float(BEFORE), note="the one"))
    alarms = list(WatchedSessions(stream, changes).drifts())
    count.streams += 1
    count.early += sum(one.drift.place < BEFORE for one in alarms)
    late = [one for one in alarms if one.drift.place >= BEFORE]
    if not late:
        return
    count.found += 1
    count.delays.append(late[0].drift.place - BEFORE + 1)
    count.off.append(late[0].drift.since - BEFORE)
    count.kinds[late[0].drift.stream.kind.value] += 1
    named = next((one.cause.change for one in late if one.cause is not None), None)
    if named is not None:
        right = named.id == "true" or named.kind is ChangeKind.MODEL
        count.named += right
        count.misnamed += not right


# ------------------------------------------------------------------------------------------------ speed
def speed(sessions: int = 600, calls: int = 12) -> None:
    """How fast a journal is followed: encrypted sessions of two events a call, read, counted and watched."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with SqliteStore.open(place / "remit.db", home=place / "home", extensions=EXTENSIONS) as store:
            draws = random.Random(1)
            for number in range(sessions):
                write(store, list(_events(f"s{number}", calls, draws)))
            watch = DriftWatch(SqliteDriftBook(store), time.time)
            begun, events, more = time.process_time(), 0, True
            while more:
                step = watch.watch_once()
                events, more = events + step.events, step.more
            took = time.process_time() - begun
            size = store.read(lambda db: db.execute("SELECT max(length(state)) FROM drift_state").get)
    print(
        f"{events} events of {sessions} sessions followed at {events / took:,.0f} a second of one core;"
        f" the state of the agent takes {size / 1000:,.0f} kB\n"
    )


def write(store: SqliteStore, events: Sequence[Event]) -> None:
    """Append events in one transaction."""

    def work(tx: Transaction) -> None:
        for event in events:
            tx.append(event)

    store.transact_now(work, events=len(events))


def _events(session: str, calls: int, draws: random.Random) -> Iterator[Event]:
    bodies: list[tuple[str, Raw]] = [("session.opened", {"fingerprint": {"model": "m"}})]
    for number in range(calls):
        tool, token = f"tool{draws.randint(1, 20)}", f"{session}/{number}"
        args = {
            "amount": round(draws.lognormvariate(3, 1), 2),
            "to": f"C-{draws.randint(1, 500)}",
            "kind": "x",
        }
        bodies.append(
            ("decided", {"tool": tool, "args": args, "effect": "write", "result": "allow", "token": token})
        )
        bodies.append(("settled", {"tool": tool, "token": token, "ended": "value"}))
    bodies.append(("session.closed", {"finished": True, "error": None}))
    for number, (kind, body) in enumerate(bodies):
        yield Event(derived_id(session, number), session, kind, "agent", "e", body, subject=f"P-{session}")


# ------------------------------------------------------------------------------------------------ tables
def known_shifts(runs: int) -> None:
    """What nobody recorded, so that the size of the change is known: an agent with ten tools, one of which pays."""
    for told, before, after in (
        ("violations from 1 in 200 sessions to 1 in 30", (0.005, 1.0, 1), (0.033, 1.0, 1)),
        ("violations from 1 in 100 sessions to 1 in 5", (0.01, 1.0, 1), (0.2, 1.0, 1)),
        ("violations from 1 in 5 sessions to 1 in 50", (0.2, 1.0, 1), (0.02, 1.0, 1)),
        ("amounts a quarter larger", (0.0, 1.0, 1), (0.0, 1.25, 1)),
        ("amounts half as large again", (0.0, 1.0, 1), (0.0, 1.5, 1)),
        ("amounts twice as large", (0.0, 1.0, 1), (0.0, 2.0, 1)),
        ("payments made twice", (0.0, 1.0, 1), (0.0, 1.0, 2)),
    ):
        count = Count()
        for run in range(runs):
            draws = random.Random(f"{told}/{run}")
            halves = [[_service(draws, *kind) for _ in range(BEFORE)] for kind in (before, after)]
            switched(count, halves[0], halves[1], f"{told}/{run}", told=True)
        print(count.row(f"drawn: {told}"), flush=True)


def _service(draws: random.Random, violates: float, larger_by: float, times: int) -> Conduct:
    """One session: a few look-ups, and in every second one a payment, log-normal with a spread of .5."""
    ran: dict[str, int] = {}
    for _ in range(draws.randint(1, 6)):
        tool = f"find{draws.randint(1, 9)}"
        ran[tool] = ran.get(tool, 0) + 1
    numbers: dict[str, tuple[float, ...]] = {}
    if draws.random() < 0.5:
        ran["pay"] = times
        numbers["pay.amount"] = (round(draws.lognormvariate(3, 0.5) * larger_by, 2),) * times
    found = {("pay", "pay.most"): 1} if draws.random() < violates else {}
    return Conduct(
        "", "", 0.0, calls=ran, ran=ran, effects=ran.get("pay", 0), numbers=numbers, violations=found
    )


def nothing_changes(pools: dict[tuple[str, str], list[Conduct]], runs: int) -> None:
    """False alarms where there is nothing to find."""
    every, length = EVERY / 10, 2000
    alarms = named = streams = 0
    for (suite, model), pool in pools.items():
        for run in range(runs):
            draws = random.Random(f"{suite}/{model}/{run}")
            stream = drawn(pool, length, draws, 0, "one")
            found = list(WatchedSessions(stream, decoys(draws, length), every=every).drifts())
            alarms, streams = alarms + len(found), streams + 1
            named += sum(one.cause is not None for one in found)
    promised = streams * length / every
    print(
        f"nothing changes: {alarms} alarms in {streams} streams of {length} sessions; promised at most {promised:.0f}"
        f" at one in {every:.0f} sessions. {named} of them name a change."
    )


def other_models(pools: dict[tuple[str, str], list[Conduct]], runs: int) -> None:
    """A model follows another one, on the same tasks."""
    by_suite = defaultdict[str, list[str]](list)
    for suite, model in pools:
        by_suite[suite].append(model)
    for suite, models in by_suite.items():
        count = Count()
        for number, model in enumerate(models):
            other = models[(number + 1) % len(models)]
            for run in range(runs):
                switched(count, pools[suite, model], pools[suite, other], f"{suite}/{model}/{other}/{run}")
        print(count.row(f"AgentDojo {suite}, {len(models)} pairs of models"), flush=True)


def systems(data: Path, judge: Judge, runs: int) -> None:
    """Customer service: another system, or another policy."""
    pools = defaultdict[str, list[Conduct]](list)
    for raw in raw_sessions(data / "tau2_systems"):
        pools[str(raw["model"])].append(judge(raw))
    for raw in raw_sessions(data / "tau2_grok_trials"):
        if raw["model"] == "xai/grok-3":
            policy = "tighter" if "tighter" in raw["meta"]["config"] else "base"
            pools[f"grok-3 {policy}"].append(judge(raw))
    tuned = next(model for model in pools if model.startswith("ft:gpt-4.1"))
    for before, after, told in (
        ("gpt-4.1", tuned, "tau2: gpt-4.1, then its fine-tune"),
        ("azure/gpt-4o-2024-11-20", "gpt-4.1-mini-2025-04-14", "tau2: gpt-4o, then gpt-4.1-mini"),
        ("claude-sonnet-4-5", "claude-opus-4-6", "tau2: claude-sonnet-4-5, then claude-opus-4-6"),
        ("grok-3 base", "grok-3 tighter", "tau2: grok-3, the policy tightened"),
    ):
        count = Count()
        for run in range(runs):
            switched(count, pools[before], pools[after], f"{told}/{run}")
        print(count.row(told), flush=True)


def damages(raws: dict[tuple[str, str], list[Raw]], judge: Judge, runs: int) -> None:
    """Something that no clause sees."""
    for suite, told, damage, of_sessions in (
        ("banking", "banking: amounts twice as large", larger(2), 1),
        ("banking", "banking: amounts ten times as large", larger(10), 1),
        ("banking", "banking: money is sent twice", twice("send_money"), 1),
        ("banking", "banking: money is sent twice, at times", twice("send_money"), 5),
        ("workspace", "workspace: mails are sent twice", twice("send_email"), 1),
        ("workspace", "workspace: events are created twice", twice("create_calendar_event"), 1),
        ("slack", "slack: messages are sent twice", twice("send_direct_message", "send_channel_message"), 1),
    ):
        count, hit, all_sessions = Count(), 0, 0
        for (of, model), pool in raws.items():
            if of != suite:
                continue
            pairs = [_pair(raw, damage, judge) for raw in pool]
            kept = [pair for pair in pairs if pair is not None]
            if len(kept) < FEWEST or not any(changed for _, _, changed in kept):
                continue
            hit, all_sessions = hit + sum(changed for *_, changed in kept), all_sessions + len(kept)
            before = [pair[0] for pair in kept]
            after = before * (of_sessions - 1) + [pair[1] for pair in kept]
            for run in range(runs):
                switched(count, before, after, f"{told}/{model}/{run}", told=True)
        share = hit / all_sessions / of_sessions
        print(count.row(f"{told}, {share:.0%} of sessions"), flush=True)


def _pair(raw: Raw, damage: Damage, judge: Judge) -> tuple[Conduct, Conduct, bool] | None:
    """A session as it was and as it is with the damage; None where a clause sees a difference."""
    harmed = deepcopy(raw)
    changed = damage(harmed)
    before = judge(raw)
    after = judge(harmed) if changed else before
    same = (before.violations, before.holds) == (after.violations, after.holds)
    return (before, after, changed) if same else None


def main() -> int:
    """Print what was found, how soon, and how often it was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("REMIT_DATA", ""), help="folder, or REMIT_DATA")
    parser.add_argument("--only", default="", help="one part: calm, known, models, systems or damage")
    parser.add_argument("--runs", type=int, default=2, help="streams for each pair")
    options = parser.parse_args()
    speed()
    data = Path(options.data)
    wanted = ("agentdojo_runs", "tau2_systems", "tau2_grok_trials")
    if not options.data or not all((data / name).is_dir() for name in wanted):
        print(
            f"skipped: no recorded sessions; give --data or REMIT_DATA, a folder that holds {', '.join(wanted)}"
        )
        return 0
    begun, judge = time.perf_counter(), Judge()
    raws = defaultdict[tuple[str, str], list[Raw]](list)
    for raw in raw_sessions(data / "agentdojo_runs", "__none"):
        if raw["steps"] and not raw["meta"]["run_error"]:
            raws[raw["suite"], raw["meta"].get("pipeline") or raw["model"]].append(raw)
    raws = defaultdict(list, {key: found for key, found in raws.items() if len(found) >= FEWEST})
    pools = {key: [judge(raw) for raw in found] for key, found in raws.items()}
    print(
        f"{sum(map(len, pools.values()))} benign sessions of {len({m for _, m in pools})} AgentDojo pipelines\n"
    )
    parts: dict[str, Callable[[], None]] = {
        "calm": lambda: nothing_changes(pools, 1),
        "known": lambda: known_shifts(10 * options.runs),
        "models": lambda: other_models(pools, options.runs),
        "systems": lambda: systems(data, judge, 10 * options.runs),
        "damage": lambda: damages(raws, judge, options.runs),
    }
    for name, part in parts.items():
        if options.only in ("", name):
            print(f"\n{name}" + (f"\n{HEADER}" if name != "calm" else ""), flush=True)
            part()
    print(f"\n{time.perf_counter() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
