"""The breaker and the capture of an envelope: thresholds, weights, recovery; what is kept, and for how long."""

from __future__ import annotations

from remit.core.envelope import BreakerRule, Capture, Recovery
from remit.core.reader_clauses import duration, duration_s, read_pattern
from remit.core.retention import LEAST_RETAIN_S
from remit.core.types import Severity, ToolEffect
from remit.core.yamltext import Node

BREAKER_KEYS = (
    "threshold",
    "max_violations",
    "window",
    "admission",
    "weights",
    "supervised",
    "recovery",
    "lease",
    "max_pending",
)
RECOVERY_KEYS = (
    "cooldown",
    "cooldown_max",
    "look_back",
    "approved_clean",
    "probation_clean",
    "probation_in_flight",
    "sample",
)
_RESERVED = (ToolEffect.IRREVERSIBLE, ToolEffect.EGRESS)


def read_breaker(node: Node | None) -> BreakerRule:
    """The breaker at *node*, with the defaults for what it does not say."""
    plain = BreakerRule()
    keys = node.keys(BREAKER_KEYS) if node is not None else {}
    threshold = keys["threshold"].number(1) if "threshold" in keys else plain.threshold
    most = (
        int(keys["max_violations"].number(1, integer=True))
        if "max_violations" in keys
        else max(1, int(threshold))
    )
    admission = {e: "reserve" if e in _RESERVED else "count" for e in ToolEffect}
    if "admission" in keys:
        given = keys["admission"]
        if isinstance(given.value, dict):
            for effect, how in given.keys(tuple(ToolEffect)).items():
                admission[ToolEffect(effect)] = how.choice(("reserve", "count"))
        else:
            admission = dict.fromkeys(ToolEffect, given.choice(("reserve", "count")))
    weights = {
        Severity.LOW: 1.0,
        Severity.MEDIUM: 2.0,
        Severity.HIGH: threshold,
        Severity.CRITICAL: threshold,
    }
    if "weights" in keys:
        for severity, weight in keys["weights"].keys(("low", "medium", "high")).items():
            weights[Severity(severity)] = weight.number(1)
    return BreakerRule(
        threshold=threshold,
        max_violations=most,
        window_s=duration(keys, "window", plain.window_s),
        admission=admission,
        weights=weights,
        supervised=keys["supervised"].choice(("effects", "all")) if "supervised" in keys else "effects",
        recovery=_recovery(keys.get("recovery")),
        lease_s=duration(keys, "lease", plain.lease_s),
        max_pending=int(keys["max_pending"].number(1, integer=True))
        if "max_pending" in keys
        else plain.max_pending,
    )


def _recovery(node: Node | None) -> Recovery:
    plain = Recovery()
    if node is None:
        return plain
    keys = node.keys(RECOVERY_KEYS)

    def count(key: str, default: int) -> int:
        return int(keys[key].number(1, integer=True)) if key in keys else default

    sample = keys["sample"].number(0) if "sample" in keys else plain.sample
    if sample > 1:
        raise keys["sample"].error(f"found {sample}", "write a share between 0 and 1")
    return Recovery(
        cooldown_s=duration(keys, "cooldown", plain.cooldown_s),
        cooldown_max_s=duration(keys, "cooldown_max", plain.cooldown_max_s),
        look_back_s=duration(keys, "look_back", plain.look_back_s),
        approved_clean=count("approved_clean", plain.approved_clean),
        probation_clean=count("probation_clean", plain.probation_clean),
        probation_in_flight=count("probation_in_flight", plain.probation_in_flight),
        sample=sample,
    )


def read_capture(node: Node | None) -> Capture:
    """What is captured, with the defaults for what *node* does not say."""
    if node is None:
        return Capture()
    keys = node.keys(("clean", "anomaly", "sample", "retain", "mask"))
    if "anomaly" in keys:
        keys["anomaly"].choice(("full",))
    clean = keys["clean"].choice(("full", "sampled", "digest")) if "clean" in keys else "full"
    sample = keys["sample"].number(0) if "sample" in keys else Capture().sample
    if sample > 1:
        raise keys["sample"].error(f"found {sample}", "write a share between 0 and 1")
    retain_s = duration_s(keys["retain"]) if "retain" in keys else None
    if retain_s is not None and retain_s < LEAST_RETAIN_S:
        raise keys["retain"].error(
            f"found {keys['retain'].told}",
            "write 1h or more: what is captured is deleted in steps of an hour",
        )
    masks = keys["mask"].items() if "mask" in keys else []
    for mask in masks:
        read_pattern(mask)
    return Capture(
        clean=clean,
        sample=sample,
        retain_s=retain_s,
        mask=tuple(mask.text() for mask in masks),
    )
