"""The page on routes: its examples can be set, and its messages are what is sent."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from remit.core.routes import RouteSettings
from remit.sinks.form import Secret, encoded
from remit.sinks.ocsf import VERSIONS
from remit.sinks.table import FORMATS
from remit.usecases.routes_file import read_routes
from remit.wiring import build_sink

from .drawn import alert
from .receivers import Authority

PAGE = (Path(__file__).parents[2] / "docs/routes.md").read_text(encoding="utf-8")
SECTIONS = {
    part.split("\n", 1)[0]: part
    for part in re.split(r"^### ", PAGE.split("\n## Formats\n")[1], flags=re.MULTILINE)
}


def blocks(part, language):
    return re.findall(rf"^```{language}\n(.*?)^```", part, re.DOTALL | re.MULTILINE)


def sent(name):
    form = FORMATS[name]
    version = re.search(r'^version = "(.*)"', SECTIONS[name], re.MULTILINE)
    secret = "key" if form.secret is Secret.BODY else ""
    route = RouteSettings("r", name, secret=secret, version=version[1] if version else "")
    return encoded(form, alert(), route).decode()


def missing(shown, real, where=""):
    """Where *shown* says something that *real* does not."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return [
            one for key, value in shown.items() for one in missing(value, real.get(key), f"{where}.{key}")
        ]
    if isinstance(shown, list) and isinstance(real, list):
        pairs = zip(shown, [*real, *[None] * len(shown)], strict=False)
        return [
            one for n, (value, other) in enumerate(pairs) for one in missing(value, other, f"{where}[{n}]")
        ]
    return [] if shown == real else [f"{where}: {shown!r} is not {real!r}"]


def test_every_format_has_its_section_and_its_line():
    assert set(FORMATS) == set(SECTIONS) - {SECTIONS_HEAD}
    for name, form in FORMATS.items():
        (line,) = re.findall(rf"^\| \[`{name}`\].*\|$", PAGE, re.MULTILINE)
        over = {
            scheme.split("+")[0].replace("http", "https").replace("httpss", "https") for scheme in form.over
        }
        assert {one.strip() for one in line.split("|")[2].split(",")} == over


SECTIONS_HEAD = next(iter(SECTIONS))


@pytest.mark.parametrize("name", FORMATS)
def test_every_example_of_a_message_is_what_is_sent(name):
    shown = blocks(SECTIONS[name], "json") + blocks(SECTIONS[name], "text")
    assert shown
    for block in blocks(SECTIONS[name], "json"):
        assert missing(json.loads(block), json.loads(sent(name))) == []
    for block in blocks(SECTIONS[name], "text"):
        real = json.loads(sent(name))["text"] if name == "slack" else sent(name)
        assert real.startswith(block.rstrip("\n"))


@pytest.mark.parametrize("part", SECTIONS)
def test_every_example_of_a_route_can_be_set(part, tmp_path):
    Authority(tmp_path).file.rename(tmp_path / "loghost-ca.pem")
    (tmp_path / "bus.key").write_text("a key")
    os.chmod(tmp_path / "bus.key", 0o600)
    environ = {
        "INTAKE_SECRET": "a",
        "HEC_TOKEN": "b",
        "PAGERDUTY_ROUTING_KEY": "c",
        "CHAT_URL": "https://chat.example/hooks/x",
    }
    for block in blocks(SECTIONS[part], "toml"):
        (tmp_path / "routes.toml").write_text(block)
        (route,) = read_routes(tmp_path / "routes.toml", environ).routes
        assert route.format == part
        build_sink(route)


def test_the_versions_of_ocsf_are_told():
    assert ", ".join(VERSIONS) in SECTIONS["ocsf"]
