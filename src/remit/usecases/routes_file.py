"""`routes.toml`: by which ways incidents are told to which team, strictly read. Secrets never stand in it.

[[route]]
name = "siem"
team = "security"
format = "ocsf"
to = "https://siem.example/ingest"
secret_env = "SIEM_TOKEN"

[teams.security]
owner = "secops-oncall"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from remit.core.alert import Urgency
from remit.core.classify.classification import Team
from remit.core.routes import RouteSettings
from remit.usecases.toml_table import Table, read_table

PEOPLE = ("pagerduty", "slack")
"""Formats that people read as they come: limited, unless the file says otherwise."""
PEOPLES_RATE_PER_H = 60.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_RATE = re.compile(r"([1-9][0-9]{0,5})/(s|min|h|d)")
_PER_H = {"s": 3600.0, "min": 60.0, "h": 1.0, "d": 1.0 / 24.0}
_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h)")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0}

KEYS = (
    *(
        "name",
        "team",
        "format",
        "to",
        "to_env",
        "to_file",
        "secret_env",
        "secret_file",
        "authorization",
        "content",
    ),
    *("min_urgency", "rate", "burst", "repeat", "env", "url_base", "version", "private", "ca_file"),
)


@dataclass(frozen=True, slots=True)
class Routes:
    """What the file says."""

    routes: tuple[RouteSettings, ...] = ()
    owners: Mapping[Team, str] = field(default_factory=dict)
    """Who has a team's incidents at first; absent where the file names nobody."""
    warnings: tuple[str, ...] = ()
    """What is allowed and probably not meant."""


def read_routes(path: Path, environ: Mapping[str, str] | None = None) -> Routes:
    """The routes in a file, with their secrets.

    Args:
        path: of the file; files that it names are beside it.
        environ: default: this process's.

    Raises:
        BadInput: an unknown key, a wrong value, a secret in the file or one that is not there, with its place.
    """
    told = read_table(path, environ)
    told.only(("route", "teams"))
    listed = told.value("route", list, [])
    routes = tuple(_route(told.inside(f"route[{n}]", table)) for n, table in enumerate(listed))
    names = [route.name for route in routes]
    for n, name in enumerate(names):
        if name in names[:n]:
            told.bad(f"route[{n}].name", f"{name!r} is there twice", "give each route a name of its own")
    owners = _owners(told.inside("teams", told.value("teams", dict, {})))
    return Routes(routes, owners, tuple(_warnings(path, routes)))


def _warnings(path: Path, routes: tuple[RouteSettings, ...]) -> list[str]:
    without = [team.value for team in Team if not any(team in route.teams for route in routes)]
    told = [f"{path}: no route is for {team}: its incidents go to all routes" for team in without if routes]
    return told if routes else [f"{path}: has no route: nobody is told of incidents"]


def _owners(teams: Table) -> dict[Team, str]:
    teams.only([team.value for team in Team])
    found = {}
    for team in Team:
        table = teams.inside(team.value, teams.value(team.value, dict, {}))
        table.only(("owner",))
        owner = table.value("owner", str, "")
        if owner:
            found[team] = owner
    return found


def _route(told: Table) -> RouteSettings:
    told.only(KEYS)
    form = told.value("format", str, None)
    ca_file = told.value("ca_file", str, "")
    return RouteSettings(
        name=_named(told),
        format=form,
        target=_target(told),
        teams=_teams(told),
        urgency=Urgency(
            told.one_of("min_urgency", [urgency.value for urgency in Urgency], Urgency.QUEUE.value)
        ),
        secret=told.secret("secret"),
        authorization=told.value("authorization", str, ""),
        content=told.value("content", bool, False),
        rate_per_h=_rate(told, form),
        burst=_burst(told),
        repeat_s=told.number("repeat", _DURATION, _UNIT_S, "60s or 2m") if "repeat" in told.table else 0.0,
        env=told.value("env", str, ""),
        url_base=told.value("url_base", str, ""),
        version=told.value("version", str, ""),
        private=told.value("private", bool, False),
        ca_file=str(told.beside(ca_file)) if ca_file else "",
    )


def _named(told: Table) -> str:
    name = told.value("name", str, None)
    if not _NAME.fullmatch(name):
        told.bad("name", f"found {name[:80]!r}", "use letters, digits, '.', '_' and '-'")
    return str(name)


def _teams(told: Table) -> tuple[Team, ...]:
    found = told.value("team", (str, list), None)
    named = [found] if isinstance(found, str) else found
    known = [team.value for team in Team]
    if not named or any(name not in known for name in named):
        told.bad("team", f"found {found!r}", f"use {' or '.join(map(repr, known))}, or a list of both")
    return tuple(team for team in Team if team.value in named)


def _target(told: Table) -> str:
    """Where it goes. An address that is a secret, as a chat's is, stands elsewhere."""
    to, secret = told.value("to", str, ""), told.secret("to")
    if to and secret:
        told.bad("to", "stands beside to_env or to_file", "write one of them")
    if not to:
        return secret
    form = told.value("format", str, None)
    if to.startswith("file:") and not to.startswith("file:/"):
        return f"file:{told.beside(to.removeprefix('file:')).absolute()}"
    try:
        parts = urlsplit(to)
    except ValueError:
        told.bad("to", "is no URL", "write https://host/path")
    remedy = "take it out of the file: to_env names a variable, to_file a file of mode 0600"
    if parts.query or parts.username is not None or parts.password is not None:
        told.bad("to", "carries a query, a name or a password, which may be a secret", remedy)
    if form == "slack":
        told.bad("to", "the address of a chat webhook is its secret", remedy)
    return str(to)


def _rate(told: Table, form: str) -> float:
    written = told.value("rate", str, "")
    if not written:
        return PEOPLES_RATE_PER_H if form in PEOPLE else 0.0
    return 0.0 if written == "none" else told.number("rate", _RATE, _PER_H, "60/h, 1/min or none")


def _burst(told: Table) -> int:
    burst = told.value("burst", int, 10)
    if not 1 <= burst <= 1000:
        told.bad("burst", f"found {burst}", "write a number from 1 to 1000")
    return int(burst)
