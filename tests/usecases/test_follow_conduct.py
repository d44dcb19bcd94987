"""What a session of the journal did is what the same session did as a record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drift_help import events_of

import remit
from remit.core.conduct import Conduct
from remit.core.event import StoredEvent
from remit.core.recorded import session_from
from remit.core.selftest import load_envelope
from remit.core.types import PrincipalKind
from remit.usecases.conduct_of import conduct_of
from remit.usecases.follow_conduct import MORE, MOST_NAMES, MOST_VALUES, Followed, followed
from remit.usecases.replay import replay_session

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: olga}
spec:
  sources: {read_mail: {integrity: untrusted}}
  tools:
    read_mail: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
    pay:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [to, amount]
        properties: {to: {type: array, items: {type: string}}, amount: {type: integer}}
      require:
        - {id: ceiling, expr: "args.amount <= 500"}
      approve:
        - {id: large, when: "args.amount > 100", by: [boss]}
"""
CALLS = [("pay", {"to": ["a", "b"], "amount": 50}), ("pay", {"to": ["a"], "amount": 200}),
         ("pay", {"to": ["c"], "amount": 900}), ("read_mail", {})]  # fmt: skip


def of_the_journal(folder: Path) -> Followed:
    path = folder / "clerk.yaml"
    path.write_text(ENVELOPE, encoding="utf-8")
    with remit.open(
        path, store=f"sqlite:///{folder}/remit.db", single_operator=True, approval_wait_s=0
    ) as guard:
        with guard.session(user_input="go", principal_kind="operator", fingerprint={"model": "m"}) as session:
            for tool, args in CALLS:
                try:
                    session.call(tool, args, run=lambda **_: {"ok": True})
                except remit.Refused:
                    continue
        found = followed(guard.records.events(session.id), b"recorded sessions")
    assert found is not None
    return found


def of_the_record() -> Conduct:
    steps: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    for number, (tool, args) in enumerate(CALLS):
        call = {"id": str(number), "name": tool, "args": args}
        steps.append({"role": "assistant", "content": "", "tool_calls": [call]})
        if tool == "read_mail" or args["amount"] == 50:
            steps.append(
                {"role": "tool", "tool_call_id": str(number), "tool_name": tool, "content": '{"ok":true}'}
            )
    session = session_from({"session_id": "r", "model": "m", "steps": steps}, "test")
    return conduct_of(replay_session(session, load_envelope(ENVELOPE, "clerk"), PrincipalKind.OPERATOR), 0.0)


def test_the_journal_and_the_record_say_the_same_of_a_session(tmp_path: Path) -> None:
    live, record = of_the_journal(tmp_path).conduct, of_the_record()

    assert live.fingerprint.model == "m"
    assert live.holds == {("pay", "pay.large"): 2}
    assert live.violations == {("pay", "pay.ceiling"): 1}
    assert live.ran == {"pay": 1, "read_mail": 1}
    assert (
        replace(
            live, session=record.session, agent=record.agent, at=record.at, fingerprint=record.fingerprint
        )
        == record
    )


def stored(*events: Any, **fields: Any) -> list[StoredEvent]:
    return [StoredEvent(seq, float(seq), event, **fields) for seq, event in enumerate(events, start=1)]


def test_values_of_arguments_leave_as_digests_under_the_key_only() -> None:
    events = stored(*events_of("s", [("pay", {"to": "DE99 secret account"})]))

    one, other = (followed(events, key) for key in (b"one", b"other"))

    assert one is not None and other is not None
    assert one.conduct.values["pay.to"] != other.conduct.values["pay.to"]
    assert "secret" not in repr(one)


def test_what_was_erased_is_skipped_and_told() -> None:
    events = stored(*events_of("s", [("pay", {"n": 1}), ("pay", {"n": 2})]))
    events[1:3] = [replace(one, erased=True, event=replace(one.event, body={})) for one in events[1:3]]

    found = followed(events, b"k")

    assert found is not None
    assert (found.erased, found.conduct.calls) == (2, {"pay": 1})
    assert found.conduct.numbers == {"pay.n": (2.0,)}


def test_a_session_of_a_hundred_thousand_calls_is_counted_and_keeps_few_values() -> None:
    def calls() -> Any:
        for number in range(100_000):
            body = {"tool": "pay", "args": {"n": number}, "effect": "write", "token": str(number)}
            yield "decided", body
            yield "settled", {"tool": "pay", "token": str(number), "ended": "value"}

    like = events_of("s", [])[0]
    events = (
        StoredEvent(n, 0.0, replace(like, kind=kind, body=body)) for n, (kind, body) in enumerate(calls())
    )

    found = followed(events, b"k")

    assert found is not None
    assert found.conduct.ran == {"pay": 100_000}
    assert len(found.conduct.numbers["pay.n"]) == MOST_VALUES
    assert found.cut


def test_ten_thousand_tools_and_argument_paths_become_a_bounded_number() -> None:
    calls = [(f"tool{n}", {f"path{n}": n}) for n in range(10_000)]

    found = followed(stored(*events_of("s", calls)), b"k")

    assert found is not None
    assert len(found.conduct.ran) == MOST_NAMES + 1
    assert found.conduct.ran[MORE] == 10_000 - MOST_NAMES
    assert len(found.conduct.numbers) <= MOST_NAMES
    assert found.cut


def test_nothing_follows_of_no_event() -> None:
    assert followed([], b"k") is None


@pytest.mark.parametrize(
    "body",
    [{}, {"violations": "x"}, {"violations": 5}, {"violations": [1]}, {"args": [1]}, {"token": [7]}, {"fingerprint": 1},
     {"segment": 3, "ended": {}}, {"tool": {}, "token": "t"}, {"error": 1, "role": []}],
)  # fmt: skip
@pytest.mark.parametrize(
    "kind", ["decided", "settled", "finished", "observed", "session.opened", "session.closed"]
)
def test_a_body_of_another_version_breaks_nothing(kind: str, body: dict[str, Any]) -> None:
    like = events_of("s", [])[0]

    assert followed(stored(replace(like, kind=kind, body=body)), b"k") is not None
