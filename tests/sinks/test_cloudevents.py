"""CloudEvents as the SDK of its authors reads them."""

from __future__ import annotations

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import HealthCheck, given, settings

from remit.core.alert import Action
from remit.core.routes import RouteSettings
from remit.sinks.cloudevents import MEDIA
from remit.sinks.form import encoded
from remit.sinks.message import message
from remit.sinks.table import FORMATS, build

from .drawn import alert, alerts
from .receivers import HttpReceiver

ROUTE = RouteSettings("bus", "cloudevents", content=True)


def read(told):
    body = encoded(FORMATS["cloudevents"], told, ROUTE)
    return from_http_event(HTTPMessage({"content-type": MEDIA}, body))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alerts)
def test_every_alert_is_an_event_that_the_sdk_takes(drawn):
    event = read(drawn)

    assert event.get_specversion() == "1.0"
    assert event.get_id() and event.get_source()
    assert event.get_data()["schema"] == "remit.alert/v1"


def test_an_event_says_who_what_and_when_without_being_opened():
    event = read(alert())

    assert event.get_type() == "dev.remit.incident.opened.v1"
    assert event.get_source() == "/prod/bank-agent"
    assert event.get_subject() == "incident/inc-7f3a"
    assert event.get_time().isoformat() == "2026-09-21T14:14:21.250000+00:00"
    assert event.get_extension("partitionkey") == "inc-7f3a"
    assert event.get_extension("team") == "security"
    assert event.get_data() == message(alert())


def test_the_source_is_one_path_whatever_the_agent_is_called():
    assert read(alert(agent="../a b?c#d/é")).get_source() == "/prod/..%2Fa%20b%3Fc%23d%2F%C3%A9"
    assert read(alert(agent="", env="")).get_source() == "/remit"


@pytest.mark.parametrize(
    ("action", "verb"),
    [
        (Action.TRIGGER, "opened"),
        (Action.UPDATE, "updated"),
        (Action.ACKNOWLEDGE, "acknowledged"),
        (Action.RESOLVE, "resolved"),
    ],
)
def test_the_type_says_what_became_of_the_incident(action, verb):
    assert read(alert(action=action)).get_type() == f"dev.remit.incident.{verb}.v1"


def test_later_messages_sort_behind_earlier_ones():
    earlier, later = (read(alert(revision=n)).get_extension("sequence") for n in (9, 10))
    assert earlier < later


def test_an_event_that_came_over_http_is_read_as_structured():
    receiver = HttpReceiver()
    build(RouteSettings("bus", "cloudevents", f"http://127.0.0.1:{receiver.port}/", private=True)).send(
        alert()
    )
    receiver.close()
    ((_, headers, body),) = receiver.requests

    event = from_http_event(HTTPMessage({name.lower(): value for name, value in headers.items()}, body))
    assert event.get_id() == alert().id
