"""One decision, from canonicalisation to the encoded event, against hand-written Python and the leading toolkit.

    python -m benchmarks.decide

Every engine's answers are checked against the oracle before anything is timed. Engines are timed in turn, round by
round, in one process; medians over calls, and ratios, are what counts.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from benchmarks import workload
from remit.core.canonical import canonical
from remit.core.codec import decision_body
from remit.core.decide import decide
from remit.core.past import look_back
from remit.core.prepare import Facts, prepare
from remit.core.provenance import SessionText
from remit.core.selftest import load_envelope
from remit.core.types import Label, Result, Role, Segment, ToolCall

ROUNDS = 20
Engine = Callable[[str, dict[str, Any]], bool]


def remit_engine() -> Engine:
    """prepare, decide with the past answered, and the event's body encoded."""
    envelope = load_envelope(workload.envelope_text(), "bench")
    facts, past = Facts({}), look_back_nothing()
    encode = msgspec.json.Encoder().encode

    def run(tool: str, args: dict[str, Any]) -> bool:
        prepared = prepare(ToolCall(tool, args), envelope, facts)
        decision = decide(prepared, envelope, facts, past)
        encode(decision_body(decision))
        return decision.result is Result.ALLOW

    return run


def look_back_nothing() -> Any:
    """A past in which nothing was seen: provenance is timed apart."""
    from remit.core.past import Past

    return Past(SessionText())


def hand_engine() -> Engine:
    """The floor: plain Python, no canonical copy, no schema, no event."""
    return workload.by_hand


def toolkit_engine(*, audit: bool) -> Engine | None:
    """`govern()` of agent-governance-toolkit-core on the same rules; None where it is not installed."""
    try:
        from agentmesh.governance.govern import GovernanceDenied, govern
    except ImportError:
        return None

    governed = govern(lambda **_: True, policy=workload.toolkit_policy(), audit=audit)

    def run(tool: str, args: dict[str, Any]) -> bool:
        try:
            return bool(governed(action=tool, args=args))
        except GovernanceDenied:
            return False

    return run


def trace_costs() -> list[tuple[str, float]]:
    """Microseconds to trace the arguments of one call through 100 KB of session text."""
    text = SessionText()
    for index in range(50):
        words = (
            f"order O-{index} for customer {index} cost {100 + index} and was shipped to street {index}. "
            * 25
        )
        text.append(Segment(index, Role.TOOL, "read_mail", words[:2000], Label()))
    envelope = load_envelope(workload.envelope_text(), "bench")
    found: list[float] = []
    for tool, args in workload.calls(60):
        prepared = prepare(ToolCall(tool, {**args, "note": "short note"}), envelope, Facts({}))
        started = time.perf_counter()
        look_back(prepared, text)
        found.append((time.perf_counter() - started) * 1e6)
    return [("trace 6 leaves through 100 KB", statistics.median(found))]


def shares() -> list[tuple[str, float]]:
    """Median microseconds of each step of a decision, timed one after the other on the same calls."""
    envelope = load_envelope(workload.envelope_text(), "bench")
    facts, past, encode = Facts({}), look_back_nothing(), msgspec.json.Encoder().encode
    made = workload.calls()
    found: dict[str, list[float]] = {name: [] for name in STEPS}
    for _ in range(ROUNDS):
        for tool, args in made:
            found["whole"].append(_timed(partial(_whole, tool, args, envelope, facts, past, encode)))
            found["canonical arguments"].append(_timed(partial(canonical, args)))
            plain = canonical(args)
            listed = envelope.tools[tool]
            found["JSON Schema"].append(_timed(partial(listed.schema_errors, plain)))
            roots = {"args": plain, "session": {}}
            found["conditions"].append(_timed(partial(_conditions, listed, roots)))
            decision = decide(prepare(ToolCall(tool, args), envelope, facts), envelope, facts, past)
            found["event encoded"].append(_timed(partial(_encoded, encode, decision)))
    medians = {name: statistics.median(values or [0.0]) for name, values in found.items()}
    known = sum(medians[name] for name in STEPS if name not in ("whole", "the rest"))
    medians["the rest"] = medians["whole"] - known
    return [(name, medians[name]) for name in STEPS]


STEPS = ("canonical arguments", "JSON Schema", "conditions", "event encoded", "the rest", "whole")


def _timed(run: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - started) / 1e3


def _whole(tool: str, args: dict[str, Any], envelope: Any, facts: Any, past: Any, encode: Any) -> None:
    decision = decide(prepare(ToolCall(tool, args), envelope, facts), envelope, facts, past)
    encode(decision_body(decision))


def _encoded(encode: Any, decision: Any) -> None:
    encode(decision_body(decision))


def _conditions(tool: Any, roots: dict[str, Any]) -> None:
    for rule in tool.require:
        rule.condition.evaluate(roots)


def rows() -> list[tuple[str, float, float, float]]:
    """(engine, median µs, CPU p99 µs, times the hand-written floor)."""
    engines = {
        "hand-written Python": hand_engine(),
        "remit, whole decision": remit_engine(),
        "toolkit govern(), no audit": toolkit_engine(audit=False),
        "toolkit govern(), audit in memory": toolkit_engine(audit=True),
    }
    made = workload.calls()
    for name, engine in engines.items():
        if engine is not None:
            wrong = [c for c in made if engine(*c) != workload.by_hand(*c)]
            if wrong:
                raise SystemExit(f"{name}: {len(wrong)} of {len(made)} answers differ from the oracle")
    walls: dict[str, list[float]] = {name: [] for name in engines}
    cpus: dict[str, list[float]] = {name: [] for name in engines}
    gc.collect()
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            if engine is None:
                continue
            for tool, args in made:
                engine(tool, args)  # caches warm: the engine before this one has just emptied them
            for tool, args in made:
                cpu, wall = time.process_time_ns(), time.perf_counter_ns()
                engine(tool, args)
                walls[name].append((time.perf_counter_ns() - wall) / 1e3)
                cpus[name].append((time.process_time_ns() - cpu) / 1e3)
    floor = statistics.median(walls["hand-written Python"])
    return [
        (
            name,
            statistics.median(w),
            statistics.quantiles(cpus[name], n=100)[98],
            statistics.median(w) / floor,
        )
        for name, w in walls.items()
        if w
    ]


def main() -> None:
    """Print the table."""
    measured = rows()
    allowed = sum(workload.by_hand(*c) for c in workload.calls())
    print(f"one decision, 20 tools, {len(workload.calls())} calls ({allowed} allowed), 1.5 KB of context")
    print(f"{'engine':36} {'median µs':>10} {'CPU p99 µs':>11} {'x floor':>8}")
    for name, median, p99, ratio in measured:
        print(f"{name:36} {median:10.1f} {p99:11.1f} {ratio:8.1f}")
    by_name = {name: median for name, median, _, _ in measured}
    ours = by_name["remit, whole decision"]
    if "toolkit govern(), no audit" in by_name:
        print(
            f"the toolkit takes {by_name['toolkit govern(), no audit'] / ours:.1f} times as long (without its audit)"
        )
    else:
        print("agent-governance-toolkit-core is not installed: not compared (make bench installs it)")
    steps = shares()
    whole = dict(steps)["whole"]
    for name, median in steps:
        print(f"  {name:34} {median:10.1f} µs {100 * median / whole:7.0f} %")
    for name, cost in trace_costs():
        print(f"{name:36} {cost:10.1f} µs")


if __name__ == "__main__":
    main()
