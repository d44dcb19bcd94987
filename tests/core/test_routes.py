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
    ("least", "urgency", "enough"),
    [
        (Urgency.QUEUE, Urgency.QUEUE, True),
        (Urgency.QUEUE, Urgency.PAGE, True),
        (Urgency.PAGE, Urgency.PAGE, True),
        (Urgency.PAGE, Urgency.QUEUE, False),
    ],
)
def test_a_route_for_pages_is_told_of_no_incident_that_does_not_page(least, urgency, enough):
    assert RouteSettings("r", "slack", urgency=least).urgent_enough(alert(urgency=urgency)) is enough


def test_neither_the_address_nor_the_secret_of_a_route_is_shown():
    told = repr(RouteSettings("r", "slack", "https://hooks.example/T0/B0/xyz", secret="hush"))
    assert "xyz" not in told and "hush" not in told
