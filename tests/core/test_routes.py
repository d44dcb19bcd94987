"""Which messages a route takes, and that its secrets are shown nowhere."""

from __future__ import annotations

import pytest

from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.classification import Class, Team
from remit.core.routes import RouteSettings
from remit.core.types import Severity


def alert(team=Team.SRE, urgency=Urgency.QUEUE):
    return Alert(
        "a-1", "i-1", 1, Action.TRIGGER, team, urgency, "t", Class.SRE, 0.9, Severity.LOW, "agent", "tool",
        (), "denied", 0.0, 0.0, 0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "taken"),
    [
        ({}, True),
        ({"teams": (Team.SRE,)}, True),
        ({"teams": (Team.SECURITY,)}, False),
        ({"urgency": Urgency.PAGE}, False),
    ],
)
def test_a_route_takes_what_is_for_its_teams_and_urgent_enough(settings, taken):
    assert RouteSettings("r", "slack", **settings).takes(alert()) is taken


def test_a_route_for_pages_takes_a_page():
    assert RouteSettings("r", "slack", urgency=Urgency.PAGE).takes(alert(urgency=Urgency.PAGE))


def test_neither_the_address_nor_the_secret_of_a_route_is_shown():
    told = repr(RouteSettings("r", "slack", "https://hooks.example/T0/B0/xyz", secret="hush"))
    assert "xyz" not in told and "hush" not in told
