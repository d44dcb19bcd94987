"""What a repeat of a call gets, for every state of the first and everything that an envelope may say."""

from __future__ import annotations

import pytest

from remit.core.envelope import Idempotency
from remit.core.history import DONE, FAILED, IN_FLIGHT, UNKNOWN, WITHHELD, Caller
from remit.core.repeats import First, ask_of, returns_first, violation
from remit.core.types import OnViolation, Severity
from remit.testing.earlier import shop


def rule(on_repeat: str = "return_first", after_error: str = "refuse", key: str = "args.id, args.amount",
         across: str = "agent") -> Idempotency:  # fmt: skip
    text = (
        f"{{key: [{key}], within: 1h, on_repeat: {on_repeat}, after_error: {after_error}, across: {across}}}"
    )
    found = shop(pay=f"idempotency: {text}").tools["pay"].idempotency
    assert found is not None
    return found


def gets(rule: Idempotency, first: First | None) -> str:
    found = violation(rule, first)
    if found is None:
        return "first" if returns_first(rule, first) else "runs"
    assert not returns_first(rule, first)
    return "held" if found.on_violation is OnViolation.HOLD else "refused"


@pytest.mark.parametrize(
    ("on_repeat", "done"), [("return_first", "first"), ("refuse", "refused"), ("hold", "held")]
)
@pytest.mark.parametrize(
    ("after_error", "failed"), [("refuse", "refused"), ("hold", "held"), ("retry", "runs")]
)
def test_every_state_by_every_rule(on_repeat: str, done: str, after_error: str, failed: str) -> None:
    one = rule(on_repeat, after_error)
    waits = "held" if on_repeat == "hold" else "refused"

    assert gets(one, None) == "runs"
    assert gets(one, First("t", DONE)) == done
    assert gets(one, First("t", IN_FLIGHT)) == waits
    assert gets(one, First("t", WITHHELD)) == waits
    assert gets(one, First("t", DONE, readable=False)) == waits
    assert gets(one, First("t", DONE, own=False)) == waits
    assert gets(one, First("t", FAILED)) == gets(one, First("t", UNKNOWN)) == failed


def test_waiting_weighs_little_and_what_was_done_before_what_the_clause_says() -> None:
    running, done = violation(rule(), First("t", IN_FLIGHT)), violation(rule("refuse"), First("t", DONE))
    assert running and running.severity is Severity.LOW
    assert done and done.severity is Severity.MEDIUM


def key(of: Idempotency, caller: Caller = Caller("s-1", "ann"), **args: object) -> str:  # noqa: B008 - frozen
    return ask_of(of, "pay", {"args": {"id": "O-1", "amount": 5, **args}, "session": {}}, caller).key


def test_equal_calls_have_one_key_and_others_another() -> None:
    one = rule()
    assert key(one) == key(one, amount=5.0) == key(one, note="x")
    others = {
        key(one, amount=5.5),
        key(one, id="O-2"),
        key(one, id="o-1"),
        key(rule(key="args.amount, args.id")),
    }
    assert len(others | {key(one)}) == 5


def test_the_key_is_whose_the_clause_says() -> None:
    ann, also, bob = Caller("s-1", "ann"), Caller("s-2", "ann"), Caller("s-1", "bob")
    assert key(rule(), ann) == key(rule(), bob)
    assert (
        key(rule(across="principal"), ann)
        == key(rule(across="principal"), also)
        != key(rule(across="principal"), bob)
    )
    assert key(rule(across="session"), ann) != key(rule(across="session"), also)
    # A session may be called as a principal is.
    assert key(rule(across="session"), Caller("ann")) != key(rule(across="principal"), Caller("s", "ann"))
