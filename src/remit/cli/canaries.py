"""Live canaries: calls that must not run, made through the real guard in a store of their own.

A check that only reads settings can be right while nothing is enforced. These fail when enforcement does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from remit.core.approval import ApprovalRecord, OperatorRefused, Reply
from remit.core.envelope import Envelope, Expectation
from remit.core.errors import Refused, RemitError, Unavailable
from remit.core.reader import WITHHELD
from remit.core.refusals import ApprovalRequired, CallDenied, ResultWithheld
from remit.core.selftest import load_envelope
from remit.core.types import Enforcement, Result
from remit.settings import Settings
from remit.store import control_approvals
from remit.store.records import SqliteRecords
from remit.store.sqlite import SqliteStore
from remit.usecases.guard import Guard
from remit.wiring import open_guard

MOST_TESTS = 20
"""How many of an envelope's own tests are run through the guard."""
_MOST_FILLING = 50
"""Calls after which a database that may not grow must be full."""

CANARY_ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: remit-doctor, version: "1", owner: remit}
spec:
  enforcement: enforce
  breaker: {threshold: 1000, max_violations: 1000}  # the canaries violate, and must be refused one by one
  tools:
    write_note:
      effect: write
      args: {type: object, additionalProperties: false, required: [text], properties: {text: {type: string}}}
    divide:
      effect: write
      args: {type: object, additionalProperties: false, required: [by], properties: {by: {type: integer}}}
      require:
        - {id: crashes, expr: "10 / args.by > 0", message: "it must be above zero"}
    pay:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      approve:
        - {id: always}
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried or looked at."""

    name: str
    ok: bool
    level: str
    """`fail` or `warn`: how bad it is where it is not ok; `info` says something that cannot fail."""
    told: str
    remedy: str = ""


def run_canaries(envelope: Envelope | None, settings: Settings) -> Iterator[Check]:
    """Every canary, one after the other; the real envelope's where there is one."""
    own = load_envelope(CANARY_ENVELOPE, "canary")
    if envelope is not None:
        enforcing = replace(envelope, enforcement=Enforcement.ENFORCE)
        yield _tried("a refused call does not run", settings, enforcing, _refused)
        yield from _own_tests(enforcing, settings)
    else:
        yield _tried("a refused call does not run", settings, own, _refused)
    yield _tried("a held call does not run", settings, own, _held)
    yield _tried("a crash inside a condition denies", settings, own, _crashed)
    yield _tried("an effect does not run where it cannot be recorded", settings, own, _unwritable)
    yield _tried("an answer to another call than was shown is refused", settings, own, _mismatch)
    yield _tried("an approval lets one call run once", settings, own, _once)


def _own_tests(envelope: Envelope, settings: Settings) -> Iterator[Check]:
    """The envelope's own tests that expect a no. One that tells earlier calls cannot be tried: none were made here."""
    refusing = [test for test in envelope.tests if test.result != Result.ALLOW]
    for at, test in enumerate([test for test in refusing if not test.earlier][:MOST_TESTS], start=1):
        ends = "keeps its result back" if test.result == WITHHELD else "does not run"
        name = f"test {at} of the envelope {ends}: {test.tool}, {test.result}"
        yield _tried(name, settings, envelope, partial(_own_test, test))
    if told := sum(1 for test in refusing if test.earlier):
        seen = f"{told} of them tell earlier calls, which this fresh store has not seen"
        yield Check("tests of the envelope", True, "info", seen, "`remit envelope test` decides them")


class Ran:
    """Counts how often a tool ran."""

    def __init__(self, returns: object = None) -> None:
        self._times = 0
        self._returns = {} if returns is None else returns

    @property
    def times(self) -> int:
        """So far."""
        return self._times

    def __call__(self, **_: Any) -> object:
        """The tool."""
        self._times += 1
        return self._returns


Canary = Callable[[Guard], str]
"""Gives what went wrong, or nothing."""


def _tried(name: str, settings: Settings, envelope: Envelope, canary: Canary) -> Check:
    def fly() -> str:
        with fresh_guard(settings, envelope) as guard:
            return canary(guard)

    return tried(name, fly)


def tried(name: str, fly: Callable[[], str]) -> Check:
    """What became of one canary; *fly* gives what went wrong, or nothing."""
    remedy = "do not rely on remit here; report it with the output of REMIT_DEBUG=1"
    try:
        problem = fly()
    except RemitError as error:
        return Check(name, False, "fail", f"it could not be tried: {error}", "mend what it says")
    except Exception as error:  # noqa: BLE001 - a canary that crashes has not shown that enforcement works
        return Check(name, False, "fail", f"it crashed: {type(error).__name__}: {error}", remedy)
    return Check(name, not problem, "fail", problem or "tried, and it held", remedy if problem else "")


@contextmanager
def fresh_guard(settings: Settings, envelope: Envelope) -> Iterator[Guard]:
    """A guard on a store of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="remit-doctor-") as folder:
        own = replace(settings, home=str(Path(folder) / "home"), webhook_url="", approval_wait_s=0.0)
        store = f"sqlite:///{Path(folder) / 'canary.db'}"
        with open_guard(envelope, store, settings=own, single_operator=True) as guard:
            yield guard


def _refused(guard: Guard) -> str:
    """An unlisted tool, and arguments that nobody can read for every tool that is listed."""
    with guard.session() as session:
        for tool in ("remit_doctor_canary", *guard.envelope.tools):
            ran = Ran()
            denied = _raises(CallDenied, partial(session.call, tool, "{no JSON", run=ran))
            if not denied or ran.times:
                return f"{tool} ran, or was not refused"
    return ""


_ENDS: dict[str, type[CallDenied | ApprovalRequired]] = {
    Result.HOLD: ApprovalRequired,
    Result.DENY: CallDenied,
    WITHHELD: ResultWithheld,
}


def _own_test(test: Expectation, guard: Guard) -> str:
    ran = Ran(test.returns[0] if test.returns is not None else None)
    expected = _ENDS[test.result]
    with guard.session(user_input=test.user, principal_kind="operator", facts=test.session) as session:
        for source, text in test.observed:
            session.observe("tool", text, source=source)
        refused = _raises(expected, lambda: session.call(test.tool, test.args, run=ran))
    times = 1 if test.result == WITHHELD else 0
    return "" if refused and ran.times == times else "it ran, or ended otherwise than the envelope says"


def _held(guard: Guard) -> str:
    ran = Ran()
    with guard.session() as session:
        held = _raises(ApprovalRequired, lambda: session.call("pay", {"amount": 1}, run=ran))
    return "" if held and not ran.times else "it ran, or was not held"


def _crashed(guard: Guard) -> str:
    ran = Ran()
    with guard.session() as session:
        denied = _raises(CallDenied, lambda: session.call("divide", {"by": 0}, run=ran))
    return "" if denied and not ran.times else "the call ran although its condition could not be evaluated"


def _unwritable(guard: Guard) -> str:
    """The database may grow no more, as on a full disk."""
    ran = Ran()
    session = guard.session()
    _store(guard).transact_now(lambda tx: tx.connection.pragma("max_page_count", 1))
    for _ in range(_MOST_FILLING):
        before = ran.times
        full = _raises(Unavailable, lambda: session.call("write_note", {"text": "x" * 20_000}, run=ran))
        if full and ran.times == before:
            return ""
    return "it ran again and again without a record"


def _mismatch(guard: Guard) -> str:
    record = _ask(guard)
    taken = not _raises(OperatorRefused, lambda: _approve(guard, record, "0" * 64))
    return "an answer with another digest was taken" if taken else ""


def _once(guard: Guard) -> str:
    ran, record = Ran(), _ask(guard)
    _approve(guard, record, record.status.digest)
    with guard.session(id=record.status.session) as session:
        pay = partial(session.call, "pay", run=ran)
        held = _raises(ApprovalRequired, lambda: pay({"amount": 2}))
        others = ran.times
        if not held or others:
            return "an approval let another call run"
        pay({"amount": 1})
        again = not _raises(Refused, lambda: pay({"amount": 1}))
    times = ran.times
    return "" if times == 1 and not again else f"the approved call ran {times} times"


def _ask(guard: Guard) -> ApprovalRecord:
    with guard.session() as session:
        try:
            session.call("pay", {"amount": 1}, run=Ran())
        except ApprovalRequired as held:
            record = guard.records.approval(held.approval_id)
            assert record is not None  # noqa: S101 - it was opened just now
            return record
    raise Unavailable("the call was not held")


def _approve(guard: Guard, record: ApprovalRecord, digest: str) -> None:
    _store(guard).transact_now(
        lambda tx: control_approvals.answer(
            tx,
            record.id,
            Reply.APPROVE,
            operator="remit-doctor",
            seen_digest=digest,
            version=record.status.version,
            single_operator=True,
        )
    )


def _store(guard: Guard) -> SqliteStore:
    assert isinstance(guard.records, SqliteRecords)  # noqa: S101 - as `fresh_guard` made it
    return guard.records.store


def _raises(expected: type[BaseException], act: Callable[[], object]) -> bool:
    try:
        act()
    except expected:
        return True
    return False
