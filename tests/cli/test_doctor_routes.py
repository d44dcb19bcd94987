"""What the doctor says of routes: a wrong file, a receiver that is away, what waits, and whom nobody classifies."""

from __future__ import annotations

import http.server
import threading
import time

import pytest

from remit.cli.looks_routes import LATE_S, of_deliveries, of_routes, of_triage
from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.classification import Class, Team
from remit.core.types import Severity
from remit.settings import Settings, load_settings
from remit.store import deliveries
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore
from remit.wiring import load_routes, open_store

ROUTES = """
[[route]]
name = "siem"
team = ["security", "sre"]
format = "json"
to = "http://127.0.0.1:{port}/in"
private = true
secret_file = "siem.key"
"""


@pytest.fixture
def routed(tmp_path):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    (tmp_path / "siem.key").write_text("a secret of some length")
    (tmp_path / "siem.key").chmod(0o600)
    (tmp_path / "routes.toml").write_text(ROUTES.format(port=server.server_address[1]))
    yield Settings(routes=str(tmp_path / "routes.toml"), home=str(tmp_path / "home"))
    server.shutdown()
    server.server_close()


def failing(checks):
    return {check.name: check.told for check in checks if not check.ok}


def put(settings, path, age_s):
    store = SqliteStore.open(
        path, home=path.parent / "home", extensions=EXTENSIONS, clock=lambda: time.time() - age_s
    )
    alert = Alert(
        "a-1", "i-1", 1, Action.TRIGGER, Team.SRE, Urgency.QUEUE, "t", Class.SRE, 0.9, Severity.HIGH, "clerk",
        "pay", (), "denied", 1.0, 1.0, 1.0,
    )  # fmt: skip
    routes = load_routes(settings).routes
    store.transact_now(lambda tx: deliveries.enqueue(tx, alert, routes))
    return store


def test_a_route_whose_receiver_is_there_is_well(routed):
    assert failing(of_routes(routed)) == {}
    assert [check.name for check in of_routes(routed)] == ["routes", "route siem"]


def test_a_file_of_routes_that_is_wrong_fails(routed, tmp_path):
    (tmp_path / "siem.key").chmod(0o644)

    assert "others than its owner may read" in failing(of_routes(routed))["routes"]


def test_a_receiver_that_cannot_be_reached_fails(routed, tmp_path):
    (tmp_path / "routes.toml").write_text(ROUTES.format(port=9))

    assert "127.0.0.1:9" in failing(of_routes(routed))["route siem"]


def test_a_team_without_a_route_is_said(routed, tmp_path):
    path = tmp_path / "routes.toml"
    path.write_text(path.read_text().replace('["security", "sre"]', '"sre"'))

    assert "no route is for security" in failing(of_routes(routed))["routes"]


@pytest.mark.parametrize(("age_s", "late"), [(10.0, False), (LATE_S + 60.0, True)])
def test_what_waits_for_long_is_said(routed, tmp_path, age_s, late):
    with put(routed, tmp_path / "remit.db", age_s) as store:
        assert bool(failing(of_deliveries(store, routed))) is late


def test_what_waits_for_a_route_that_is_gone_is_said(routed, tmp_path):
    with put(routed, tmp_path / "remit.db", 0.0) as store:
        path = tmp_path / "routes.toml"
        path.write_text(path.read_text().replace('"siem"', '"other"'))

        assert "not in the file any more" in failing(of_deliveries(store, routed))["route siem: backlog"]


def test_what_was_given_up_is_said(routed, tmp_path):
    with put(routed, tmp_path / "remit.db", 0.0) as store:
        sql = "UPDATE delivery SET state = 'refused', last_error = '400: no such field'"
        store.transact_now(lambda tx: tx.connection.execute(sql) and None)

        assert (
            "1 message given up: 400: no such field"
            in failing(of_deliveries(store, routed))["route siem: backlog"]
        )


def test_anomalies_that_nobody_classifies_are_said(place, refuse, monkeypatch):
    refuse()
    with open_store(place.address, load_settings()) as store:
        assert failing(of_triage(store)) == {}
        at = time.time() + LATE_S + 60.0
        monkeypatch.setattr(time, "time", lambda: at)

        assert "not classified yet: 1 of" in failing(of_triage(store))["classification"]


def test_the_doctor_shows_all_of_it(place, run, routed, monkeypatch):
    monkeypatch.setenv("REMIT_ROUTES", routed.routes)
    with put(routed, place.folder / "remit.db", 0.0):
        pass

    checks = run("doctor", "--json").told["checks"]
    assert {"routes", "route siem", "route siem: backlog"} <= {check["name"] for check in checks}
