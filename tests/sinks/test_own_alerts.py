"""What remit tells of deliveries themselves leaves in every format: digests, routes that fail, tests, and their ends."""

from __future__ import annotations

import pytest

from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Team
from remit.core.digest import Merged, digest, ended
from remit.core.route_alerts import route_alert, tried
from remit.core.routes import RouteSettings
from remit.sinks.form import encoded
from remit.sinks.table import FORMATS

TEST = tried("pager", Team.SRE, 1_700_000_000.0)
STORM = digest("pager", Team.SRE, [TEST] * 19, Merged(30, 19, 2), 1_700_000_060.0)
FAILING = route_alert("pager", 3, "503", urgency=Urgency.PAGE, since=1_700_000_000.0, at=1_700_000_900.0)
OWN = [TEST, STORM, FAILING, *(ended(one, 1_700_001_000.0) for one in (TEST, STORM, FAILING))]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("alert", OWN, ids=lambda one: f"{one.kind}-{one.action}")
def test_it_can_be_said_in_every_format_and_says_what_it_is(name, alert):
    route = RouteSettings("pager", name, "https://x.example/", secret="R0UT1NGKEY")

    said = encoded(FORMATS[name], alert, route).decode()
    assert alert.incident in said or alert.action is Action.RESOLVE
    short = name == "pagerduty" and alert.action is Action.RESOLVE  # it takes no more than the key
    assert short or "pager" in said or "incidents" in said


@pytest.mark.parametrize("name", FORMATS)
def test_a_digest_says_in_every_format_how_many_it_stands_for(name):
    route = RouteSettings("pager", name, "https://x.example/", secret="R0UT1NGKEY")

    assert "19 incidents" in encoded(FORMATS[name], STORM, route).decode()


@pytest.mark.parametrize("name", ["json", "ocsf"])
def test_a_digest_names_the_worst_and_counts_the_rest(name):
    route = RouteSettings("pager", name, "https://x.example/", secret="R0UT1NGKEY")

    assert "and 12 more" in encoded(FORMATS[name], STORM, route).decode()
