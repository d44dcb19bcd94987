"""The file of routes: what it says, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit import BadInput
from remit.core.alert import Urgency
from remit.core.classify.classification import Team
from remit.settings import Settings
from remit.usecases.routes_file import read_routes
from remit.wiring import load_routes

EXAMPLE = """
[[route]]
name = "siem"
team = "security"
format = "json"
to = "https://siem.example/ingest"
secret_env = "SIEM_TOKEN"
content = false
min_urgency = "queue"
rate = "120/h"
burst = 5

[[route]]
name = "pager"
team = ["security", "sre"]
format = "pagerduty"
secret_file = "pager.key"
min_urgency = "page"

[teams.security]
owner = "secops-oncall"
"""


def write(folder: Path, text: str = EXAMPLE) -> Path:
    path = folder / "routes.toml"
    path.write_text(text)
    key = folder / "pager.key"
    key.write_text("R0UT1NGKEY\n")
    key.chmod(0o600)
    return path


def test_the_example_is_read_with_its_secrets(tmp_path):
    found = read_routes(write(tmp_path), {"SIEM_TOKEN": "hush"})

    siem, pager = found.routes
    assert (siem.name, siem.teams, siem.secret, siem.rate_per_h, siem.burst) == (
        "siem",
        (Team.SECURITY,),
        "hush",
        120.0,
        5,
    )
    assert (pager.teams, pager.urgency, pager.secret) == (
        (Team.SECURITY, Team.SRE),
        Urgency.PAGE,
        "R0UT1NGKEY",
    )
    assert found.owners == {Team.SECURITY: "secops-oncall"}
    assert found.warnings == ()
    assert "hush" not in repr(found)


def test_a_file_that_a_route_names_is_beside_the_file_of_routes(tmp_path, monkeypatch):
    route = '[[route]]\nname = "log"\nteam = "sre"\nformat = "json"\nto = "{}"\n'
    monkeypatch.chdir(tmp_path)
    (beside,) = read_routes(write(Path(), route.format("file:logs/a.jsonl"))).routes
    (absolute,) = read_routes(write(Path(), route.format("file:/var/log/a.jsonl"))).routes

    assert (beside.target, absolute.target) == (f"file:{tmp_path}/logs/a.jsonl", "file:/var/log/a.jsonl")


def test_what_people_read_is_limited_and_what_machines_read_is_not(tmp_path):
    text = EXAMPLE.replace('rate = "120/h"\n', "")
    siem, pager = read_routes(write(tmp_path, text), {"SIEM_TOKEN": "x"}).routes

    assert (siem.rate_per_h, pager.rate_per_h) == (0.0, 60.0)


@pytest.mark.parametrize(
    ("written", "per_h"), [("60/h", 60.0), ("1/min", 60.0), ("2/s", 7200.0), ("24/d", 1.0), ("none", 0.0)]
)
def test_a_rate_has_a_unit(tmp_path, written, per_h):
    found = read_routes(write(tmp_path, EXAMPLE.replace("120/h", written)), {"SIEM_TOKEN": "x"})

    assert found.routes[0].rate_per_h == per_h


@pytest.mark.parametrize(
    ("old", "new", "place", "found"),
    [
        ("burst = 5", "brst = 5", "route[0].brst", "unknown key"),
        ("burst = 5", "burst = 0", "route[0].burst", "found 0"),
        ("burst = 5", "burst = true", "route[0].burst", "found True"),
        ("burst = 5", 'secret = "hush"', "route[0].secret", "a secret stands in the file"),
        ("burst = 5", 'repeat = "often"', "route[0].repeat", "found 'often'"),
        ("120/h", "many", "route[0].rate", "found 'many'"),
        ('"siem"', '"two words"', "route[0].name", "found 'two words'"),
        ('"siem"', '"pager"', "route[1].name", "'pager' is there twice"),
        ('team = "security"', 'team = "sales"', "route[0].team", "found 'sales'"),
        ('team = "security"', "team = []", "route[0].team", "found []"),
        ('"queue"', '"now"', "route[0].min_urgency", "found 'now'"),
        ('format = "json"', "", "route[0].format", "is missing"),
        ('"SIEM_TOKEN"', '"SIEM_TOKE"', "route[0].secret_env", "SIEM_TOKE is not set"),
        ('"SIEM_TOKEN"', '"s3cr3t with blanks"', "route[0].secret_env", "is not the name of a variable"),
        ("burst = 5", 'secret_file = "pager.key"', "route[0].secret_file", "stands beside secret_env"),
        ("siem.example/ingest", "siem.example/i?token=x", "route[0].to", "carries a query"),
        ("https://siem", "https://me:pw@siem", "route[0].to", "carries a query, a name or a password"),
        ('format = "json"', 'format = "slack"', "route[0].to", "the address of a chat webhook is its secret"),
        ("burst = 5", 'to_env = "SIEM_TOKEN"', "route[0].to", "stands beside to_env"),
        ("[teams.security]", "[teams.sales]", "teams.sales", "unknown key"),
        ('owner = "secops-oncall"', 'ownr = "x"', "teams.security.ownr", "unknown key"),
        ("[teams.security]", "[team.security]", "team", "unknown key"),
        ("[[route]]", "[route", "routes.toml", "cannot be read"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path, old, new, place, found):
    path = write(tmp_path, EXAMPLE.replace(old, new, 1))

    with pytest.raises(BadInput) as bad:
        read_routes(path, {"SIEM_TOKEN": "x"})
    assert bad.value.where.startswith(str(path)) and bad.value.where.endswith(place)
    assert found in bad.value.found
    assert bad.value.remedy


def test_a_file_with_a_secret_that_others_may_read_is_refused(tmp_path):
    path = write(tmp_path)
    (tmp_path / "pager.key").chmod(0o640)

    with pytest.raises(BadInput, match="others than its owner may read") as bad:
        read_routes(path, {"SIEM_TOKEN": "x"})
    assert "chmod 600" in bad.value.remedy


@pytest.mark.parametrize("make", [lambda key: key.write_text(""), lambda key: key.unlink(), Path.mkdir])
def test_a_file_without_a_secret_is_refused(tmp_path, make):
    path, key = write(tmp_path), tmp_path / "pager.key"
    if make is Path.mkdir:
        key.unlink()
    make(key)

    with pytest.raises(BadInput, match=r"route\[1\].secret_file"):
        read_routes(path, {"SIEM_TOKEN": "x"})


def test_a_file_to_which_anybody_may_write_is_refused(tmp_path):
    path = write(tmp_path)
    path.chmod(0o666)

    with pytest.raises(BadInput, match="anybody may write"):
        read_routes(path, {"SIEM_TOKEN": "x"})


def test_a_team_without_a_route_is_a_warning(tmp_path):
    text = EXAMPLE.replace('["security", "sre"]', '"security"')

    (warning,) = read_routes(write(tmp_path, text), {"SIEM_TOKEN": "x"}).warnings
    assert "no route is for sre" in warning


def test_without_the_setting_there_is_no_route():
    assert load_routes(Settings()).routes == ()


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('format = "json"', 'format = "morse"', "'morse'"),
        ("https://siem.example", "http://siem.example", "is not https"),
        ("https://siem.example/ingest", "gopher://x/y", "gopher"),
        ("burst = 5", 'ca_file = "nowhere.pem"', "cannot be read"),
    ],
)
def test_what_no_sink_can_do_is_refused_where_the_file_is_loaded(tmp_path, monkeypatch, old, new, found):
    monkeypatch.setenv("SIEM_TOKEN", "x")
    path = write(tmp_path, EXAMPLE.replace(old, new, 1))

    with pytest.raises(BadInput) as bad:
        load_routes(Settings(routes=str(path)))
    assert str(path) in bad.value.where and "siem" in bad.value.where
    assert found in bad.value.found
