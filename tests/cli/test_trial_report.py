"""The report of a run on the command line: files written whole or not at all, and the verdict as exit code."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from remit.cli.main import main
from remit.cli.trial_shown import Outputs, outputs_of, show
from remit.core.errors import BadInput
from remit.core.trial.report import Report
from remit.core.trial.run import Run, RunInfo, TaskInfo, run_lines
from remit.core.trial.suite import Design
from remit.core.trial.trial import Breach, Status, Trial
from remit.core.trial.verdict import Verdict

NOTHING = Report("r", "shop", Verdict.INCONCLUSIVE, "Nothing is known.", "Run it.", ("agent",), {}, {})


def run_file(folder: Path, broken: bool = False) -> Path:
    info = RunInfo("r1", "shop", "h", Design(epochs=2), ("agent",), {"a": TaskInfo()}, ("safety",))
    breaches = (Breach("safety", "paid too much"),) if broken else ()
    trials = tuple(Trial(at, "agent", "a", at, Status.PASSED, breaches=breaches) for at in range(2))
    path = folder / "run.jsonl"
    path.write_bytes(b"".join(run_lines(Run(info, trials))))
    return path


@pytest.mark.parametrize(("broken", "code", "verdict"), [(False, 0, "PASS"), (True, 1, "BLOCK")])
def test_the_exit_code_is_the_verdict(
    tmp_path: Path, capsys: Any, broken: bool, code: int, verdict: str
) -> None:
    assert main(["trial", "report", str(run_file(tmp_path, broken))]) == code
    assert capsys.readouterr().out.startswith(verdict)


def test_json_is_one_object_with_the_verdict_and_its_exit_code(tmp_path: Path, capsys: Any) -> None:
    assert main(["trial", "report", str(run_file(tmp_path, broken=True)), "--json"]) == 1

    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["verdict"], told["exit_code"]) == ("remit.trial-report/v1", "BLOCK", 1)


def test_every_form_is_written_where_it_was_asked_for(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    files = {option: tmp_path / f"r.{option}" for option in ("junit", "markdown", "html")}
    options = [word for option, path in files.items() for word in (f"--{option}", str(path))]

    assert main(["trial", "report", str(run_file(tmp_path)), *options, "--step-summary"]) == 0

    assert ElementTree.parse(files["junit"]).getroot().tag == "testsuites"
    assert files["html"].read_text().startswith("<!DOCTYPE html>")
    assert summary.read_text() == "before\n" + files["markdown"].read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "r.html", "r.junit", "r.markdown", "run.jsonl", "summary.md",
    ]  # fmt: skip


def test_a_step_summary_is_used_only_when_asked(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    assert main(["trial", "report", str(run_file(tmp_path))]) == 0
    assert not (tmp_path / "summary.md").exists()


def test_a_step_summary_outside_of_a_job_is_an_error(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    assert main(["trial", "report", str(run_file(tmp_path)), "--step-summary"]) == 3
    assert "GITHUB_STEP_SUMMARY is not set" in capsys.readouterr().err


def test_what_a_summary_held_already_counts_against_its_bound(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_bytes(b"x" * (1024 * 1024 - 10))

    assert show(NOTHING, Outputs(summary=summary)) == 3
    assert summary.stat().st_size == 1024 * 1024 - 10
    assert "full" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["junit", "markdown", "html"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(tmp_path: Path, option: str) -> None:
    with pytest.raises(BadInput, match=rf"--{option}.*no.such.folder.*name another file"):
        outputs_of(**{option: tmp_path / "no such folder" / "r"})
    with pytest.raises(BadInput, match="is no file"):
        outputs_of(**{option: tmp_path})


def test_one_file_for_two_forms_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="same file"):
        outputs_of(junit=tmp_path / "r", html=tmp_path / "." / "r")


def test_a_device_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path / "pipe", Path("/dev/null"), Path("-")):
        with pytest.raises(BadInput, match="is no file"):
            outputs_of(html=path)


def test_a_long_name_is_no_reason_to_fail(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / ("ü" * 120 + ".html")

    assert show(NOTHING, outputs_of(html=path)) == 4
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_disk_that_is_full_leaves_no_half_of_a_page(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "r.html"
    path.write_text("the one before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        assert show(NOTHING, Outputs({"html": path})) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "the one before"
    assert "could not be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_stays_one(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert show(NOTHING, outputs_of(html=tmp_path / "link")) == 4
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes().startswith(b"<!DOCTYPE")


def test_a_file_lost_during_the_work_leaves_the_report_printed(tmp_path: Path, capsys: Any) -> None:
    shown = show(NOTHING, Outputs({"html": tmp_path / "gone" / "r.html"}))

    told = capsys.readouterr()
    assert shown == 3
    assert told.out.startswith("INCONCLUSIVE") and "could not be written" in told.err


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_run_is_told_with_its_place(tmp_path: Path, capsys: Any, content: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)

    assert main(["trial", "report", str(tmp_path / "x.jsonl")]) == 3
    assert "remit: " in capsys.readouterr().err


def test_a_run_that_is_not_there_is_an_error(tmp_path: Path, capsys: Any) -> None:
    assert main(["trial", "report", str(tmp_path / "none.jsonl")]) == 3
    assert main(["trial", "report", str(tmp_path)]) == 3
