"""Results from elsewhere become a run: arms, tasks, epochs, draws, and nothing that is not known."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.results_help import plain, simulation, tau, tau2, write_lines

from remit.core.errors import BadInput
from remit.core.trial.run import Run, run_from, run_lines
from remit.core.trial.suite import Design
from remit.core.trial.trial import Status
from remit.usecases.trials.formats import FORMATS
from remit.usecases.trials.formats.recorded import Reading
from remit.usecases.trials.imported import ImportChoice, imported, read_run


def read(path: Path, *lines: Any, **how: Any) -> Run:
    return read_run([write_lines(path / "r.jsonl", *lines)], **how)


def told(run: Run) -> list[tuple[int, str, str, int, str]]:
    return [(t.draw, t.arm, t.task, t.epoch, t.status.value) for t in run.trials]


def test_plain_lines_become_trials_in_their_order(tmp_path: Path) -> None:
    run = read(tmp_path, plain("a", 0, True), plain("b", 0, False), plain("a", 1, 1), plain("b", 1, 0))

    assert told(run) == [
        (0, "agent", "a", 0, "passed"),
        (1, "agent", "b", 0, "failed"),
        (2, "agent", "a", 1, "passed"),
        (3, "agent", "b", 1, "failed"),
    ]
    assert (run.info.source, run.info.design.epochs, list(run.info.tasks)) == ("plain", 2, ["a", "b"])


def test_what_else_a_line_says_is_kept(tmp_path: Path) -> None:
    line = plain(
        7, 0, True, answer="done", latency_s=1.5, tokens=90, cost=0.1, model="m", seed=4, at=12.0, mood="calm"
    )

    (trial,) = (run := read(tmp_path, line)).trials

    assert (trial.task, trial.answer, trial.latency_s, trial.tokens, trial.cost) == (
        "7",
        "done",
        1.5,
        90,
        0.1,
    )
    assert (trial.seed, trial.at, trial.extra) == (4, 12.0, {"mood": "calm", "model": "m"})
    assert run.info.fingerprints == {"agent": {"model": "m"}}


def test_a_run_without_a_number_gets_the_next_one_of_its_task(tmp_path: Path) -> None:
    lines = [{"task_id": task, "success": True} for task in "aab"]

    assert [(t.task, t.epoch) for t in read(tmp_path, *lines).trials] == [("a", 0), ("a", 1), ("b", 0)]


def test_the_same_task_and_epoch_of_two_arms_is_one_draw_and_the_baseline_is_first(tmp_path: Path) -> None:
    lines = [plain(task, 0, True, arm=arm) for arm in ("candidate", "baseline") for task in "ab"]

    assert [(t.draw, t.arm, t.task) for t in read(tmp_path, *lines).trials] == [
        (0, "baseline", "a"),
        (0, "candidate", "a"),
        (1, "baseline", "b"),
        (1, "candidate", "b"),
    ]


def test_where_all_times_are_known_trials_stand_in_the_order_of_their_starts(tmp_path: Path) -> None:
    run = read(tmp_path, plain("late", 0, True, at=20), plain("early", 0, True, at=10))

    assert [t.task for t in run.trials] == ["early", "late"]


def test_where_one_time_is_not_known_trials_stand_as_in_the_file(tmp_path: Path) -> None:
    run = read(tmp_path, plain("a", 0, True, at=5.0), plain("b", 0, True), plain("c", 0, True, at=1.0))

    assert [trial.task for trial in run.trials] == ["a", "b", "c"]


def test_tasks_of_several_suites_are_told_apart(tmp_path: Path) -> None:
    run = read(tmp_path, plain("1", 0, True, suite="bank"), plain("1", 0, False, suite="shop"))

    assert list(run.info.tasks) == ["bank/1", "shop/1"]


def test_a_result_that_stands_twice_is_refused_with_what_would_tell_the_two_apart(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        read(tmp_path, plain("a", 0, True, model="x"), plain("a", 0, False, model="y"))

    assert "r.jsonl:2: trial 0 of task 'a' stands here a second time; the first: " in str(error.value)
    assert "(these differ: model)" in str(error.value)


def test_a_line_that_stands_twice_word_for_word_is_to_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="leave one out, or give each its own 'trial'"):
        read(tmp_path, plain("a", 0, True), plain("a", 0, True))


def test_arms_and_tasks_are_named_by_fields_and_results_chosen_by_them(tmp_path: Path) -> None:
    lines = [
        plain("1", 0, True, attack={"name": name}, meta={"config": config})
        for name in ("direct", "none")
        for config in ("old", "new")
    ]

    run = read(tmp_path, *lines, arm_by=["config"], task_by=["task_id", "attack.name"])
    some = imported(
        [(ImportChoice(arm_by=("config",), where={"attack.name": "direct"}), [tmp_path / "r.jsonl"])]
    )

    assert run.info.arms == ("old", "new")
    assert list(run.info.tasks) == ["1/direct", "1/none"]
    assert (len(some.run.trials), some.left_out) == (2, 2)


@pytest.mark.parametrize("option", ["arm_by", "task_by", "where"])
def test_a_field_that_no_record_has_is_refused_with_those_there_are(tmp_path: Path, option: str) -> None:
    value = {"modle": "x"} if option == "where" else ["modle"]

    with pytest.raises(BadInput, match=r"no record has a field 'modle'; known: model, success"):
        read(tmp_path, plain("a", 0, True, model="x"), **{option: value})


def test_where_nothing_is_left_that_is_said_and_no_field_is_called_unknown(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="1 records, of which --where left none"):
        read(tmp_path, plain("a", 0, True, model="x"), where={"model": "y"}, arm_by=["model"])
    with pytest.raises(BadInput, match="--where: no record has a field 'modle'"):
        read(tmp_path, plain("a", 0, True, model="x"), where={"modle": "y"}, arm_by=["model"])


def test_two_files_are_two_arms(tmp_path: Path) -> None:
    old = write_lines(tmp_path / "old.jsonl", plain("a", 0, True))
    new = write_lines(tmp_path / "new.jsonl", plain("a", 0, False))

    run = imported([(ImportChoice("baseline"), [old]), (ImportChoice("candidate"), [new])], suite="mine").run

    assert told(run) == [(0, "baseline", "a", 0, "passed"), (0, "candidate", "a", 0, "failed")]
    assert run.info.suite == "mine"


def test_a_score_is_a_success_from_where_somebody_says(tmp_path: Path) -> None:
    lines = [plain("a", 0, 0.4), plain("a", 1, 0.6), plain("a", 2, True)]

    run = read(tmp_path, *lines, reading=Reading(at_least=0.5))

    assert [(t.status.value, t.score) for t in run.trials] == [
        ("failed", 0.4),
        ("passed", 0.6),
        ("passed", None),
    ]
    with pytest.raises(BadInput, match=r"r.jsonl:1: success: a score of 0.4; say from which"):
        read(tmp_path, *lines)


def test_another_field_may_say_the_success(tmp_path: Path) -> None:
    run = read(
        tmp_path,
        {"task_id": "a", "attack": {"succeeded": False}},
        {"task_id": "a", "attack": {"succeeded": True}},
        reading=Reading(success="attack.succeeded"),
    )

    assert [t.success for t in run.trials] == [False, True]


def test_what_the_world_broke_off_or_nobody_judged_is_neither_unless_errors_count(tmp_path: Path) -> None:
    lines = [
        plain("a", 0, False, meta={"run_error": "503"}),
        plain("a", 1, None),
        plain("a", 2, False, timeout=True),
        plain("a", 3, True, run_error=None),
    ]

    def ended(reading: Reading) -> list[Status]:
        return [t.status for t in read(tmp_path, *lines, reading=reading).trials]

    neither, failed = Status.INFRASTRUCTURE, Status.FAILED
    assert ended(Reading()) == [neither, neither, Status.TIMEOUT, Status.PASSED]
    assert ended(Reading(count_errors=True)) == [failed, failed, Status.TIMEOUT, Status.PASSED]
    assert read(tmp_path, *lines).trials[0].reason == "503"


def test_a_recorded_session_brings_its_calls_and_its_answer(tmp_path: Path) -> None:
    steps = [
        {"role": "user", "content": "Refund A-1."},
        {"role": "assistant", "tool_calls": [{"id": "c", "name": "refund", "args": {"order": "A-1"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "", "error": "no such order"},
        {"role": "assistant", "tool_calls": [{"id": "d", "name": "ask", "args": {}}]},
        {"role": "assistant", "content": "I could not."},
    ]

    (trial,) = read(tmp_path, plain("a", 0, False, session_id="s", steps=steps)).trials

    assert [(c.tool, c.args, c.outcome, c.result) for c in trial.calls] == [
        ("refund", {"order": "A-1"}, "failed", "no such order"),
        ("ask", {}, "unknown", ""),
    ]
    assert (trial.answer, trial.session) == ("I could not.", "")
    assert trial.extra == {"session_id": "s", "user_input": "Refund A-1."}


def test_results_of_tau_bench_are_read(tmp_path: Path) -> None:
    path = tmp_path / "gpt-4o-airline.json"
    broken = tau(1, 1, 0.0, info={"error": "Timeout", "traceback": "…"}, traj=[])
    path.write_text(json.dumps([tau(1, 0, 1.0), broken, tau(2, 0, 0.5)], indent=2), encoding="utf-8")

    run = read_run([path])

    assert [(t.task, t.epoch, t.status.value) for t in run.trials] == [
        ("1", 0, "passed"),
        ("1", 1, "infrastructure"),
        ("2", 0, "failed"),
    ]
    first = run.trials[0]
    assert [(c.tool, c.args, c.result) for c in first.calls] == [
        ("cancel_reservation", {"reservation_id": "EHGLP3"}, "cancelled")
    ]
    assert (first.answer, run.info.source) == ("It is cancelled.", "tau-bench")


def test_results_of_tau2_are_read_and_its_users_calls_are_not_the_agents(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    ends = ["infrastructure_error", "context_window_exceeded", "timeout", "max_steps", "unexpected_error"]
    listed = [simulation("t", n, None, termination_reason=end) for n, end in enumerate(ends, 1)]
    path.write_text(json.dumps(tau2(simulation("t", 0, 1.0), *listed)), encoding="utf-8")

    run = read_run([path])

    assert [t.status.value for t in run.trials] == [
        "passed",
        "infrastructure",
        "infrastructure",
        "timeout",
        "failed",
        "infrastructure",
    ]
    first = run.trials[0]
    assert [(c.tool, c.args, c.outcome) for c in first.calls] == [
        ("get_line", {"line": 3}, "done"),
        ("get_line", {"line": 4}, "failed"),
    ]
    assert (first.latency_s, first.cost, first.seed, first.answer) == (19.5, 0.01, 626729, "It is on.")
    assert (run.info.suite, run.info.fingerprints) == ("telecom", {"agent": {"model": "gpt-4.1"}})


def test_a_folder_of_tau2_has_a_file_for_each_simulation(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "simulations"
    folder.mkdir(parents=True)
    index = {k: v for k, v in tau2().items() if k != "simulations"} | {"simulation_index": []}
    (tmp_path / "run" / "results.json").write_text(json.dumps(index), encoding="utf-8")
    for trial in range(2):
        (folder / f"{trial}.json").write_text(
            json.dumps(simulation("t", trial, 1.0), indent=2), encoding="utf-8"
        )
    (tmp_path / "run" / "policy.json").write_text('{"policy": "Be kind."}', encoding="utf-8")

    found = imported([(ImportChoice(), [tmp_path])])

    assert len(found.run.trials) == 2
    assert [Path(path).name for path in found.passed_over] == ["policy.json"]


def test_a_run_of_remit_is_read_again_as_it_is(tmp_path: Path) -> None:
    read_in = read(
        tmp_path, *(plain(task, n, n == 1, arm=arm) for task in "ab" for n in (0, 1) for arm in "xy")
    )
    run = replace(
        read_in,
        repeated=3,
        stopped="decided",
        info=replace(read_in.info, design=Design("sequential", seed=9)),
    )
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(run_lines(run)))

    assert run_from([("", line) for line in run_lines(run)]) == read_run([path]) == run
    assert read_run([path], where={"arm": "x"}).info == replace(run.info, arms=("x",))
    assert read_run([path], arm="other", where={"arm": "x"}).info.arms == ("other",)


@pytest.mark.parametrize("packed", [False, True])
def test_a_list_of_results_in_one_file_is_read_gzipped_or_not(tmp_path: Path, packed: bool) -> None:
    data = json.dumps([plain("a", 0, True), plain("b", 0, False)]).encode()
    path = tmp_path / "r.json"
    path.write_bytes(gzip.compress(data) if packed else data)

    assert len(read_run([path]).trials) == 2


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"task_id": "a", "trial": 0, "success": NaN}', "NaN or Infinity, which JSON does not have"),
        ('{"task_id": "a", "trial": 0, "success": 1e999}', "r.jsonl:1"),
        (
            '{"task_id": "a", "trial": 0, "success": "yes"}',
            "r.jsonl:1: success: found 'yes'; write true or false without quotes",
        ),
        ('{"task_id": "a", "trial": 0}', "r.jsonl:1: no 'success'"),
        ('{"task_id": "", "trial": 0, "success": true}', "r.jsonl:1: task_id: found ''"),
        ('{"task_id": null, "trial": 0, "success": true}', "r.jsonl:1: task_id: found null"),
        ('{"task_id": true, "trial": 0, "success": true}', "r.jsonl:1: task_id: found true"),
        ('{"task_id": "a", "trial": -1, "success": true}', "r.jsonl:1: trial: found -1"),
        ('{"task_id": "a", "trial": "0", "success": true}', "r.jsonl:1: trial: found '0'"),
        ('{"task_id": "a", "trial": 0.5, "success": true}', "r.jsonl:1: trial: found 0.5"),
        ('{"task_id": "a", "success": true, "latency_s": -1}', "r.jsonl:1: latency_s: found -1"),
        ('{"task_id": "a", "success": true, "tokens": 1.5}', "r.jsonl:1: tokens: found 1.5"),
        ('{"task_id": "a", "success": true, "timeout": "no"}', "r.jsonl:1: timeout: found 'no'"),
        ('{"task_id": "a", "success": true, "steps": 3}', "r.jsonl:1: not a session"),
        ('{"task_id": "a", "success": tru}', "r.jsonl:1: not JSON"),
        ('{"task_id": "a", "success": true, "success": false}', "r.jsonl:1: 'success' stands twice"),
        ('{"role": "user"}', "r.jsonl:1: results of no known format"),
        ("[1, 2]", "no JSON object"),
        ("", "nothing in it"),
        ("{" * 30, "r.jsonl:1"),
        ("[" * 100_000, "r.jsonl"),
        ('{"task_id": ' + "[" * 100_000, "nested too deep"),
        ('{"task_id": "a", "success": ' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}", "nested too deep"),
    ],
)
def test_what_is_no_result_is_refused_with_its_place(tmp_path: Path, line: str, found: str) -> None:
    with pytest.raises(BadInput) as error:
        read(tmp_path, line)

    assert found in str(error.value)


@pytest.mark.parametrize(
    "text", ['{"task_id": "a", "success": true}\n', '[\n{"task_id": "a", "success": true}\n]\n']
)
def test_a_byte_order_mark_is_no_part_of_the_first_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))

    assert len(read_run([path]).trials) == 1


def test_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes('{"task_id": "a", "success": true}\n'.encode("utf-16"))

    with pytest.raises(BadInput, match="text in UTF-16; write it as UTF-8"):
        read_run([path])


def test_a_bad_line_far_down_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"r\.jsonl:4: success: found 'x'"):
        read(tmp_path, plain("a", 0, True), plain("a", 1, True), "", plain("a", 2, "x"))


def test_cut_off_gzip_and_missing_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(plain("a", 0, True)).encode() * 50)[:-20])

    with pytest.raises(BadInput, match="not whole gzip data"):
        read_run([path])
    with pytest.raises(BadInput, match="no such file or folder"):
        read_run([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no result in this folder"):
        read_run([tmp_path / "empty"])


def test_no_record_belongs_to_two_formats_by_accident() -> None:
    first = {
        "remit": {"format", "run", "repeated", "stopped"},
        "inspect": {"version", "status", "eval", "plan", "results", "stats", "samples"},
        "tau2": set(tau2()),
        "tau-bench": set(tau(1, 0, 1.0)),
        "plain": set(plain("a", 0, True)),
    }

    for known in FORMATS:
        chosen = next(one.name for one in FORMATS if one.fits(frozenset(first[known.name])))
        assert chosen == known.name
    assert next(one.name for one in FORMATS if one.fits(frozenset(simulation("t", 0, 1.0)))) == "tau2"


def test_a_word_that_only_stands_in_other_objects_is_no_repeated_key(tmp_path: Path) -> None:
    line = plain("a", 0, True, meta={"success": False}, note='"success"')

    assert read(tmp_path, line).trials[0].success is True
