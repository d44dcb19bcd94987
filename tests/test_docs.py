"""What the documents show is run here, so that it stays true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import remit
from remit.cli.main import COMMANDS
from remit.wiring import read_envelope_file

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def test_the_example_of_the_readme_ends_as_the_readme_says(tmp_path, monkeypatch):
    (example,) = blocks(ROOT / "README.md", "python")
    envelope = ROOT / "examples/envelopes/refund.yaml"
    monkeypatch.chdir(tmp_path)

    with pytest.raises(remit.CallDenied, match=r"refund_payment\.once-per-order"):
        exec(
            compile(example.replace("examples/envelopes/refund.yaml", str(envelope)), "README.md", "exec"), {}
        )


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_inside_the_project_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists(path):
    named = set(re.findall(r"`remit ([a-z]+)", path.read_text(encoding="utf-8")))

    assert named <= set(COMMANDS)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples/envelopes").glob("*.yaml")), ids=lambda path: path.name
)
def test_every_example_envelope_loads_and_its_tests_hold(path):
    assert read_envelope_file(path).tools
