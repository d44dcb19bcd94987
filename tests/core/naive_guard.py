"""Plays a case through the guard on a real store and through the naive evaluator, and tells where they differ."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from naive import Naive, Ruling, Talk
from naive_cases import Case

import remit.usecases.driver as driver
from remit.core.reader import read_envelope
from remit.core.redact import Redactor
from remit.core.refusals import AnswerRefused, ApprovalRequired, CallDenied, ResultWithheld
from remit.core.types import Decision
from remit.store.records import EXTENSIONS, SqliteRecords
from remit.store.sqlite import SqliteStore
from remit.testing import FakeClock, answer
from remit.usecases.clock import Uuid7
from remit.usecases.guard import Guard
from remit.usecases.session import Session


class ToolFailed(Exception):
    """What a tool raises in a script."""


class Differ(Exception):
    """The two say different things."""


class World:
    """One store for all cases, each under a tenant of its own, and one clock that only goes on."""

    def __init__(self, folder: Path, monkeypatch: Any) -> None:
        self.clock = FakeClock()
        self.store = SqliteStore.open(
            folder / "remit.db",
            home=folder / "home",
            single_operator=True,
            extensions=EXTENSIONS,
            clock=self.clock.now,
        )
        monkeypatch.setattr(driver, "time", SimpleNamespace(perf_counter=self.clock.monotonic))
        self.tenants = 0
        self.seen: Counter[str] = Counter()
        """How often each result and each kind of clause came up."""

    def play(self, case: Case) -> None:
        """Play *case* in both.

        Raises:
            Differ: at the first step where they say different things.
        """
        self.tenants += 1
        envelope = read_envelope(case.text, "case.yaml")
        guard = Guard(
            envelope,
            SqliteRecords(self.store),
            clock=self.clock,
            ids=Uuid7(),
            redactor=Redactor(self.store.derive("redact")),
            tenant=f"t{self.tenants}",
            approval_wait_s=0.0,
        )
        guard._adopt(envelope)
        played = _Play(self, guard, Naive(case.text))
        for step in case.steps:
            played.step(step)


class _Play:
    def __init__(self, world: World, guard: Guard, naive: Naive) -> None:
        self.world, self.guard, self.naive = world, guard, naive
        self.sessions: dict[int, Session] = {}
        self.talks: dict[int, Talk] = {}
        self.asked: set[str] = set()
        """Calls that people were asked about before."""

    def step(self, step: dict[str, Any]) -> None:
        self.naive.now = self.world.clock.now()
        getattr(self, step["do"])(step)

    def wait(self, step: dict[str, Any]) -> None:
        self.world.clock.step(step["s"])

    def open(self, step: dict[str, Any]) -> None:
        who, at = (step["principal"], step["kind"]), step["talk"]
        self.sessions[at] = self.guard.session(
            facts=step["facts"], principal=who[0], principal_kind=who[1], user_input=step["user"]
        )
        self.talks[at] = self.naive.talk(str(at), step["facts"], *who)
        if step["user"] is not None:
            self.naive.saw(self.talks[at], "user", step["user"])

    def observe(self, step: dict[str, Any]) -> None:
        self.sessions[step["talk"]].observe(step["role"], step["text"], source=step["source"])
        if step["role"] != "assistant":
            self.naive.saw(
                self.talks[step["talk"]],
                step["source"] or step["role"],
                step["text"],
                result=step["role"] == "tool",
            )

    def finish(self, step: dict[str, Any]) -> None:
        try:
            self.sessions[step["talk"]].finish(step["answer"])
            refused: set[str] = set()
        except AnswerRefused as error:
            refused = {v.clause for v in error.violations}
        self.agree("answer", refused, set(self.naive.answered(step["answer"])))

    def call(self, step: dict[str, Any]) -> None:
        session, talk = self.sessions[step["talk"]], self.talks[step["talk"]]
        decision = session.check(step["tool"], step["args"])
        ruling = self.naive.judge(talk, step["tool"], step["args"])
        self.agree_on(step, decision, ruling)
        self.count(ruling)
        approved = False
        if ruling.acts_as == "hold":
            approved = self.ask(step, session, ruling)
            if not approved:
                return
            ruling.first, approved = self.naive.later, self.naive.later is None
        self.run(step, session, talk, ruling, approved)

    def agree(self, what: str, real: Any, naive: Any) -> None:
        if real != naive:
            raise Differ(f"{what}: real {real!r}, naive {naive!r}")

    def agree_on(self, step: dict[str, Any], decision: Decision, ruling: Ruling) -> None:
        told = f"{step['tool']} {step['args']}"
        self.agree(told, seen_of(decision), ruled_of(ruling))
        if decision.bound is not None:
            self.agree(f"bound of {told}", set(decision.bound), set(ruling.bound))

    def count(self, ruling: Ruling) -> None:
        seen = self.world.seen
        seen["calls"] += 1
        seen[ruling.result] += 1
        seen["repeat"] += ruling.first is not None
        for kind, clauses in (("", ruling.clauses), ("flag ", ruling.flags), ("error ", ruling.errors)):
            seen.update(
                f"{kind}{clause.rpartition('.')[2].rpartition('-')[0] or clause.rpartition('.')[2]}"
                for clause in clauses
            )

    def ask(self, step: dict[str, Any], session: Session, ruling: Ruling) -> bool:
        """The call is held, and its question answered or left open; whether it may be made again."""
        call = f"{session.id} {step['tool']} {ruling.canonical!r}"
        before, self.asked = call in self.asked, self.asked | {call}
        if before:
            return False
        try:
            session.call(step["tool"], step["args"], run=lambda **_: None)
        except ApprovalRequired as held:
            if step["held"] == "approve":
                answer(self.guard, held.approval_id)
            return bool(step["held"] == "approve")
        except CallDenied as denied:
            raise Differ(f"held, but denied by {denied.decision.clauses}") from None
        raise Differ("held, and ran")

    def run(self, step: dict[str, Any], session: Session, talk: Talk, ruling: Ruling, approved: bool) -> None:
        malformed = [name for name in ("canonical", "schema") if f"{step['tool']}.{name}" in ruling.clauses]
        ran: list[Any] = []
        expected: dict[str, Any] = {}

        def tool(**args: Any) -> Any:
            ran.append(args)
            made = self.naive.begin(talk, step["tool"], args, *malformed)
            for inner in step.get("inside", ()):
                self.step(inner)
            self.world.clock.step(step["took"])
            self.naive.now = self.world.clock.now()
            if step["raises"]:
                self.naive.failed(made)
                raise ToolFailed
            took_s = self.naive.now - made.at
            expected["withheld"] = self.naive.ended(made, step["result"], took_s)
            return step["result"]

        try:
            got = ("got", session.call(step["tool"], step["args"], run=tool))
        except ToolFailed:
            got = ("raised", None)
        except ResultWithheld as withheld:
            got = ("withheld", {v.clause for v in withheld.violations})
        except CallDenied as denied:
            got = ("denied", set(denied.decision.clauses))
        runnable = ruling.canonical is not None or isinstance(step["args"], dict)
        should_run = (ruling.acts_as == "allow" and ruling.first is None and runnable) or approved
        self.agree(f"{step['tool']} {step['args']}: {got}, {ruling}: ran", bool(ran), should_run)
        self.agree(
            f"{step['tool']}: what the agent gets", got, self.told(step, talk, ruling, should_run, expected)
        )
        self.world.seen[got[0]] += 1

    def told(
        self, step: dict[str, Any], talk: Talk, ruling: Ruling, ran: bool, expected: dict[str, Any]
    ) -> Any:
        if not ran and ruling.first is not None:
            self.naive.saw(talk, step["tool"], ruling.first.output, result=True)
            return ("got", ruling.first.output)
        if not ran:
            return ("denied", set(ruling.bound or ruling.clauses))
        if step["raises"]:
            return ("raised", None)
        withheld = set(expected["withheld"])
        return ("withheld", withheld) if withheld else ("got", step["result"])


def seen_of(decision: Decision) -> dict[str, Any]:
    """A decision, as far as both can say it."""
    return {
        "result": decision.result.value,
        "clauses": set(decision.clauses),
        "flags": set(decision.flags),
        "errors": {v.clause for v in decision.violations if v.error},
        "canonical": decision.canonical,
        "repeats": bool(decision.repeats),
    }


def ruled_of(ruling: Ruling) -> dict[str, Any]:
    """The naive one's, in the same words."""
    return {
        "result": ruling.result,
        "clauses": set(ruling.clauses),
        "flags": set(ruling.flags),
        "errors": set(ruling.errors),
        "canonical": ruling.canonical,
        "repeats": ruling.first is not None,
    }
