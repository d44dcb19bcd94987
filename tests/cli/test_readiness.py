"""`remit readiness`, from recorded sessions and from a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import remit as remit_package

Remit = Callable[..., Any]
Written = Callable[..., Path]

ENVELOPE = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: mailer, version: "1"}
spec:
  enforcement: monitor
  tools:
    send:
      effect: write
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
      require: [{id: inside, expr: "args.to.endsWith('@corp.example')"}]
      limits: [{id: few, count: calls, within: 1h, max: 1000}]
    look: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
"""


@pytest.fixture
def envelope(written: Written) -> Path:
    return written("envelope.yaml", ENVELOPE)


def sends(name: str, *to: str, tool: str = "send") -> dict[str, Any]:
    calls = [{"name": tool, "args": {"to": one}} for one in to]
    return {"session_id": name, "steps": [{"role": "assistant", "tool_calls": calls}]}


def test_it_tells_what_enforcing_would_have_refused_by_clause(
    remit: Remit, written: Written, envelope: Path
) -> None:
    sessions = [
        sends("a", "x@corp.example", "x@evil.example"),
        sends("b", "y@corp.example"),
        sends("c", "z", tool="fly"),
    ]
    path = written("s.jsonl", sessions)
    ran = remit("readiness", "--sessions", path, "--envelope", envelope, "--enough", 3, "--json")
    report = ran.object

    assert ran.code == 0
    assert (report["calls"], report["sessions"], report["would_refuse"], report["would_hold"]) == (4, 3, 2, 0)
    assert report["share_of_sessions_touched"] == pytest.approx(2 / 3, abs=1e-6)
    inside = next(line for line in report["clauses"] if line["clause"] == "send.inside")
    assert (inside["calls"], inside["sessions"]) == (1, 1)
    assert inside["example"]["args"] == {"to": "x@evil.example"}
    assert report["ungoverned"] == [{"tool": "fly", "calls": 1, "sessions": 1}]
    assert report["ready"] == [{"clause": "send.few", "tool": "send", "calls": 3, "rate_at_most": 1.0}]
    assert report["never_called"] == ["look"]


def test_people_get_the_same_as_tables(remit: Remit, written: Written, envelope: Path) -> None:
    path = written("s.jsonl", [sends("a", "x@evil.example"), sends("c", "z", tool="fly")])
    ran = remit("readiness", "--sessions", path, "--envelope", envelope)

    assert (
        "2 calls in 2 sessions. Enforcing refuses 2 and holds 0; it touches 2 sessions (100.0%)." in ran.out
    )
    assert "send.inside" in ran.out
    assert "ungoverned" in ran.out
    assert "never called: look" in ran.out


def test_no_decision_yet_says_what_to_do(remit: Remit, written: Written, envelope: Path) -> None:
    ran = remit("readiness", "--sessions", written("s.jsonl", []), "--envelope", envelope)

    assert ran.code == 0
    assert "no decision yet" in ran.out


def test_sessions_and_a_store_at_once_are_refused(remit: Remit, envelope: Path) -> None:
    assert remit("readiness", "--sessions", "x", "--store", "memory:", "--envelope", envelope).code == 2


def test_a_store_tells_what_monitoring_saw(
    remit: Remit, envelope: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "home"))
    store = f"sqlite:///{tmp_path}/remit.db"
    with remit_package.open(str(envelope), store=store) as guard, guard.session() as session:
        session.call("send", {"to": "x@corp.example"}, run=lambda to: to)
        session.call("send", {"to": "x@evil.example"}, run=lambda to: to)
    report = remit("readiness", "--store", store, "--envelope", envelope, "--json").object

    assert (report["calls"], report["sessions"], report["would_refuse"]) == (2, 1, 1)
    assert report["of_these_in_force"] == {"deny": 0, "hold": 0}
    assert [line["clause"] for line in report["clauses"]] == ["send.inside"]
    assert report["first_at"] <= report["last_at"]
    assert [line["clause"] for line in report["unproven"]] == ["send.few"]


def test_results_and_answers_that_monitoring_let_through_are_told(
    remit: Remit, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "home"))
    clauses = """      ensure: [{id: known, expr: "output == 'sent'"}]
"""
    text = ENVELOPE.replace("    look:", clauses + "    look:") + "  outputs: [{id: short, max_length: 3}]\n"
    envelope, store = written("judged.yaml", text), f"sqlite:///{tmp_path}/remit.db"
    with remit_package.open(str(envelope), store=store) as guard, guard.session() as session:
        session.call("send", {"to": "x@corp.example"}, run=lambda to: "lost")
        session.finish("too long")
    report = remit("readiness", "--store", store, "--envelope", envelope, "--json").object
    ran = remit("readiness", "--store", store, "--envelope", envelope)

    assert (report["would_refuse"], report["would_withhold"], report["would_refuse_answers"]) == (0, 1, 1)
    assert {line["clause"] for line in report["clauses"]} == {"send.known", "outputs.short"}
    assert "withholds 1 results and refuses 1 final answers" in ran.out
