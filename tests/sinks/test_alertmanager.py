"""Alerts for Alertmanager, by the checks that its API makes (`Alert.Validate`, and its OpenAPI description)."""

from __future__ import annotations

import datetime
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.alert import Action
from remit.core.classify.classification import Class
from remit.sinks.alertmanager import alertmanager, labels

from .drawn import alert, alerts


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alerts)
def test_every_alert_passes_the_checks_of_its_api(drawn):
    (posted,) = alertmanager(drawn)

    assert posted["labels"]["alertname"]
    for name, value in (posted["labels"] | posted["annotations"]).items():
        assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name)
        assert value
        value.encode()
    starts = datetime.datetime.fromisoformat(posted["startsAt"])
    if "endsAt" in posted:
        assert datetime.datetime.fromisoformat(posted["endsAt"]) >= starts
    assert set(posted) <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}


@given(st.sampled_from(Action), st.integers(0, 99), st.sampled_from(Class), st.text(), st.text())
def test_what_changes_while_an_incident_lasts_is_no_part_of_its_identity(
    action, count, label, title, session
):
    told = alert(
        action=action, count=count, label=label, title=title, session=session, revision=count, id=session
    )
    assert labels(told) == labels(alert())


def test_an_active_alert_holds_for_the_receivers_own_timeout_and_an_ended_one_ends():
    (active,) = alertmanager(alert())
    (ended,) = alertmanager(alert(action=Action.RESOLVE))
    assert "endsAt" not in active
    assert ended["endsAt"] == "2026-09-21T14:14:21.250Z"
    assert ended["labels"] == active["labels"]


def test_labels_are_few_and_name_the_incident_and_neither_session_nor_call():
    assert labels(alert()) == {
        "alertname": "RemitAnomaly",
        "severity": "high",
        "team": "security",
        "agent": "bank-agent",
        "tool": "send_money",
        "kind": "denied",
        "env": "prod",
        "tenant": "default",
        "incident": "inc-7f3a",
    }


def test_empty_labels_are_left_out_as_the_receiver_would():
    assert "tool" not in labels(alert(tool=" "))
    assert labels(alert(kind="drift-watch"))["alertname"] == "RemitDrift"
