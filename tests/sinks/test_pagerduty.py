"""Events for PagerDuty's Events API v2, by the rules of its documentation."""

from __future__ import annotations

import datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from remit.core.alert import Action, Urgency
from remit.core.types import Severity
from remit.sinks.pagerduty import dedup_key, pagerduty

from .drawn import alert, alerts

KEY = "R0UT1NGKEY0000000000000000000000"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alerts)
def test_every_alert_keeps_to_the_limits_of_the_api(drawn):
    event = pagerduty(drawn, KEY)

    assert event["event_action"] in ("trigger", "acknowledge", "resolve")
    assert 0 < len(event["dedup_key"]) <= 255
    assert len(msgspec.json.encode(event)) < 512 * 1024
    if event["event_action"] == "trigger":
        payload = event["payload"]
        assert 0 < len(payload["summary"]) <= 1024
        assert payload["source"]
        assert payload["severity"] in ("critical", "error", "warning", "info")
        assert datetime.datetime.fromisoformat(payload["timestamp"]).tzinfo
        assert all(link["href"].startswith("https://") for link in event["links"])


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (Action.TRIGGER, "trigger"),
        (Action.UPDATE, "trigger"),
        (Action.ACKNOWLEDGE, "acknowledge"),
        (Action.RESOLVE, "resolve"),
    ],
)
def test_one_key_opens_takes_and_resolves_an_incident(action, told):
    event = pagerduty(alert(action=action), KEY)
    assert (event["event_action"], event["dedup_key"]) == (told, "remit:inc-7f3a")
    assert ("payload" in event) is (told == "trigger")


def test_a_long_or_odd_id_is_a_digest_and_two_of_them_are_not_one():
    keys = {dedup_key(alert(incident=one)) for one in ("x" * 300, "x" * 301, "a\nb", "a\\nb", "inc-1")}
    assert len(keys) == 5
    assert all(len(key) <= 255 and key.isprintable() for key in keys)


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": Severity.CRITICAL}, "critical"),
        ({"severity": Severity.HIGH}, "error"),
        ({"severity": Severity.MEDIUM}, "warning"),
        ({"severity": Severity.LOW}, "info"),
        ({"severity": Severity.LOW, "mode": "halted"}, "critical"),
        ({"severity": Severity.LOW, "mode": "quarantined"}, "critical"),
        ({"severity": Severity.LOW, "mode": "supervised"}, "error"),
        ({"severity": Severity.LOW, "effect": "irreversible", "ran": True}, "critical"),
        ({"severity": Severity.LOW, "effect": "egress", "ran": None}, "critical"),
        ({"severity": Severity.CRITICAL, "urgency": Urgency.QUEUE}, "warning"),
        ({"severity": Severity.LOW, "urgency": Urgency.QUEUE}, "info"),
    ],
)
def test_the_severity_is_that_of_what_happened_and_no_more_than_a_warning_in_working_hours(fields, severity):
    told = alert(**{"effect": "write", "ran": False, **fields})
    assert pagerduty(told, KEY)["payload"]["severity"] == severity


def test_no_argument_and_no_quotation_leaves_even_where_the_route_permits_content():
    event = str(pagerduty(alert(), KEY))
    assert "US133000000121212121212" not in event
    assert 'untrusted text of read_file explains the call: "…"' in event


def test_a_page_says_where_what_and_what_to_type():
    payload = pagerduty(alert(), KEY)["payload"]
    assert payload["summary"] == "bank-agent: send_money refused 3 times"
    assert (payload["source"], payload["component"], payload["class"]) == (
        "prod/bank-agent",
        "send_money",
        "denied",
    )
    assert payload["custom_details"]["command"] == "remit incidents show inc-7f3a"
