"""Asks an agent again about an anomaly of a store, and keeps what came of it beside the anomaly."""

from __future__ import annotations

from remit.core.classify.counterfactual import (
    NOT_MADE,
    Counterfactual,
    counterfactual_body,
    not_made,
)
from remit.core.classify.work import Pending
from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.ports import Rerunnable
from remit.usecases.cases import SESSION_KINDS
from remit.usecases.counterfactual import RUNS, CounterfactualQuestion, asked_again, question_of
from remit.usecases.forced import forced_from_events, tools_of
from remit.usecases.triage import Triage, TriageWork


def ask_about(
    triage: Triage,
    work: TriageWork,
    stored: StoredEvent,
    agent: Rerunnable,
    old: Rerunnable | None = None,
    k: int = RUNS,
) -> Counterfactual:
    """What an agent does with the suspicious text and without it; recorded, and the anomaly due to be classified with it.

    An anomaly is asked about once: what was made stands, since asking until it is significant is no test. Only what could
    not be made is tried anew.

    Raises:
        BadInput: it is no anomaly, nobody classified it yet, or *k* is no number of runs that tells anything.
    """
    pending = work.one(stored.seq)
    if pending is None:
        raise BadInput("anomaly", "it is none", "see `remit anomalies ls`")
    if pending.times == 0:
        raise BadInput("anomaly", "nobody classified it yet", "run `remit classify` first")
    before = triage.replays(stored)
    if before and before[-1].conclusion != NOT_MADE:
        return before[-1]
    question = _question(triage, work, pending, k)
    if isinstance(question, Counterfactual):
        return question
    found = asked_again(question, agent, old)
    work.replayed(stored, counterfactual_body(found), len(before) + 1)
    return found


def _question(
    triage: Triage, work: TriageWork, pending: Pending, k: int
) -> CounterfactualQuestion | Counterfactual:
    stored, done = pending.stored, triage.judge(pending)
    events = work.events(stored.event.session, 0, stored.seq, SESSION_KINDS)
    forced = forced_from_events(events, stored)
    if forced is None:
        return not_made("texts that the agent saw were erased")
    envelope = triage.envelope(stored)
    tools = tools_of(envelope) if envelope is not None else ()
    question = question_of(done.case, done.found, forced, tools, k)
    return question or not_made("no text is suspected, or no call was made")
