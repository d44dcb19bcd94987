"""Threads, processes and forks on one store: what is promised holds for all of them together."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from remit import ApprovalRequired, CallDenied, Refused
from remit.core.admission import Admission
from remit.core.event import Event
from remit.core.types import Mode
from remit.testing import answer, open_guard, pending, small_refunds
from remit.usecases.calling import answers_for

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import worker  # noqa: E402 - beside this file

OK = {"refund_id": "R"}
BUSY = 8


def start(what: str, folder: Path, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "worker.py"), what, str(folder), *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out


def test_eight_threads_in_one_session_lose_nothing_and_exceed_no_limit(folder: Path) -> None:
    done: list[str] = []

    def work(session: Any, guard: Any) -> None:
        for _ in range(20):
            session.observe("assistant", "next")
            try:
                session.call("refund", {"amount": 2}, run=lambda amount: OK)
                done.append("ran")
            except CallDenied:
                done.append("denied")

    with open_guard(folder) as guard:
        with guard.session(id="s") as session:
            threads = [threading.Thread(target=work, args=(session, guard)) for _ in range(BUSY)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        kinds = Counter(e.event.kind for e in guard.records.events("s"))
        indexes = [e.event.body["index"] for e in guard.records.events("s") if e.event.kind == "observed"]
    assert Counter(done) == {"ran": 100, "denied": 60}
    assert kinds["observed"] == kinds["decided"] == 160 and kinds["settled"] == 100
    assert len(set(indexes)) == 160


def test_a_full_queue_does_not_lock_a_session_against_its_own_admission(folder: Path) -> None:
    """The event of a refused admission is made while its transaction runs, when another thread waits for room in
    the queue with the session's lock in its hand."""
    with open_guard(folder) as guard:
        session = guard.session()
        made = threading.Event()

        def hold_the_lock() -> None:
            with session.lock:
                made.wait(60)

        holder = threading.Thread(target=hold_the_lock)
        answers = answers_for(session, "refund", {"amount": 5}, "", dict)
        decision = session.check("refund", {"amount": 90})
        holder.start()
        event = answers.events.admitted(decision, Admission("refused", Mode.AUTONOMOUS, 0, 0), None, True)
        assert holder.is_alive(), "it waited for the session's lock"
        made.set()
        holder.join()
        assert event.anomaly is not None


class Tx:
    """A transaction that only collects."""

    connection = None
    now = 0.0

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self, event: Event) -> int:
        self.events.append(event)
        return len(self.events)


@pytest.mark.parametrize("again", ["refused", "admitted"])
def test_work_that_runs_again_records_the_answer_that_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    """A batch whose commit failed runs again: the same answer gives the same event, another answer its own."""
    answers = iter(
        [
            Admission("admitted", Mode.AUTONOMOUS, 0, 0, lease_until=60.0),
            Admission(again, Mode.AUTONOMOUS if again == "admitted" else Mode.HALTED, 0, 0, lease_until=61.0),
        ]
    )
    monkeypatch.setattr("remit.store.control.admit", lambda tx, request: next(answers))
    with open_guard(folder) as guard:
        session = guard.session()
        call, decision = (
            answers_for(session, "refund", {"amount": 5}, "", dict),
            session.check("refund", {"amount": 5}),
        )
        tries = [Tx(), Tx()]

        def run_twice(work: Any, **_: Any) -> Admission:
            return [work(tx) for tx in tries][-1]

        monkeypatch.setattr(guard.records.store, "transact_now", run_twice)  # type: ignore[attr-defined]
        admitted = call.admit(decision, None, enforced=True)
        monkeypatch.undo()
    assert admitted.result().status == again  # type: ignore[union-attr]
    (first,), (second,) = (tx.events for tx in tries)
    assert (first.id == second.id) == (again == "admitted")
    assert second.body["mode"] == ("autonomous" if again == "admitted" else "halted")


# ---------------------------------------------------------------------------------------------- processes
def violating_round(folder: Path) -> None:
    folder.mkdir()
    workers = [start("violate", folder, 6) for _ in range(8)]
    for one in workers:
        end(one)
    assert len(worker.effects(folder)) == 5


@pytest.mark.parametrize("number", range(2))
def test_of_eight_processes_whose_every_action_violates_exactly_five_actions_run(
    folder: Path, number: int
) -> None:
    violating_round(folder / str(number))


@pytest.mark.soak
@pytest.mark.parametrize("number", range(10))
def test_of_eight_processes_exactly_five_actions_run_in_every_round(folder: Path, number: int) -> None:
    violating_round(folder / str(number))


def test_a_held_call_continues_in_its_waiter_when_another_process_approves(folder: Path) -> None:
    with worker.opened(folder, hold=True, approval_wait_s=600) as guard, guard.session() as session:
        other = start("approve", folder, 600)
        assert session.call("act", {"n": 1}, run=lambda n: {"ok": n}) == {"ok": 1}
        end(other)


def test_two_processes_in_one_session_write_one_record(folder: Path) -> None:
    with worker.opened(folder, version="clean") as guard:
        guard.session(id="s", user_input="go").close()
        others = [start("resume", folder, "s", 10) for _ in range(2)]
        told = "".join(end(other) for other in others)
        kinds = Counter(e.event.kind for e in guard.records.events("s"))
        assert told == "" and len(worker.effects(folder)) == 20
        assert kinds["decided"] == kinds["settled"] == 20 and kinds["observed"] == 21
        with guard.session(id="s") as again:
            assert len(again.text.segments) == 41


def test_an_approval_for_one_envelope_does_not_run_under_another(folder: Path) -> None:
    old, new = small_refunds(version="1"), small_refunds(version="2")
    args = {"amount": 30}
    with open_guard(folder, old) as before, open_guard(folder, new) as after:
        with before.session(id="s") as session, pytest.raises(ApprovalRequired) as first:
            session.call("refund", args, run=lambda amount: OK)
        answer(before, first.value.approval_id)
        with after.session(id="s") as session:
            with pytest.raises(ApprovalRequired) as second:
                session.call("refund", args, run=lambda amount: OK)
            assert second.value.approval_id != first.value.approval_id
        with before.session(id="s") as session:
            assert session.call("refund", args, run=lambda amount: OK) == OK
        hashes = {e.event.kind: e.event.envelope for e in after.records.events("s")}
        assert {e.event.envelope for e in after.records.events("s")} == {old.hash, new.hash}
        assert hashes["session.resumed"] == old.hash
        assert pending(after) == [second.value.approval_id]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_session_goes_on_in_parent_and_child_after_a_fork(folder: Path) -> None:
    with open_guard(folder) as guard:
        session = guard.session(id="s", user_input="refund")
        session.call("refund", {"amount": 1}, run=lambda amount: OK)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                session.observe("assistant", "in the child")
                session.call("refund", {"amount": 2}, run=lambda amount: OK)
                guard.close()
                code = 0
            finally:
                os._exit(code)
        session.observe("assistant", "in the parent")
        session.call("refund", {"amount": 3}, run=lambda amount: OK)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        session.close()
        events = [e.event for e in guard.records.events("s")]
    amounts = sorted(e.body["args"]["amount"] for e in events if e.kind == "decided")
    assert amounts == [1, 2, 3]
    assert sum(e.kind == "settled" for e in events) == 3


def test_an_approval_lets_one_of_many_threads_run(folder: Path) -> None:
    ran: list[int] = []
    ended: list[str] = []

    def work(session: Any) -> None:
        try:
            session.call("refund", {"amount": 30}, run=lambda amount: ran.append(1) or OK)
            ended.append("ran")
        except Refused as no:
            ended.append(type(no).__name__)

    with open_guard(folder) as guard, guard.session() as session:
        with pytest.raises(ApprovalRequired) as held:
            session.call("refund", {"amount": 30}, run=lambda amount: OK)
        answer(guard, held.value.approval_id)
        threads = [threading.Thread(target=work, args=(session,)) for _ in range(BUSY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ran == [1] and ended.count("ran") == 1
