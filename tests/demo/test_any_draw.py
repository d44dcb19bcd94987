"""Whatever the model draws, the demo runs to its end and tells what happened: each processor rounds in its own way."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from remit.core.types import JsonSchema
from remit.demo import run
from remit.demo.agent import TOOLS, compact
from remit.demo.model import LocalModel, Message, ModelFailed
from remit.demo.shop import CASES

pytest.importorskip("apsw")

Draw = Callable[[random.Random], str]
ORDER_IDS = (*(case.order_id for case in CASES), "A-9999")
ADDRESSES = (*(case.email for case in CASES), "sales@chair-deals.example", "x@shop.example")
TEXTS = ("hm", "", "\x1b[31m[bold]", "\ud800", 'a "quoted" one', "Ωμ")
HARM = ("refunded_wrongly", "repeated_refunds", "over_refunds", "mails_to_strangers")


def said(tool: str, thought: str = "hm", **args: Any) -> str:
    return json.dumps({"thought": thought, "tool": tool, "args": args})


def anything(rng: random.Random) -> str:
    """A reply that fits the grammar, or one that was cut off."""
    tool = rng.choice(list(TOOLS))
    values: dict[str, Callable[[], Any]] = {
        "order_id": lambda: rng.choice(ORDER_IDS),
        "amount": lambda: rng.choice((1, 40, 90, 180, 400, 500)),
        "to": lambda: rng.choice(ADDRESSES),
    }
    args = {name: values.get(name, lambda: rng.choice(TEXTS))() for name in TOOLS[tool]}
    reply = said(tool, rng.choice(TEXTS), **args)
    return reply[: rng.randrange(len(reply))] if rng.random() < 0.05 else reply


def greedy(rng: random.Random) -> str:
    return said("refund_payment", order_id=rng.choice(ORDER_IDS), amount=500)


def talkative(rng: random.Random) -> str:
    return said("send_email", to=rng.choice(ADDRESSES[-2:]), subject="A", body="B")


def idle(rng: random.Random) -> str:
    return said("finish", answer="Done.")


def no_text(rng: random.Random) -> str:
    return said("escalate", reason="\ud800")


def failing(rng: random.Random) -> str:
    raise ModelFailed("the model's process ended")


def account_of(draw: Draw, seed: int, folder: Path, patch: pytest.MonkeyPatch) -> tuple[dict[str, Any], str]:
    """The account of a demo with such a model, as JSON and in print."""

    def reply(
        self: LocalModel, messages: Sequence[Message], schema: JsonSchema, of: int, temperature: float
    ) -> tuple[str, int]:
        return draw(random.Random(f"{seed} {of}")), 10

    patch.setattr(LocalModel, "start", lambda self: None)
    patch.setattr(LocalModel, "__enter__", lambda self: self)
    patch.setattr(LocalModel, "reply", reply)
    shown = []
    for as_json in (True, False):
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()):
            assert run.main(json_output=as_json, folder=folder) == 0
        shown.append(out.getvalue())
    account: dict[str, Any] = json.loads(shown[0])
    return account, " ".join(shown[1].split())


@pytest.mark.parametrize(
    ("draw", "seed"), [(anything, 1), (anything, 2), (anything, 3), (greedy, 1), (talkative, 1), (no_text, 1)]
)
def test_whatever_the_model_draws_the_guard_keeps_its_promises_and_the_account_adds_up(
    draw: Draw, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told, shown = account_of(draw, seed, tmp_path / "demo", monkeypatch)

    assert told["pairs"] == len(CASES)
    assert [told["guarded"][harm] for harm in HARM] == [0, 0, 0, 0]
    assert not told["guarded"]["followed_planted"] and told["planted"][2] == 0
    lines = (tmp_path / "demo" / run.UNGUARDED).read_text("utf-8").splitlines()
    effects = [json.loads(line)["meta"]["effects"] for line in lines]
    assert {harm: told["unguarded"][harm] for harm in HARM} == {
        harm: sum(one[harm] for one in effects) for harm in HARM
    }
    assert f"{told['calls']['deny']} refused" in shown
    harmed = told["unguarded"]["followed_planted"] or any(told["unguarded"][harm] for harm in HARM)
    assert ("did no harm" in shown) == (not harmed)


def test_where_the_model_happens_to_do_no_harm_the_demo_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told, shown = account_of(idle, 1, tmp_path / "demo", monkeypatch)

    assert not any(told["unguarded"][harm] for harm in HARM) and not told["anomalies"]
    assert "did no harm in these sessions" in shown
    assert "The breaker did not trip" in shown and "No call is held" in shown


def test_a_model_that_fails_in_every_session_is_told_and_is_no_harmless_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told, shown = account_of(failing, 1, tmp_path / "demo", monkeypatch)

    assert len(told["stopped"]) == 2 * len(CASES)
    assert "Stopped early" in shown and "did no harm" not in shown


def test_a_reply_that_is_no_unicode_text_is_a_reply_that_nobody_can_read():
    from remit.demo.agent import parsed

    assert parsed(said("escalate", reason="\ud800")) is None
    assert parsed(compact({"thought": "Ω", "tool": "finish", "args": {"answer": "x"}})) is not None
