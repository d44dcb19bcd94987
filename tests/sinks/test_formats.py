"""The contract of every line of the table of formats, on alerts that are as hostile as can be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.alert import Action
from remit.core.classify.classification import Class, Evidence
from remit.core.routes import RouteSettings
from remit.sinks.form import Secret, encoded
from remit.sinks.shape import MOST_BYTES, token
from remit.sinks.table import FORMATS, build

from .drawn import alert, alerts, huge
from .receivers import HttpReceiver

EVERY = pytest.mark.parametrize(
    ("name", "version"),
    [(name, version) for name, form in FORMATS.items() for version in form.versions or ("",)],
)
WITH_KEY = [name for name, form in FORMATS.items() if "https" in form.over]
KEY = "k3y-of-the-route"
MARK = "QUOTED7731"
DRAWN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def route(name, **fields):
    needs = {"secret": KEY} if FORMATS[name].secret is Secret.BODY else {}
    return RouteSettings("r", name, **{**needs, **fields})


def strict(body: bytes):
    """What *body* says, were it read by the strictest of readers: no NaN, no key twice, whole Unicode."""

    def no_constant(found):
        raise AssertionError(found)

    def once(pairs):
        assert len({key for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    return json.loads(body.decode(), parse_constant=no_constant, object_pairs_hook=once)


def texts(value):
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


@EVERY
@DRAWN
@given(drawn=alerts, content=st.booleans())
def test_every_alert_becomes_one_bounded_message_with_no_character_that_acts_and_no_secret(
    name, version, drawn, content
):
    sent = route(name, version=version, content=content, secret=KEY, target="https://h.example/t0ken")
    body = encoded(FORMATS[name], drawn, sent)

    assert 2 < len(body) <= MOST_BYTES
    assert body == encoded(FORMATS[name], replace(drawn), sent)
    said = body.decode() if is_text(name) else "".join(texts(strict(body)))
    assert all(character.isprintable() or character in "\n\ufeff" for character in said)
    assert body.count(KEY.encode()) == (1 if FORMATS[name].secret is Secret.BODY else 0)
    assert b"t0ken" not in body


@EVERY
@DRAWN
@given(
    drawn=alerts,
    before=st.text(max_size=5),
    after=st.text(max_size=5),
    key=st.sampled_from(["excerpt", "x", MARK]),
)
def test_arguments_and_quotations_leave_only_where_the_route_permits_content(
    name, version, drawn, before, after, key
):
    quoting = Evidence(
        "content.explanation",
        Class.SECURITY,
        0.9,
        f'read_mail says "{before}{MARK}{after}" there',
        {key: MARK, "nested": {"excerpt": [MARK], "text": f"{before} {MARK}"}},
    )
    told = replace(drawn, evidence=(quoting, *drawn.evidence), attempted={"to": MARK, MARK: [{"deep": MARK}]})

    assert MARK.encode() not in encoded(FORMATS[name], told, route(name, version=version))


@EVERY
@pytest.mark.parametrize("character", ["😀", '"', "\\", "\U000e0001", "x"], ids=ascii)
def test_the_largest_alert_that_can_be_is_bounded_too(name, version, character):
    assert (
        len(encoded(FORMATS[name], huge(character), route(name, version=version, content=True))) <= MOST_BYTES
    )


TELLS_CONTENT = {"json", "cloudevents", "slack", "alertmanager", "ocsf", "syslog"}


@EVERY
def test_what_quotes_with_content_does_not_without(name, version):
    bare, full = (
        encoded(FORMATS[name], alert(), route(name, version=version, content=content))
        for content in (False, True)
    )

    assert b"US133000000121212121212" not in bare
    assert (b"US133000000121212121212" in full) is (name in TELLS_CONTENT)


@EVERY
@DRAWN
@given(drawn=alerts, seconds=st.floats(0, 1e6))
def test_what_ends_an_incident_names_it_as_what_opened_it_did(name, version, drawn, seconds):
    opened = replace(drawn, action=Action.TRIGGER)
    ended = replace(
        opened, action=Action.RESOLVE, id="another", revision=opened.revision + 5, at=opened.at + seconds
    )
    other = replace(opened, incident=opened.incident + "-other")
    settings = route(name, version=version)

    keys = [dedup(name, encoded(FORMATS[name], one, settings)) for one in (opened, ended, other)]
    assert keys[0] == keys[1]
    assert keys[0]
    assert keys[2] != keys[0]


def is_text(name):
    return name == "syslog"


def dedup(name, body):
    """What receivers of this format join messages by."""
    if is_text(name):
        return body.decode().partition(' incident="')[2].partition('"')[0]
    said = strict(body)
    return {
        "json": lambda: said["incident"],
        "cloudevents": lambda: said["partitionkey"],
        "pagerduty": lambda: said["dedup_key"],
        "alertmanager": lambda: json.dumps(said[0]["labels"], sort_keys=True),
        "slack": lambda: said["text"].splitlines()[-1].split("`")[1],
        "ocsf": lambda: said["finding_info"]["uid"],
    }[name]()


@pytest.fixture(scope="module")
def receiver():
    server = HttpReceiver()
    yield server
    server.close()


@pytest.mark.parametrize("name", WITH_KEY)
def test_every_attempt_at_a_message_over_http_bears_the_same_key_and_the_same_body(name, receiver):
    receiver.requests.clear()
    sink = build(route(name, target=f"http://127.0.0.1:{receiver.port}/x", private=True))
    for _ in range(2):
        sink.send(alert(id="two words\r\nX: y"))

    (_, first, body), (_, second, again) = receiver.requests
    assert first["Idempotency-Key"] == second["Idempotency-Key"] == token("two words\r\nX: y")
    assert first["Idempotency-Key"] == first["X-Remit-Delivery"]
    assert first["Content-Type"] == FORMATS[name].media
    assert body == again
    assert "X" not in first
