"""`remit envelope explain --event`: why a call of the journal got its decision, on the day it was made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import remit as library

Remit = Callable[..., Any]
FACTS = {"customer_id": "17", "case_order_ids": ["O-1", "O-2"]}


def get_order(order_id: str) -> dict[str, Any]:
    return {"order_id": order_id, "customer_id": "17" if order_id == "O-1" else "99", "total": 1200}


@pytest.fixture
def store(tmp_path: Path, examples: Path) -> str:
    """A journal with a result that was withheld, and a refund that was refused."""
    text = (examples / "cookbook-refunds.yaml").read_text(encoding="utf-8")
    envelope = tmp_path / "old.yaml"
    envelope.write_text(text.replace("max: 40", "max: 41"), encoding="utf-8")
    address = f"sqlite:///{tmp_path}/remit.db"
    with library.open(str(envelope), store=address) as guard, guard.session(facts=FACTS) as session:
        with pytest.raises(library.Refused):
            session.call("get_order", {"order_id": "O-2"}, run=get_order)
        with pytest.raises(library.Refused):
            session.call("refund_payment", {"order_id": "O-1", "amount": 90000}, run=dict)
    envelope.unlink()
    return address


def steps(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["clause"].partition(".")[2]: step for step in report["steps"]}


def anomalies(remit: Remit, store: str) -> list[str]:
    return [one["id"] for one in remit("anomalies", "ls", "--store", store, "--json").object["anomalies"]]


def test_a_refusal_is_explained_by_the_envelope_of_its_day(remit: Remit, store: str) -> None:
    refused = anomalies(remit, store)[-1]
    ran = remit("envelope", "explain", "--event", refused, "--store", store, "--json")
    told = steps(ran.object)

    assert (ran.code, ran.object["result"], ran.object["ran"]) == (0, "deny", False)
    assert told["ceiling"]["state"] == "not met"
    assert {"part": "args.amount", "value": 90000} in told["ceiling"]["values"]
    assert told["order-was-read"]["state"] == "not met"
    assert told["own-case"]["state"] == "met"
    assert "at most 41" in told["agent-hour"]["asserts"]


def test_a_withheld_result_is_explained_by_what_was_recorded_of_it(remit: Remit, store: str) -> None:
    withheld = anomalies(remit, store)[0]
    ran = remit("envelope", "explain", "--event", withheld, "--store", store, "--json")
    told = steps(ran.object)

    assert (ran.object["result"], ran.object["ran"], ran.object["withheld"]) == ("allow", True, True)
    assert (told["own-customer"]["state"], told["output"]["state"]) == ("not met", "met")
    for_people = remit("envelope", "explain", "--event", withheld[:14], "--store", store)
    assert "it ran, and its result was withheld" in for_people.out


def test_reading_an_explanation_is_recorded(remit: Remit, store: str) -> None:
    remit("envelope", "explain", "--event", anomalies(remit, store)[0], "--store", store)
    exported = remit("journal", "export", "--store", store)

    assert "anomaly.read" in exported.out


@pytest.mark.parametrize("event", ["nope", " ", "0"])
def test_an_id_that_is_none_or_begins_several_is_told(remit: Remit, store: str, event: str) -> None:
    ran = remit("envelope", "explain", "--event", event, "--store", store)

    assert ran.code == 3
    assert "event" in ran.err


def test_an_event_needs_no_envelope_and_takes_none(remit: Remit, store: str, examples: Path) -> None:
    given = ("--envelope", examples / "refund.yaml")

    assert remit("envelope", "explain", "--event", "x", "--store", store, *given).code == 2
    assert remit("envelope", "explain").code == 2
