"""Asks an agent again about the anomalies of recorded sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from remit.core.classify.case import Case
from remit.core.classify.classification import Classification
from remit.core.classify.counterfactual import Counterfactual
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession
from remit.ports import Rerunnable
from remit.usecases.counterfactual import RUNS, asked_again, question_of
from remit.usecases.forced import forced_from_session, tools_of


@dataclass
class RerunSessions:
    """Runs the agent for each anomaly whose evidence points at a text.

    Args:
        agent: as it runs now.
        envelopes: by suite, as in `usecases.classify_sessions.Judging`; they say which tools there are.
        k: runs in each arm.
        old: the agent as it ran before a change.
    """

    agent: Rerunnable
    envelopes: Mapping[str, Envelope] = field(default_factory=dict)
    k: int = RUNS
    old: Rerunnable | None = None
    told: Callable[[Case, Counterfactual], None] = lambda _case, _found: None
    """Is told of each anomaly that was asked about."""
    _sessions: dict[str, RecordedSession] = field(default_factory=dict)

    def keeping(self, sessions: Iterable[RecordedSession]) -> Iterator[RecordedSession]:
        """The same sessions, of which those read are kept; of two with one id, neither can be told apart later.

        Raises:
            BadInput: an id came twice.
        """
        for session in sessions:
            if session.session_id in self._sessions:
                raise BadInput(
                    "--rerun", f"two sessions have the id {session.session_id[:80]!r}", "give each its own"
                )
            self._sessions[session.session_id] = session
            yield session

    def __call__(self, case: Case, found: Classification) -> Counterfactual | None:
        """What came of it; None where no text is suspected, or no call was made."""
        session = self._sessions.get(case.session)
        step = case.anomaly.rpartition("#")[2].partition(".")[0]
        if session is None or not step.isdigit():
            return None
        envelope = self.envelopes.get(session.suite) or self.envelopes.get("")
        tools = tools_of(envelope) if envelope is not None else ()
        question = question_of(case, found, forced_from_session(session, int(step)), tools, self.k)
        if question is None:
            return None
        answer = asked_again(question, self.agent, self.old)
        self.told(case, answer)
        return answer
