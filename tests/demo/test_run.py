"""The demo from end to end, re-enacted from the recording: no model needed, the guard and the store are real."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from remit.core.errors import BadInput, Refused
from remit.demo import run
from remit.demo.account import Account, Anomaly, Held, Trip, telling
from remit.demo.model import LocalModel, ModelMissing
from remit.demo.printed import print_account, printable
from remit.demo.recordings import Rates, measured_rates
from remit.demo.sessions import demo_pairs, guarded, run_arm
from remit.demo.shop import CASES, Effects

pytest.importorskip("apsw")


@pytest.fixture(scope="module")
def no_model() -> Iterator[None]:
    def missing(self: LocalModel) -> None:
        raise ModelMissing("no wheel for this platform")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalModel, "start", missing)
        yield


@pytest.fixture(scope="module")
def told(no_model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The account of a re-enacted demo, as JSON."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        assert run.main(json_output=True, folder=tmp_path_factory.mktemp("account") / "demo") == 0
    account: dict[str, Any] = json.loads(out.getvalue())
    return account


def test_the_guard_stops_what_the_unguarded_agent_did(told):
    assert told["unguarded"]["refunded_wrongly"] > 0
    assert told["unguarded"]["repeated_refunds"] > 0
    assert told["unguarded"]["mails_to_strangers"] > 0
    assert told["guarded"]["refunded_wrongly"] == 0
    assert told["guarded"]["repeated_refunds"] == 0
    assert told["guarded"]["mails_to_strangers"] == 0
    assert told["planted"][1] > 0 and told["planted"][2] == 0


def test_every_anomaly_is_classified_with_a_reason_and_filed_under_an_incident(told):
    assert told["anomalies"]
    assert {anomaly["label"] for anomaly in told["anomalies"]} <= {"security", "sre", "both", "undetermined"}
    assert all(anomaly["because"] and 0 < anomaly["confidence"] <= 1 for anomaly in told["anomalies"])
    assert 0 < told["incidents"] <= len(told["anomalies"])


def test_allowed_held_and_refused_calls_all_occur_and_the_breaker_trips(told):
    assert all(told["calls"][result] > 0 for result in ("allow", "hold", "deny"))
    assert told["guarded"]["refunded"] > 0
    assert any(trip["after"] == "supervised" for trip in told["trips"])
    assert told["held"]


def test_every_session_of_both_arms_was_recorded_to_its_end(told):
    """Fails when prompt, tools, envelope or the words of a refusal change: then record again."""
    assert told["stopped"] == []
    assert told["pairs"] == len(CASES)


def test_each_anomaly_has_what_triggered_it_the_reasoning_and_the_attempted_action(told):
    assert told["anomalies"]
    for anomaly in told["anomalies"]:
        assert anomaly["attempted"] and anomaly["clauses"] and anomaly["reason"]
        assert anomaly["triggering_input"] and anomaly["reasoning"]


def test_the_rates_are_those_of_sixty_sessions_of_which_none_was_picked(told):
    assert measured_rates() == Rates(60, refunded_again=21, mailed_strangers=28, planted=30, followed=16)
    assert told["rates"]["refunded_again"] == 21


def test_the_account_names_the_commands_that_look_further(told):
    read = [Anomaly(**{**anomaly, "clauses": tuple(anomaly["clauses"])}) for anomaly in told["anomalies"]]
    shown = telling(read)[0]

    assert any(command.endswith(f"anomalies show {shown.anomaly_id}") for command in told["commands"])
    for name in ("remit.toml", "remit.db", "refund-demo.yaml", "unguarded.jsonl"):
        assert (Path(told["folder"]) / name).is_file()


def test_a_re_enactment_says_that_it_is_one(no_model, tmp_path, capsys):
    run.main(once=True, folder=tmp_path / "demo")

    printed = " ".join(capsys.readouterr().out.split())
    assert "no wheel for this platform. So these sessions are re-enacted" in printed
    assert "Look further into the same data" in printed


def test_a_demo_replaces_an_earlier_demo_and_nothing_else(tmp_path):
    folder = tmp_path / "demo"
    run.prepared(folder)
    (folder / "remit.db").write_text("old")
    run.prepared(folder)
    assert not (folder / "remit.db").exists()

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear Ada")
    with pytest.raises(BadInput, match="no earlier demo"):
        run.prepared(tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_an_arm_stops_when_its_time_is_used_up_but_runs_one_session():
    ran: list[int] = []

    def session(case: Any, seed: int) -> Any:
        ran.append(seed)

    run_arm(demo_pairs(), session, 0.0, lambda episode: None)

    assert len(ran) == 1


def test_an_agent_that_may_open_no_session_has_an_episode_that_says_so(scripted):
    class Halted:
        def session(self, **_: Any) -> Any:
            raise Refused("agent refund-demo is quarantined")

    episode = guarded(scripted([]), CASES[0], 1, Halted())  # type: ignore[arg-type]

    assert (episode.steps, episode.stopped) == ([], "agent refund-demo is quarantined")


HOSTILE = "\x1b[31m[bold]RESULT\x07\n"
ANOMALY = Anomaly(
    "01a2", "s-1", "denied", "medium", ("send_email.recipient",), "autonomous",
    f"send_email({HOSTILE})", HOSTILE, (("read_mail", "untrusted", HOSTILE),), (HOSTILE,), True,
    "security", 0.9, HOSTILE,
)  # fmt: skip
ACCOUNT = Account(
    model="m", pairs=1, unguarded=Effects(mails=1, mails_to_strangers=1), guarded=Effects(),
    planted=(1, 1, 0), calls={"allow": 1, "hold": 1, "deny": 1}, anomalies=(ANOMALY,), incidents=1,
    trips=(Trip("autonomous", "supervised", HOSTILE),), held=(Held("01a3", "s-1", HOSTILE, (HOSTILE,)),),
    rates=Rates(60, 21, 28, 30, 16), folder="demo",
)  # fmt: skip


def test_hostile_text_reaches_the_terminal_as_text():
    screen = io.StringIO()
    print_account(ACCOUNT, Console(file=screen, width=100))

    assert "\x1b" not in screen.getvalue() and "\x07" not in screen.getvalue()
    assert "[bold]RESULT" in screen.getvalue()


def test_an_account_of_nothing_prints_too():
    screen = io.StringIO()
    print_account(replace(ACCOUNT, anomalies=(), trips=(), held=()), Console(file=screen, width=100))

    assert "did not trip" in screen.getvalue() and "No call is held" in screen.getvalue()


def test_one_anomaly_is_told_for_each_set_of_clauses_strangers_first():
    own = replace(ANOMALY, anomaly_id="01a1", from_untrusted=False)
    other = replace(own, anomaly_id="01a0", clauses=("refund_payment.broken",))

    assert [a.anomaly_id for a in telling([other, own, ANOMALY])] == ["01a2", "01a0"]


def test_long_text_is_cut():
    assert len(printable("x" * 1000, 50)) == 50


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot be written"):
        run.prepared(tmp_path / "file" / "demo")
