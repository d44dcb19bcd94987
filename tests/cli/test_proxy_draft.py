"""The envelope that `remit proxy` writes by itself is whole, or it is not there."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from remit.cli.proxy import _written_first, drafted
from remit.core.errors import BadInput
from remit.core.selftest import load_envelope
from remit.settings import load_settings

TOOLS = [{"name": f"tool_{i}", "inputSchema": {"type": "object"}} for i in range(20)]
PROGRAM = """
import json, sys
from remit.cli.proxy import drafted
from remit.settings import load_settings
drafted(json.loads(sys.argv[1]), "u", "", load_settings(), print)
"""


def test_a_draft_that_does_not_fit_on_the_disk_is_not_there_and_the_next_one_is_whole(
    folder: Path, monkeypatch
):
    monkeypatch.setenv("REMIT_HOME", str(folder))
    place = folder / "mcp" / "u.yaml"

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

    command = [sys.executable, "-B", "-c", PROGRAM, json.dumps(TOOLS)]
    tried = subprocess.run(command, preexec_fn=small, capture_output=True, text=True, check=False)
    assert tried.returncode == 1 and "cannot be written" in tried.stderr
    assert not place.exists()
    assert drafted(TOOLS, "u", "", load_settings(), str) == place
    assert len(load_envelope(place.read_text(), "u.yaml").tools) == len(TOOLS)


def test_of_two_processes_that_draft_at_once_the_first_one_is_right(folder: Path):
    place = folder / "mcp" / "u.yaml"
    assert _written_first(place, "one") and not _written_first(place, "two")
    assert place.read_text() == "one"
    assert [one.name for one in place.parent.iterdir()] == ["u.yaml"]


@pytest.mark.parametrize("named", ["../clerk", "/etc/clerk", "a/b"])
def test_a_server_whose_name_leads_elsewhere_is_no_name_of_a_draft(folder: Path, monkeypatch, named: str):
    monkeypatch.setenv("REMIT_HOME", str(folder / "home"))
    with pytest.raises(BadInput, match="--server"):
        drafted(TOOLS, named, "", load_settings(), str)
    assert list(folder.iterdir()) == []
