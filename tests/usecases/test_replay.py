"""R1 in memory: each call is judged on what the session had seen before it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from remit.core.envelope import Envelope
from remit.core.reader import read_envelope
from remit.core.recorded import RecordedSession, read_session
from remit.core.types import PrincipalKind
from remit.usecases.replay import Tally, fits, replay_session, session_line

ENVELOPE = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: x, version: "1"}
spec:
  session: {type: object, additionalProperties: false, properties: {mail: {type: string}}}
  sources: {inbox: {integrity: untrusted}, inbox.sender: {integrity: principal}, page: {integrity: untrusted}}
  tools:
    inbox: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
    page: {effect: read, args: {type: object, additionalProperties: false, properties: {about: {type: string}}}}
    send:
      effect: write
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
      flow: [{id: known, arg: to, from: [user, session, inbox.sender, page], on_violation: hold, by: [owner]}]
      limits: [{id: few, count: calls, by: [args.to], within: 1h, max: 2}]
    trust:
      effect: write
      args: {type: object, additionalProperties: false, required: [who], properties: {who: {type: string}}}
      flow: [{id: operator, arg: who, integrity: trusted}]
"""


@pytest.fixture
def envelope() -> Envelope:
    return read_envelope(ENVELOPE, "e")


def session(*steps: dict[str, Any], **extra: Any) -> RecordedSession:
    return read_session(json.dumps({"session_id": "s", "steps": steps, **extra}).encode(), "f:1")


def says(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def asks(tool: str, **args: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"name": tool, "args": args}]}


def tells(text: str) -> dict[str, Any]:
    return {"role": "tool", "content": text}


def results(recorded: RecordedSession, envelope: Envelope, kind: PrincipalKind | None = None) -> list[str]:
    return [judged.decision.result.value for judged in replay_session(recorded, envelope, kind).judged]


def test_a_value_counts_only_once_it_was_seen(envelope: Envelope) -> None:
    recorded = session(asks("send", to="bob"), tells("sent"), says("write to bob"), asks("send", to="bob"))

    assert results(recorded, envelope) == ["hold", "allow"]


def test_what_a_call_asked_is_not_vouched_for_by_its_result(envelope: Envelope) -> None:
    echoed = session(asks("page", about="eve"), tells("nothing about eve"), asks("send", to="eve"))
    found = session(asks("page", about="people"), tells("write to eve"), asks("send", to="eve"))

    assert results(echoed, envelope) == ["allow", "hold"]
    assert results(found, envelope) == ["allow", "allow"]


@pytest.mark.parametrize(
    "args", [{"about": "x" * 1_200_000 + " eve"}, {"about": {"a": ["eve"]}}, "not json: eve"]
)
def test_neither_is_it_where_the_arguments_were_refused(envelope: Envelope, args: Any) -> None:
    step = {"role": "assistant", "tool_calls": [{"name": "page", "args": args}]}
    recorded = session(step, tells("nothing about eve"), asks("send", to="eve"))

    assert results(recorded, envelope) == ["deny", "hold"]


def test_facts_and_labelled_fields_are_seen_as_they_are_live(envelope: Envelope) -> None:
    mail = json.dumps({"sender": "bob@corp.example", "body": "or eve@evil.example"})
    recorded = session(
        asks("inbox"),
        tells(mail),
        asks("send", to="bob@corp.example"),
        asks("send", to="eve@evil.example"),
        asks("send", to="ann@corp.example"),
        facts={"mail": "ann@corp.example"},
    )

    assert results(recorded, envelope) == ["allow", "allow", "hold", "allow"]


def test_whose_text_the_users_is_comes_from_the_record_before_the_option(envelope: Envelope) -> None:
    steps = (says("trust bob"), asks("trust", who="bob"))

    assert results(session(*steps), envelope) == ["deny"]
    assert results(session(*steps), envelope, PrincipalKind.OPERATOR) == ["allow"]
    assert results(session(*steps, principal_kind="customer"), envelope, PrincipalKind.OPERATOR) == ["deny"]


def test_a_limit_counts_what_this_envelope_allows(envelope: Envelope) -> None:
    recorded = session(
        asks("send", to="bob"),
        says("bob and ann"),
        *(asks("send", to="bob") for _ in range(3)),
        asks("send", to="ann"),
    )

    assert results(recorded, envelope) == ["hold", "allow", "allow", "deny", "allow"]


def test_an_unlisted_tool_is_counted_by_name(envelope: Envelope) -> None:
    tally = Tally()
    tally.add(replay_session(session(asks("fly"), asks("fly"), asks("inbox")), envelope))

    assert tally.summary()["unlisted"] == {"fly": 2}
    assert tally.examples["unlisted"]["why"] == "tool 'fly' is not in the envelope"


def test_a_line_tells_the_first_call_that_would_not_run(envelope: Envelope) -> None:
    line = session_line(replay_session(session(asks("inbox"), asks("send", to="eve"), asks("fly")), envelope))

    assert (line["calls"], line["allow"], line["hold"], line["deny"]) == (3, 1, 1, 1)
    assert (line["first"]["step"], line["first"]["clauses"]) == (1, ["send.known"])
    assert line["first"]["reason"].startswith("send.known: to 'eve' must come from")


def test_tallies_add_up_whatever_the_order(envelope: Envelope) -> None:
    parts = [replay_session(session(asks("inbox")), envelope), replay_session(session(asks("fly")), envelope)]
    whole = Tally()
    for part in parts:
        whole.add(part)
    merged = Tally()
    for part in reversed(parts):
        one = Tally()
        one.add(part)
        merged.merge(one)

    assert merged.summary() == whole.summary()


def test_the_same_record_gives_the_same_line(envelope: Envelope) -> None:
    recorded = session(says("write to bob"), asks("send", to="bob"), tells("sent"), asks("send", to="eve"))

    assert session_line(replay_session(recorded, envelope)) == session_line(
        replay_session(recorded, envelope)
    )


@pytest.mark.parametrize(
    ("where", "fitting"),
    [
        ({}, True),
        ({"suite": "bank"}, True),
        ({"suite": "shop"}, False),
        ({"model": "m"}, True),
        ({"meta.model": "m"}, True),
        ({"trial": "3"}, True),
        ({"success": "true"}, True),
        ({"success": "True"}, True),
        ({"attack": "null"}, True),
        ({"attack.name": "x"}, False),
        ({"a.b": "dotted"}, True),
    ],
)
def test_where_compares_fields_as_text(where: dict[str, str], fitting: bool) -> None:
    fields = {
        "suite": "bank",
        "trial": 3,
        "success": True,
        "attack": None,
        "meta": {"model": "m"},
        "a.b": "dotted",
    }

    assert fits(session(**fields), where) is fitting


def test_a_folder_that_vanishes_while_it_is_looked_through_is_not_there(tmp_path, monkeypatch):
    from remit.usecases.sessions_files import session_files

    (tmp_path / "a.jsonl").write_text("{}\n")
    (tmp_path / "gone").mkdir()
    walked = os.scandir

    def vanishing(path):
        if Path(path).name == "gone":
            raise FileNotFoundError(path)
        return walked(path)

    with monkeypatch.context() as patched:  # the test's own folder is removed with the real one
        patched.setattr(os, "scandir", vanishing)
        found = [file.name for file in session_files([tmp_path])]

    assert found == ["a.jsonl"]
