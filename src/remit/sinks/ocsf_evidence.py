"""Evidence as OCSF has it: artefacts of the call, and statistics of what changed."""

from __future__ import annotations

from collections.abc import Mapping

from remit.core.alert import Alert
from remit.core.types import Json
from remit.sinks import shape


def evidences(alert: Alert) -> list[dict[str, Json]]:
    """The call first, then one artefact for each piece of evidence; each has what the schema asks for."""
    return [_call(alert), *({"data": one} for one in shape.evidence(alert))]


def _call(alert: Alert) -> dict[str, Json]:
    tool = shape.line(alert.tool, 200).strip() or "none"
    request: dict[str, Json] = {
        "uid": shape.line(alert.anomalies[0] if alert.anomalies else "", 120).strip() or "unknown"
    }
    if arguments := shape.attempted(alert):
        request["data"] = arguments
    agent = shape.line(alert.agent, 200).strip() or "unknown"
    actor: dict[str, Json] = {"app_name": agent, "app_uid": agent}
    if alert.session:
        actor["session"] = {"uid": shape.line(alert.session, 200)}
    return {"api": {"operation": tool, "service": {"name": agent}, "request": request}, "actor": actor}


def analyses(alert: Alert) -> list[dict[str, Json]]:
    """The tests of changes: violations in calls after one, against those before."""
    return [_analysis(alert, one.facts) for one in alert.evidence if _counted(one.facts)][:3]


def _counted(facts: Mapping[str, Json]) -> bool:
    """Whether these are the counts of a comparison: `x0` of `n0` before, `x1` of `n1` after."""
    return all(type(facts.get(key)) is int and 0 <= facts[key] < 2**31 for key in ("x0", "n0", "x1", "n1"))


def _analysis(alert: Alert, facts: Mapping[str, Json]) -> dict[str, Json]:
    target = "/".join(shape.line(one, 200) for one in (alert.agent, alert.tool) if one) or "agent"
    rate = "violations among calls"
    return {
        "analysis_targets": [{"name": target, "type": "AI agent"}],
        "baselines": [{"observation_parameter": rate, "observations": [_observed(facts, "x0", "n0")]}],
        "anomalies": [
            {
                "observation_parameter": rate,
                "observations": [_observed(facts, "x1", "n1")],
                "observed_pattern": _pattern(facts),
            }
        ],
    }


def _pattern(facts: Mapping[str, Json]) -> str:
    """The rate ratio with its interval, and the p-value as corrected for the number of comparisons."""
    numbers = {
        key: facts[key] for key in ("ratio", "low", "high", "p_corrected") if type(facts.get(key)) is float
    }
    told = []
    if "ratio" in numbers:
        told.append(f"{numbers['ratio']:.3g} times as often")
    if {"low", "high"} <= numbers.keys():
        told.append(f"95 % interval {numbers['low']:.3g} to {numbers['high']:.3g}")
    if "p_corrected" in numbers:
        told.append(f"corrected p = {numbers['p_corrected']:.2g}")
    return ", ".join(told) or "no statistic"


def _observed(facts: Mapping[str, Json], violations: str, calls: str) -> dict[str, Json]:
    return {"value": f"{facts[violations]} of {facts[calls]}", "count": facts[violations]}
