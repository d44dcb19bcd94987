"""Sessions at hand: whatever the order of the questions, each says what the session had seen, and few events are read."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from remit.core.event import Event, StoredEvent
from remit.usecases import sessions_at_hand as module
from remit.usecases.cases import SessionSoFar
from remit.usecases.sessions_at_hand import SessionsAtHand

TOLD = {"role": "tool", "source": "read", "integrity": "untrusted", "confidentiality": "public"}


class Journal:
    """Sessions whose texts and anomalies take turns."""

    def __init__(self, sessions: int, events: int, text: str = "text") -> None:
        self.read = 0
        self.stored: list[StoredEvent] = []
        for seq in range(1, sessions * events + 1):
            kind = "observed" if seq // sessions % 2 else "decided"
            body = {**TOLD, "index": seq} if kind == "observed" else {}
            event = Event(
                f"e{seq}", f"s{seq % sessions}", kind, "bot", "", body, blobs={"text": f"{text} {seq}"}
            )
            self.stored.append(StoredEvent(seq, float(seq), event))

    @property
    def anomalies(self) -> list[StoredEvent]:
        return [one for one in self.stored if one.event.kind == "decided"]

    def events(self, session: str, after: int, last: int, kinds: Sequence[str]) -> Iterator[StoredEvent]:
        for one in self.stored:
            if one.event.session == session and after < one.seq <= last and one.event.kind in kinds:
                self.read += 1
                yield one

    def seen(self, anomaly: StoredEvent) -> list[str]:
        own = [one for one in self.stored[: anomaly.seq] if one.event.session == anomaly.event.session]
        return [one.event.blobs["text"] for one in own if one.event.kind == "observed"]


def texts(session: SessionSoFar) -> list[str]:
    return [segment.text for segment in session.segments]


@pytest.mark.parametrize("seed", range(5))
def test_each_anomaly_sees_what_came_before_it_in_whatever_order_it_is_asked_about(seed: int) -> None:
    journal = Journal(sessions=3, events=20)
    at_hand = SessionsAtHand(journal.events, lambda *_: None)
    asked = random.Random(seed).choices(journal.anomalies, k=40)

    for begin in range(0, len(asked), 8):
        batch = asked[begin : begin + 8]
        at_hand.expect(batch)
        for anomaly in batch:
            assert texts(at_hand.so_far(anomaly)) == journal.seen(anomaly)


def test_what_was_expected_and_never_asked_about_leaves_no_gap() -> None:
    journal = Journal(sessions=1, events=40)
    at_hand = SessionsAtHand(journal.events, lambda *_: None)
    first, second, *_, last = journal.anomalies

    at_hand.expect([first, second])
    at_hand.so_far(first)

    assert texts(at_hand.so_far(last)) == journal.seen(last)


def test_in_order_each_event_is_read_once() -> None:
    journal = Journal(sessions=4, events=40)
    at_hand = SessionsAtHand(journal.events, lambda *_: None)

    for begin in range(0, len(journal.anomalies), 16):
        at_hand.expect(journal.anomalies[begin : begin + 16])
        for anomaly in journal.anomalies[begin : begin + 16]:
            at_hand.so_far(anomaly)

    assert journal.read <= len(journal.stored)


def test_texts_at_hand_are_bounded_and_read_again_where_they_were_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2_000)
    journal = Journal(sessions=6, events=20, text="x" * 90)
    at_hand = SessionsAtHand(journal.events, lambda *_: None)

    for anomaly in journal.anomalies:
        assert texts(at_hand.so_far(anomaly)) == journal.seen(anomaly)
    kept = at_hand._sessions.values()
    assert at_hand._size == sum(session.size for session in kept) <= 2_000
