"""`remit trial import`: a run of ours from anybody's results, in a file and in a store, and two arms compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.results_help import plain, write_lines

from remit.cli import trial_import
from remit.core.trial.run import run_from
from remit.usecases.sessions_files import lines

Remit = Callable[..., Any]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_lines(
        tmp_path / "r.jsonl", *(plain(task, n, n > 0, suite="shop") for task in "ab" for n in range(3))
    )


def test_a_run_stands_in_a_file_that_every_command_reads(remit: Remit, tmp_path: Path, results: Path) -> None:
    out = tmp_path / "run.jsonl"

    line = remit("trial", "import", results, "--out", out, "--arm", "old", "--suite", "refunds")

    run = run_from((one.where, one.data) for one in lines(out))
    assert (line.code, run.info.suite, run.info.arms, len(run.trials)) == (0, "refunds", ("old",), 6)
    assert "old: 6 runs of 2 tasks, 4 passed" in line.out
    assert remit("stats", out).out.startswith("refunds: 6 runs of 2 tasks: 4 passed, 2 failed")
    assert remit("trial", "report", out, "--json").object["counts"]["old"]["passed"] == 4
    assert out.stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_not_replaced_unless_that_is_wanted(
    remit: Remit, tmp_path: Path, results: Path
) -> None:
    out = tmp_path / "run.jsonl"
    out.write_text("mine", encoding="utf-8")

    refused = remit("trial", "import", results, "--out", out)
    kept = out.read_text(encoding="utf-8")
    done = remit("trial", "import", results, "--out", out, "--force")

    assert (refused.code, kept, done.code) == (3, "mine", 0)
    assert remit("trial", "import", results, "--out", tmp_path / "no" / "run.jsonl").code == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.jsonl", "run.jsonl"]


def test_bad_results_leave_no_file(remit: Remit, tmp_path: Path) -> None:
    bad = write_lines(tmp_path / "bad.jsonl", plain("a", 0, True), plain("a", 0, True))

    assert remit("trial", "import", bad, "--out", tmp_path / "run.jsonl").code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["bad.jsonl"]


def test_nowhere_to_write_is_wrong_usage(remit: Remit, results: Path) -> None:
    line = remit("trial", "import", results)

    assert line.code == 2
    assert "--out FILE, --store URL" in line.err


def test_a_run_stands_in_a_store_once(
    remit: Remit, tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_import, "AT_ONCE", 2)
    store = f"sqlite:///{tmp_path}/s.db"

    first = remit("trial", "import", results, "--store", store, "--json").object
    again = remit("trial", "import", results, "--store", store)
    (listed,) = remit("trial", "ls", "--store", store, "--json").object["runs"]

    assert (listed["id"], listed["state"], listed["trials"]) == (first["run"], "ended", 6)
    assert again.code == 3
    assert "stands there already" in again.err


def test_two_runs_become_one_with_two_arms_and_are_compared(remit: Remit, tmp_path: Path) -> None:
    for arm, passes in (("baseline", 9), ("candidate", 1)):
        path = write_lines(
            tmp_path / f"{arm}.json", *(plain(t, n, n < passes) for t in "abc" for n in range(10))
        )
        assert remit("trial", "import", path, "--arm", arm, "--out", tmp_path / f"{arm}.jsonl").code == 0

    both = tmp_path / "both.jsonl"
    line = remit(
        "trial", "import", tmp_path / "baseline.jsonl", tmp_path / "candidate.jsonl", "--out", both, "--json"
    )
    report = remit("trial", "report", both, "--json").object

    assert line.object["arms"]["candidate"]["passed"] == 3
    assert report["arms"] == ["baseline", "candidate"]
    (success,) = (one for one in report["comparisons"] if one["metric"] == "success")
    assert success["p"] < 0.001
    assert json.loads(both.read_bytes().splitlines()[0])["run"]["source"] == "remit"


def test_the_pair_of_tau2_is_compared_as_the_reference_says(remit: Remit, data: Path, tmp_path: Path) -> None:
    (row,) = json.loads((data / "reference_stats.json").read_text(encoding="utf-8"))["tau2_finetune_paired"]
    for arm in ("baseline", "candidate"):
        out = ("--out", tmp_path / f"{arm}.jsonl")
        wanted = ("--arm", arm, "--where", f"config={row[arm]}")
        assert remit("trial", "import", data / "tau2_systems", *wanted, *out).code == 0

    compared = (
        "trial",
        "compare",
        tmp_path / "baseline.jsonl",
        tmp_path / "candidate.jsonl",
        "--embedder",
        "none",
    )
    (success,) = (
        one for one in remit(*compared, "--json").object["comparisons"] if one["metric"] == "success"
    )

    assert success["p"] == pytest.approx(row["mcnemar_exact_p"], abs=1e-6)
    assert (success["baseline"]["value"], success["candidate"]["value"]) == pytest.approx(
        (row["baseline_rate"], row["candidate_rate"])
    )


def test_runs_of_two_suites_are_not_compared(remit: Remit, tmp_path: Path) -> None:
    for suite in ("shop", "bank"):
        path = write_lines(tmp_path / f"{suite}.json", plain("a", 0, True, suite=suite))
        assert remit("trial", "import", path, "--out", tmp_path / f"{suite}.jsonl").code == 0

    line = remit("trial", "compare", tmp_path / "shop.jsonl", tmp_path / "bank.jsonl")

    assert (line.code, "the baseline ran suite 'shop'" in line.err) == (3, True)
