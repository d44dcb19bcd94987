"""What `build` takes and refuses, and how a route's secret is used over HTTP."""

from __future__ import annotations

import json

import pytest

from remit.core.errors import BadInput, Declined, Unavailable
from remit.core.routes import RouteSettings
from remit.sinks.signature import verify
from remit.sinks.table import FORMATS, build

from .drawn import alert
from .receivers import Authority, HttpReceiver


@pytest.fixture
def receiver():
    server = HttpReceiver()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "teletype"}, r"routes.r.format: found 'teletype'; use one of json, "),
        ({"target": ""}, "target: is missing"),
        ({"target": "gopher://h/"}, "json does not go over 'gopher'"),
        ({"format": "slack", "target": "file:/tmp/x"}, "slack does not go over 'file'; use one of http, https"),
        ({"target": "http://h.example/"}, "is not https; use https; http is for a loopback host with private = true"),
        ({"target": "https://[bad/"}, "no URL"),
        ({"format": "pagerduty", "target": ""}, "secret: is missing"),
        ({"format": "slack", "secret": "x"}, "nothing uses it with slack over https"),
        ({"format": "pagerduty", "secret": "x", "authorization": "Bearer"}, "authorization: has no use here"),
        ({"authorization": "Bearer"}, "secret: is missing"),
        ({"authorization": "Bearer\r\nX: y", "secret": "x"}, "characters that no header has"),
        ({"secret": "line\nbreak"}, "printable ASCII"),
        ({"target": "file:/tmp/x", "secret": "x"}, "nothing uses it with json over file"),
        ({"version": "9"}, "version: found '9'; known: none"),
        ({"url_base": "javascript:alert(1)"}, "url_base: is no plain address"),
        ({"ca_file": "/nowhere.pem"}, "ca_file: cannot be read"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_when_they_are_read(fields, told):
    with pytest.raises(BadInput, match=told):
        build(RouteSettings("r", **{"format": "json", "target": "https://h.example/", **fields}))


def test_an_error_about_a_route_shows_neither_its_path_nor_its_secret():
    for target in ("https://user:pw@h.example/p4th", "https://h.example/p4th\\x", "ftp://h.example/p4th"):
        with pytest.raises(BadInput) as caught:
            build(RouteSettings("r", "json", target, secret="hu\nsh"))
        assert not any(word in str(caught.value) for word in ("p4th", "pw", "hu"))


def test_a_format_with_a_place_of_its_own_needs_no_target_and_a_bare_host_gets_the_usual_path(receiver):
    assert build(RouteSettings("r", "pagerduty", secret="k")).origin == "https://events.pagerduty.com:443"

    build(RouteSettings("r", "alertmanager", f"http://127.0.0.1:{receiver.port}", private=True)).send(alert())
    assert receiver.requests[0][0] == "/api/v2/alerts"


def test_a_secret_signs_what_is_sent_or_opens_the_door_but_not_both(receiver):
    fields = {"target": f"http://127.0.0.1:{receiver.port}/x", "private": True, "secret": "hush"}
    build(RouteSettings("r", "json", **fields), clock=lambda: 1000.0).send(alert())
    build(RouteSettings("r", "json", **fields, authorization="Splunk")).send(alert())

    (_, signed, body), (_, opened, _) = receiver.requests
    assert verify("hush", signed["X-Remit-Signature"], body, now=1000.0)
    assert "Authorization" not in signed
    assert opened["Authorization"] == "Splunk hush"
    assert "X-Remit-Signature" not in opened


def test_only_a_format_whose_receiver_forgets_is_repeated():
    assert {name for name, form in FORMATS.items() if form.repeat_s} == {"alertmanager"}
    assert build(RouteSettings("r", "alertmanager", "https://h.example")).repeat_s == 60.0


def test_a_route_trusts_the_authority_that_it_names_and_checks_the_name(tmp_path):
    authority = Authority(tmp_path)
    server = HttpReceiver(authority.server("siem.example"))
    fields = {"private": True, "ca_file": str(authority.file)}

    def send(host):
        route = RouteSettings("r", "json", f"https://{host}:{server.port}/", **fields)
        build(route, resolve=lambda *_: ["127.0.0.1"]).send(alert())

    send("siem.example")
    with pytest.raises(Unavailable, match=r"(?i)certificate"):
        send("other.example")
    assert len(server.requests) == 1
    server.close()


@pytest.mark.parametrize("private", [True, False])
def test_no_route_reaches_cloud_metadata_whatever_its_name_resolves_to(private):
    route = RouteSettings("r", "json", "https://siem.example/", private=private)
    with pytest.raises(Declined, match="not a public address"):
        build(route, resolve=lambda *_: ["169.254.169.254"]).send(alert())


def test_the_console_of_the_route_is_linked_where_a_message_has_no_link(receiver):
    fields = {"target": f"http://127.0.0.1:{receiver.port}/x", "private": True}
    route = RouteSettings("r", "json", **fields, url_base="https://console.example/", env="staging")
    build(route).send(alert(incident="a b", env=""))
    build(route).send(alert(url="https://other.example/1"))

    first, second = (json.loads(body) for _, _, body in receiver.requests)
    assert (first["url"], first["env"]) == ("https://console.example/incidents/a%20b", "staging")
    assert (second["url"], second["env"]) == ("https://other.example/1", "prod")


def test_a_private_address_needs_the_routes_leave():
    route = RouteSettings("r", "json", "https://siem.example/")
    with pytest.raises(Declined, match="private = true permits"):
        build(route, resolve=lambda *_: ["10.0.0.8"]).send(alert())
