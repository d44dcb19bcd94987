"""What the breaker's mode and the reservations say about one call, before people are asked."""

import pytest

from remit.core.admission import Admission, AdmitRequest, Load, breaker_violations, gate
from remit.core.envelope import BreakerRule
from remit.core.types import Mode, OnViolation, Severity, ToolEffect, Violation

RULE = BreakerRule(max_violations=3)
EFFECTS = [ToolEffect.WRITE, ToolEffect.IRREVERSIBLE, ToolEffect.EGRESS]


def request(
    effect: ToolEffect = ToolEffect.IRREVERSIBLE, rule: BreakerRule = RULE, sampled: float = 0.9
) -> AdmitRequest:
    return AdmitRequest("t", "acme", "bot", "s", "pay", effect, rule, sampled=sampled)


def found(mode: Mode, load: Load | None = None, **fields: object) -> list[str]:
    return [
        f"{v.clause}:{v.on_violation}" for v in breaker_violations(request(**fields), mode, load or Load())
    ]  # type: ignore[arg-type]


@pytest.mark.parametrize("effect", list(ToolEffect))
def test_an_autonomous_agent_runs_everything(effect: ToolEffect):
    assert found(Mode.AUTONOMOUS, effect=effect) == []


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_supervised_agent_asks_about_every_effect(effect: ToolEffect):
    assert found(Mode.SUPERVISED, effect=effect) == ["breaker.supervised:hold"]


def test_a_supervised_agent_goes_on_reading():
    assert found(Mode.SUPERVISED, effect=ToolEffect.READ) == []


def test_where_reads_are_supervised_too_they_are_asked_about_in_every_stricter_mode():
    careful = BreakerRule(supervised="all")

    assert found(Mode.SUPERVISED, effect=ToolEffect.READ, rule=careful) == ["breaker.supervised:hold"]
    assert found(Mode.QUARANTINED, effect=ToolEffect.READ, rule=careful) == ["breaker.supervised:hold"]


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_quarantined_agent_only_reads(effect: ToolEffect):
    assert found(Mode.QUARANTINED, effect=effect) == ["breaker.quarantined:deny"]
    assert found(Mode.QUARANTINED, effect=ToolEffect.READ) == []


@pytest.mark.parametrize("effect", list(ToolEffect))
def test_a_halted_agent_does_nothing(effect: ToolEffect):
    assert found(Mode.HALTED, effect=effect) == ["breaker.halted:deny"]


@pytest.mark.parametrize(
    ("violations", "reserved", "fits"), [(0, 2, True), (2, 0, True), (1, 2, False), (3, 0, False)]
)
def test_reserved_effects_run_while_violations_and_reservations_are_fewer_than_n(
    violations: int, reserved: int, fits: bool
):
    load = Load(violations, reserved, reserved)

    assert (found(Mode.AUTONOMOUS, load) == []) is fits


def test_counted_effects_do_not_mind_what_is_in_flight():
    assert found(Mode.AUTONOMOUS, Load(2, 50, 50), effect=ToolEffect.WRITE) == []
    assert found(Mode.AUTONOMOUS, Load(3), effect=ToolEffect.WRITE) == ["breaker.capacity:hold"]


def test_a_full_window_does_not_stop_reads_that_supervised_would_let_run():
    assert found(Mode.AUTONOMOUS, Load(9), effect=ToolEffect.READ) == []


def test_a_read_that_reserves_is_bounded_in_supervised_too():
    rule = BreakerRule(max_violations=3, admission={ToolEffect.READ: "reserve"})

    assert found(Mode.SUPERVISED, Load(3), effect=ToolEffect.READ, rule=rule) == ["breaker.capacity:hold"]


def test_probation_sends_a_share_of_effects_to_people():
    assert found(Mode.PROBATION, sampled=0.19) == ["breaker.sampled:hold"]
    assert found(Mode.PROBATION, sampled=0.2) == []
    assert found(Mode.PROBATION, sampled=0.0, effect=ToolEffect.READ) == []


def test_probation_has_few_calls_in_flight():
    assert found(Mode.PROBATION, Load(in_flight=1)) == ["breaker.capacity:hold"]
    assert found(Mode.PROBATION, Load(in_flight=1), effect=ToolEffect.READ) == []


def test_the_reserve_test_holds_in_probation_too():
    assert found(Mode.PROBATION, Load(violations=3)) == ["breaker.capacity:hold"]


def test_the_gate_sorts_limits_by_what_they_do():
    over = [Violation(kind, "limits", kind, Severity.LOW, "") for kind in OnViolation]

    sorted_out = gate(request(), Mode.AUTONOMOUS, Load(), over)

    assert [len(part) for part in (sorted_out.refused, sorted_out.held, sorted_out.flagged)] == [1, 1, 1]


def test_the_flags_of_an_admission_are_its_violations_that_only_flag():
    told = tuple(Violation(kind, "limits", kind, Severity.LOW, "") for kind in OnViolation)

    assert [v.clause for v in Admission("admitted", Mode.AUTONOMOUS, 0, 0, violations=told).flags] == ["flag"]
