"""Calls that are decided once: whoever asks again with the same id and arguments gets the same answer.

Frameworks ask twice. One runs a step anew after a pause, with the calls in it that ran already; another asks for the
approval, the guardrail and the invocation one after the other; two workers resume one conversation at once. Within one
process this memory answers; across processes the store admits such a call once only (`AdmitRequest.once`), and the
journal says what became of it. A call that was held is asked again, since its answer comes from a person; so is one that
could not be recorded, and did not run.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remit.core import codec
from remit.core.canonical import canonical, digest, loads_strict
from remit.core.errors import BadInput, OutcomeUnknown
from remit.core.event import Event, StoredEvent
from remit.core.explained_record import decision_of, violation_of
from remit.core.history import UNKNOWN
from remit.core.refusals import CallDenied, ResultWithheld
from remit.core.types import Decision, Json, OnViolation, Result, Severity, Violation

if TYPE_CHECKING:
    from remit.usecases.session import Session

ONCE = "store.once"
"""Clause of a refusal that only says that the call was made before; the breaker does not count it."""
_MOST_KEPT = 512
"""Endings kept in memory; of older ones the journal knows."""
_ASKED_ANEW = ("approval.parked", "approval.envelope", "breaker.", "store.")
"""Refusals that say nothing about the call itself."""
_WRITTEN_OVER = re.compile(r"\[digest:[0-9a-f]{64}:[0-9]+\]|\[secret:[a-z]+:[0-9a-f]{10}\]")


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a call: a value, or the error that its caller got."""

    value: Json = None
    error: BaseException | None = None

    def give(self) -> Json:
        """The value again, or the error."""
        if self.error is not None:
            raise self.error
        return self.value


_RUNNING = Ending()
_RECORDED = Ending()
"""It ended, and the journal says how."""


class Once:
    """The memory of one session.

    Args:
        session: whose calls these are.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Ending] = OrderedDict()
        self._held: set[str] = set()

    def key(self, tool: str, args: object, call_id: str) -> str:
        """What names the call in its session.

        Raises:
            BadInput: it has no id.
        """
        if not call_id:
            raise BadInput("call(once)", "found no call_id", "pass the framework's id of the call")
        try:
            plain = loads_strict(args) if isinstance(args, str | bytes) else canonical(args)
        except BadInput:  # in monitor they reach the tool all the same, and then once as well
            plain = ["unreadable", _shown(args)]
        return digest(["once", self._session.id, codec.exact(call_id), codec.exact(tool), plain])

    def restore(self, history: Iterable[StoredEvent]) -> None:
        """What earlier parts of a resumed session have decided."""
        for stored in history:
            body = stored.event.body
            if stored.event.kind == "decided" and (key := str(body.get("once") or "")):
                self._restore(key, body)
            elif stored.event.kind == "released" and (key := str(body.get("once") or "")):
                self._known.pop(key, None)

    def _restore(self, key: str, body: Mapping[str, Any]) -> None:
        if _is_question(body):
            self._held.add(key)
        elif not _asked_anew(body.get("clauses", ())):
            self._known[key] = _RECORDED

    def held(self, key: str) -> bool:
        """Whether a person was asked about this call before; from now on one was."""
        with self._lock:
            before = key in self._held
            self._held.add(key)
            return before

    def begin(self, key: str, tool: str) -> Ending | None:
        """How the call of *tool* ended, or that it is in flight; None where it is now to be made."""
        with self._lock:
            known = self._known.get(key)
            if known is None:
                self._known[key] = _RUNNING
                return None
        if known is _RUNNING:
            return Ending(error=self._denied(tool, "the same call is still in flight"))
        return self.recorded(key, tool) if known is _RECORDED else known

    def end(self, key: str, ending: Ending, *, ran: bool) -> None:
        """Remember how it ended; forget it where it is to be asked anew.

        Args:
            key: of the call.
            ending: what its caller gets.
            ran: whether the tool was started.
        """
        with self._lock:
            if not ran and _forgotten(ending.error):
                self._known.pop(key, None)
                return
            self._known[key] = _for_others(ending)
            self._known.move_to_end(key)
            ended = [k for k, one in self._known.items() if one is not _RUNNING and one is not _RECORDED]
            for old in ended[: max(0, len(ended) - _MOST_KEPT)]:
                self._known[old] = _RECORDED

    def elsewhere(self, key: str, tool: str, error: BaseException) -> Ending:
        """Where the store says that the call was made before, what the journal knows of it."""
        if isinstance(error, CallDenied) and ONCE in error.decision.clauses:
            return self.recorded(key, tool)
        return Ending(error=error)

    def made(self, key: str, tool: str) -> CallDenied | None:
        """What says so where the journal knows that the call was decided elsewhere, and not given back."""
        decided, ended = self._decided(key)
        if decided is None or _asked_anew(decided.body.get("clauses", ())):
            return None
        if ended is not None and ended.kind == "released":
            return None
        return self._denied(tool, "the same call was made before in this session")

    # ------------------------------------------------------------------------------------------ from the journal
    def recorded(self, key: str, tool: str) -> Ending:
        """How the call ended, as the journal tells it."""
        decided, settled = self._decided(key)
        if decided is None:
            return Ending(error=self._denied(tool, "the same call was made before, and its record is gone"))
        return self._ending(decided, settled)

    def _decided(self, key: str) -> tuple[Event | None, Event | None]:
        """The call's decision, and its end where it has one."""
        decided: Event | None = None
        ended: dict[str, Event] = {}
        for stored in self._session.guard.records.events(self._session.id):
            event, token = stored.event, str(stored.event.body.get("token", ""))
            if event.kind == "decided" and event.body.get("once") == key and not _is_question(event.body):
                decided = event if not _only_once(event.body) else decided
            elif event.kind in ("settled", "released"):
                ended[token] = event
        return decided, None if decided is None else ended.get(str(decided.body.get("token", "")))

    def _ending(self, decided: Event, settled: Event | None) -> Ending:
        envelope = self._session.under().envelope
        decision = decision_of(decided.body, envelope)
        if decided.body.get("result") == Result.DENY and decided.body.get("enforced"):
            return Ending(error=CallDenied(decision))
        if settled is None:
            told = "the same call is still in flight, or nobody knows how it ended"
            return Ending(error=self._denied(decision.tool, told))
        if settled.kind == "released":
            told = "the same call was decided before and did not run; make another"
            return Ending(error=self._denied(decision.tool, told))
        return self._settled(decision, settled)

    def _settled(self, decision: Decision, settled: Event) -> Ending:
        body = settled.body
        if body.get("ended") != "value":
            error = body.get("error") or {}
            told = f"the same call was made before and raised {error.get('type')}: {error.get('message')}"
            if body.get("outcome") == UNKNOWN:
                return Ending(error=OutcomeUnknown(f"{decision.tool}: {told}"))
            return Ending(error=self._denied(decision.tool, told))
        if not body.get("segment"):
            found = tuple(violation_of(v) for v in body.get("violations", ()))
            return Ending(error=ResultWithheld(decision, found))
        text, form = settled.blobs.get("text", ""), body.get("form")
        if form in ("text", "json") and not _in_part(text):
            return Ending(text if form == "text" else loads_strict(text))
        told = "the same call was made before, and its result cannot be given again"
        return Ending(error=self._denied(decision.tool, told))

    def _denied(self, tool: str, message: str) -> CallDenied:
        violation = Violation(ONCE, "store", OnViolation.DENY, Severity.LOW, message)
        return CallDenied(Decision(Result.DENY, (ONCE,), violations=(violation,), tool=tool))


def _shown(args: object) -> str:
    try:
        return repr(args)
    except Exception:  # noqa: BLE001 - anybody's `__repr__`: then the call's id alone tells it apart
        return ""


def _for_others(ending: Ending) -> Ending:
    """What whoever asks again gets: an interrupt or a cancellation is the first caller's alone."""
    if ending.error is None or isinstance(ending.error, Exception):
        return ending
    told = f"the same call was made before and was interrupted: {type(ending.error).__name__}"
    return Ending(error=OutcomeUnknown(told))


def _in_part(text: str) -> bool:
    return len(text) >= codec.MOST_RESULT_CHARACTERS or _WRITTEN_OVER.search(text) is not None


def _is_question(decided: Mapping[str, Any]) -> bool:
    """Whether a person was asked: the call was held, and acted upon as such."""
    acted = bool(decided.get("enforced"))
    return decided.get("result") == Result.HOLD and acted and not decided.get("approval_id")


def _only_once(decided: Mapping[str, Any]) -> bool:
    return ONCE in decided.get("clauses", ())


def _asked_anew(clauses: Iterable[str]) -> bool:
    return any(clause.startswith(_ASKED_ANEW) for clause in clauses)


def _forgotten(error: BaseException | None) -> bool:
    """Whether a call that did not run is asked anew when it comes again."""
    if isinstance(error, CallDenied):
        return _asked_anew(error.decision.clauses)
    return error is not None
