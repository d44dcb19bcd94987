"""Two runs compared on the command line: by files and by ids, and refused where they do not belong together."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from remit.cli.main import main
from remit.core.trial.run import Run, RunInfo, TaskInfo, in_order, run_lines
from remit.core.trial.suite import Design
from remit.core.trial.trial import Breach, Status, Trial, TrialCall

HOSTILE = "</svg><script>alert(1)</script>\x1b[31m\u202e|`"
TASKS = {f"t{at}": TaskInfo() for at in range(20)}


def a_run(
    folder: Path, name: str, fails: int, *, arms: tuple[str, ...] = ("agent",), suite: str = "h", **more: Any
) -> str:
    """A run of 20 tasks, 5 times each, of which in every arm the first *fails* tasks fail."""
    info = RunInfo(name, "shop", suite, Design(epochs=5), arms, TASKS, ("safety",))
    trials = [
        Trial(5 * at + epoch, arm, task, epoch, Status.FAILED if at < fails else Status.PASSED, **more)
        for arm in arms
        for at, task in enumerate(TASKS)
        for epoch in range(5)
    ]
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(run_lines(Run(info, in_order(trials, arms)))))
    return str(path)


@pytest.mark.parametrize(("fails", "code", "verdict"), [(1, 0, "PASS"), (12, 1, "BLOCK")])
def test_the_exit_code_says_whether_it_is_worse(
    tmp_path: Path, capsys: Any, fails: int, code: int, verdict: str
) -> None:
    before, after = a_run(tmp_path, "before", 1), a_run(tmp_path, "after", fails)

    assert main(["trial", "compare", before, after, "--json"]) == code

    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["arms"], told["run"]) == (
        verdict,
        ["baseline", "candidate"],
        "before / after",
    )
    assert [one["gate"] for one in told["rulings"]] == ["not-worse"]


def test_the_margin_and_the_question_are_as_asked(tmp_path: Path, capsys: Any) -> None:
    before, after = a_run(tmp_path, "before", 1), a_run(tmp_path, "after", 2)

    main(["trial", "compare", before, after, "--question", "population", "--margin", "0.2", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert told["design"]["question"] == "population"
    assert told["comparisons"][0]["question"] == "tasks like these"


def test_a_breach_of_the_candidate_blocks_whatever_its_rate_is(tmp_path: Path, capsys: Any) -> None:
    before = a_run(tmp_path, "before", 10)
    after = a_run(tmp_path, "after", 0, breaches=(Breach("safety", "paid too much"),))

    assert main(["trial", "compare", before, after]) == 1
    assert "BLOCK safety (candidate)" in capsys.readouterr().out


def test_one_arm_of_several_is_named(tmp_path: Path, capsys: Any) -> None:
    several = a_run(tmp_path, "several", 1, arms=("old", "new"))

    assert main(["trial", "compare", several, several]) == 3
    assert "name one of old, new" in capsys.readouterr().err
    assert (
        main(["trial", "compare", several, several, "--baseline-arm", "old", "--candidate-arm", "new"]) == 0
    )


def test_runs_of_two_suites_are_refused(tmp_path: Path, capsys: Any) -> None:
    before, after = a_run(tmp_path, "before", 1), a_run(tmp_path, "after", 1, suite="other")

    assert main(["trial", "compare", before, after]) == 3
    assert "run both with the same suite file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--question", "both"], 2),
        (["--margin", "2"], 2),
        (["--margin", "0"], 3),
        (["--alpha", "0"], 3),
        (["--margin", "nan"], 2),
        (["--alpha", "nan"], 2),
        (["--embedder", "nobody"], 3),
        (["--html", "/no/such/folder/r.html"], 3),
    ],
)
def test_what_is_asked_wrongly_is_told(tmp_path: Path, capsys: Any, options: list[str], code: int) -> None:
    before, after = a_run(tmp_path, "before", 1), a_run(tmp_path, "after", 1)

    assert main(["trial", "compare", before, after, *options]) == code
    assert capsys.readouterr().err


def test_an_option_that_is_out_of_range_is_named_alone_with_its_range(tmp_path: Path, capsys: Any) -> None:
    run = a_run(tmp_path, "run", 1)

    assert main(["trial", "compare", run, run, "--alpha", "0.5"]) == 3
    assert "remit: --alpha: found 0.5; write a number above 0 and below 0.5" in capsys.readouterr().err


def test_results_of_other_formats_are_read(tmp_path: Path, capsys: Any) -> None:
    lines = [
        json.dumps({"task_id": f"t{at}", "trial": k, "success": at > 2}) for at in range(20) for k in range(4)
    ]
    (tmp_path / "plain.jsonl").write_text("\n".join(lines))

    main(["trial", "report", str(tmp_path / "plain.jsonl"), "--json"])

    assert json.loads(capsys.readouterr().out)["counts"]["agent"]["passed"] == 68
    assert main(["trial", "compare", str(tmp_path / "plain.jsonl"), str(tmp_path / "plain.jsonl")]) == 0


def test_an_id_that_no_store_has_is_an_error(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["trial", "report", "no-such-run", "--store", f"sqlite:///{tmp_path}/none.db"]) == 3
    assert "remit: " in capsys.readouterr().err


def with_answers(folder: Path, name: str, seed: int) -> str:
    """A run with everything that an agent leaves behind: answers, calls, times, tokens, and a world that fails."""
    draw = random.Random(seed)
    info = RunInfo(name, "shop", "h", Design(epochs=5), ("agent",), TASKS, ("safety",))
    statuses = [Status.PASSED] * 7 + [Status.FAILED, Status.TIMEOUT, Status.INFRASTRUCTURE]
    trials = [
        Trial(
            5 * at + epoch, "agent", task, epoch, draw.choice(statuses), latency_s=draw.lognormvariate(1, 0.5),
            answer=draw.choice(("I refunded 12.00 EUR.", "I could not refund A-1.", HOSTILE)),
            tokens=draw.randint(900, 1100),
            calls=tuple(TrialCall(tool, {"id": HOSTILE, "n": epoch}) for tool in ("look", "pay")[: draw.randint(1, 2)]),
            reason=HOSTILE,
        )
        for at, task in enumerate(TASKS)
        for epoch in range(5)
    ]  # fmt: skip
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(run_lines(Run(info, tuple(trials)))))
    return str(path)


def test_every_form_shows_all_that_runs_leave_behind(tmp_path: Path, capsys: Any) -> None:
    before, after = with_answers(tmp_path, "before", 1), with_answers(tmp_path, "after", 2)
    forms = {form: tmp_path / f"r.{form}" for form in ("html", "junit", "markdown")}
    options = [word for form, path in forms.items() for word in (f"--{form}", str(path))]

    assert main(["trial", "compare", before, after, *options]) in (0, 1, 4)

    page = ElementTree.fromstring(forms["html"].read_bytes().split(b"\n", 1)[1])
    sections = [section.get("id") for section in page.iter("section")]
    first = ["gates", "invariants", "reasons", "compared", "tasks", "runs", "repeats"]
    assert sections == [*first, "latency", "answers", "numbers", "notes", "design"]
    assert not list(page.iter("script"))
    assert ElementTree.parse(forms["junit"]).getroot().tag == "testsuites"
    assert forms["markdown"].read_text().startswith("## ")
    shown = capsys.readouterr().out
    assert "answers more variable (drift only)" in shown and "times" in shown and "\x1b" not in shown


def test_other_methods_stand_beside_the_verdict_and_change_nothing(tmp_path: Path, capsys: Any) -> None:
    before, after = a_run(tmp_path, "before", 1, answer="yes"), a_run(tmp_path, "after", 12, answer="no")
    page = tmp_path / "page.html"

    codes = [
        main(["trial", "compare", before, after, *more])
        for more in (["--json"], ["--methods", "--json"], ["--methods", "--html", str(page)])
    ]

    plain, with_methods, shown = capsys.readouterr().out.split("\n", 2)
    one, other = json.loads(plain), json.loads(with_methods)
    assert codes == [1, 1, 1]
    assert {**other, "methods": [], "methods_told": ""} == one
    assert {"McNemar (exact)", "Boschloo (exact), unpaired", "Tango (score)", "Cochran-Mantel-Haenszel"} < {
        method["name"] for method in other["methods"]
    }
    assert {method["says"] for method in other["methods"] if method["about"] == "answers"} == {"moved"}
    assert "The same question by other published methods (they decide nothing)" in shown
    assert "The same question by other published methods (they decide nothing)" in page.read_text()


def test_a_report_of_one_arm_has_no_methods_to_show(tmp_path: Path, capsys: Any) -> None:
    assert main(["trial", "report", a_run(tmp_path, "alone", 1), "--methods"]) == 3
    assert "one arm, and methods compare two" in capsys.readouterr().err
