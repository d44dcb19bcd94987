"""`remit trial import`: a run of ours from anybody's results, in a file and in a store, and two arms compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.core.trial.run_help import run as run_of
from tests.core.trial.run_help import success
from tests.usecases.trials.results_help import plain, write_lines

from remit.cli import trial_import
from remit.core.trial.run import Run, run_from, run_lines
from remit.core.trial.suite import Design
from remit.core.trial.trial import Breach
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
    assert "old: 6 runs of 2 tasks: 4 passed, 2 failed, 0 neither passed nor failed" in line.out
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


def written(path: Path, found: Run) -> Path:
    path.write_bytes(b"".join(run_lines(found)))
    return path


def test_runs_that_stopped_by_themselves_are_known_as_such_when_they_are_put_together(
    remit: Remit, tmp_path: Path
) -> None:
    """And what ended behind their decision is kept only where it broke an invariant: quick ones alone are among it."""
    design = Design("sequential", max_trials=200, gates=(success(0.7, aims_for=0.85),))
    whole = run_of({"agent": {"a": "+" * 60}}, design=design)
    broke = replace(whole.trials[40], breaches=(Breach("never", "it paid twice"),))
    new = replace(whole, trials=(*whole.trials[:10], *whole.trials[11:40], broke))
    arms = [written(tmp_path / f"{name}.jsonl", one) for name, one in (("old", whole), ("new", new))]
    out = tmp_path / "both.jsonl"

    line = remit("trial", "import", "--arm", f"old={arms[0]}", "--arm", f"new={arms[1]}", "--out", out)
    report = remit("trial", "report", out, "--json").object
    again = remit(
        "trial", "compare", out, out, "--baseline-arm", "old", "--candidate-arm", "new", "--json"
    ).object

    both = run_from((one.where, one.data) for one in lines(out))
    assert both.info.stopped_arms == ("old", "new")
    assert [one.epoch for one in both.of("new")] == [*range(10), 40]
    assert "only quick ones are among those" in line.err
    for arm in ("old", "new"):
        assert "valid at any stop" in report["estimates"][arm][0]["method"]
    assert any("The run of old and that of new ended as soon as" in note for note in report["notes"])
    assert any("and so does the gate here" in note for note in again["notes"])


def test_some_trials_of_a_run_are_rated_whole_and_its_gates_judge_them_not(
    remit: Remit, tmp_path: Path
) -> None:
    design = Design(epochs=5, gates=(success(0.7),))
    found = run_of({"agent": {"a": "+" * 5, "b": "-" * 5}}, design=design, source="remit trial run")
    path, out = written(tmp_path / "run.jsonl", found), tmp_path / "some.jsonl"

    remit("trial", "import", path, "--where", "task=b", "--out", out)
    report = remit("trial", "report", out, "--json").object

    assert (report["rulings"], report["estimates"]["agent"][0]["n"]) == ([], 5)
