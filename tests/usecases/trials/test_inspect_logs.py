"""Logs of Inspect, packed and as JSON, whole and in chunks; and zip files that are none, or mean harm."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.results_help import RECORDED

from remit.core.errors import BadInput, Unavailable
from remit.core.trial.analysis.estimates import success
from remit.core.trial.run import Run
from remit.usecases.trials.formats import zipped
from remit.usecases.trials.formats.recorded import Reading
from remit.usecases.trials.formats.zipped import Members
from remit.usecases.trials.imported import read_run

HEAD = {"version": 2, "eval": {"task": "refunds", "model": "m"}}
INCLUDES = Reading(success="includes")


def sample(epoch: int = 1, value: Any = "C", **more: Any) -> dict[str, Any]:
    return {"id": "a", "epoch": epoch, "input": "x", "scores": {"s": {"value": value}}, **more}


def log(path: Path, *samples: Any, head: Any = HEAD, **how: Any) -> Path:
    """A log as a JSON file, NaN where a value is NaN."""
    path = path / "log.json"
    path.write_text(json.dumps({**head, "samples": samples}, **how), encoding="utf-8")
    return path


def zipped_log(path: Path, members: dict[str, Any], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path = path / "log.eval"
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, value in members.items():
            file.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    return path


def read(path: Path, **how: Any) -> Run:
    return read_run([path], reading=Reading(**how))


@pytest.mark.parametrize("name", ["refunds.eval", "refunds.json"])
def test_a_recorded_log_says_what_inspect_said(name: str) -> None:
    if name.endswith(".eval"):
        pytest.importorskip("zstandard")
    run = read_run([RECORDED / name], reading=INCLUDES)
    counted = {
        task: (sum(t.success is True for t in trials), len(trials))
        for task, trials in run.by_task("agent").items()
    }

    assert (run.info.suite, run.info.source, run.info.fingerprints) == (
        "refunds",
        "inspect",
        {"agent": {"model": "mockllm/model"}},
    )
    assert counted == {"late": (2, 4), "broken": (1, 3), "7": (4, 4)}
    # Inspect's own `accuracy` over the means of the tasks, as the log has it.
    assert success(run, "agent")[0].value == pytest.approx(0.611111111111111)


def test_calls_answers_and_costs_of_a_sample_are_read() -> None:
    trials = {(t.task, t.epoch): t for t in read_run([RECORDED / "refunds.json"], reading=INCLUDES).trials}
    first, broken = trials["late", 0], trials["broken", 1]

    assert [(c.tool, c.args, c.outcome, c.result) for c in first.calls] == [
        ("get_order", {"order_id": "A-1"}, "done", "A-1 cost 120"),
        ("refund", {"order_id": "A-1", "amount": 120.0}, "done", "done"),
    ]
    assert (first.answer, first.tokens, first.latency_s) == ("I could not refund.", 294, 0.223)
    assert broken.status.value == "infrastructure"
    assert "connection reset by peer" in broken.reason


def test_packed_and_plain_form_say_the_same() -> None:
    pytest.importorskip("zstandard")

    packed, plain = (read_run([RECORDED / f"refunds.{end}"], reading=INCLUDES) for end in ("eval", "json"))

    assert packed.trials == plain.trials


def test_another_score_may_count() -> None:
    run = read_run([RECORDED / "refunds.json"], reading=Reading(success="share", at_least=0.5))

    assert [t.score for t in run.of("agent") if t.task == "7"] == [0.75] * 4


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ({}, "several: 'includes', 'share'; say which one counts: --success NAME"),
        ({"success": "shares"}, "no score 'shares'; there are 'includes', 'share'"),
        ({"success": "share"}, "a score of 0.75; say from which score"),
    ],
)
def test_which_score_counts_has_to_be_clear(how: dict[str, Any], found: str) -> None:
    with pytest.raises(BadInput) as error:
        read(RECORDED / "refunds.json", **how)

    assert found in str(error.value)


def test_a_log_whose_samples_are_in_chunks_is_read(tmp_path: Path) -> None:
    call = {"id": "c", "function": "look", "arguments": {"a": 1}}
    said = [
        [{"role": "user", "content": "attachment://0"}, {"role": "assistant", "content": "never sent"}],
        [{"role": "assistant", "content": "", "tool_calls": [call]}],
        [{"role": "tool", "tool_call_id": "c", "function": "look", "content": "attachment://1"}],
    ]
    base = "samples/a_epoch_1"
    path = zipped_log(
        tmp_path,
        {
            "header.json": HEAD,
            f"{base}/sample.json": sample(
                message_refs=[[0, 1], [2, 4]], output={"completion": "attachment://2"}
            ),
            **{f"{base}/messages/{at}.json": part for at, part in zip((0, 2, 3), said, strict=True)},
            f"{base}/attachments/0.json": ["a long question", "a long result"],
            f"{base}/attachments/2.json": ["a long answer"],
            f"{base}/events/0.json": "never read",
        },
    )

    (trial,) = read(path).trials

    assert [(c.tool, c.result) for c in trial.calls] == [("look", "a long result")]
    assert (trial.answer, trial.extra["user_input"]) == ("a long answer", "a long question")


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("C", "passed"),
        ("I", "failed"),
        ("N", "failed"),
        (True, "passed"),
        (0, "failed"),
        ("1.0", "passed"),
        ("yes", "passed"),
        (float("nan"), "infrastructure"),
        (None, "infrastructure"),
    ],
)
def test_values_are_read_as_inspect_reads_them(tmp_path: Path, value: Any, status: str) -> None:
    assert read(log(tmp_path, sample(value=value))).trials[0].status.value == status


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"scores": {}, "error": {"message": "503"}}, "infrastructure"),
        ({"scores": None}, "infrastructure"),
        ({"error": {"message": "503"}}, "passed"),
        ({"invalidation": {"author": "olga"}}, "infrastructure"),
        ({"scores": {}, "limit": {"type": "time", "limit": 60}}, "timeout"),
        ({"scores": {}, "limit": {"type": "message", "limit": 9}}, "failed"),
        ({"limit": {"type": "time", "limit": 60}}, "passed"),
    ],
)
def test_how_a_sample_ended_decides_what_it_counts_as(tmp_path: Path, more: Any, status: str) -> None:
    assert read(log(tmp_path, sample(**more))).trials[0].status.value == status


def test_nan_where_nobody_asks_does_no_harm_and_where_somebody_does_is_refused(tmp_path: Path) -> None:
    head = {**HEAD, "results": {"stderr": float("nan")}}

    assert read(log(tmp_path, sample(store={"x": float("nan")}), head=head)).trials[0].success
    with pytest.raises(BadInput, match=r"samples\[0\]: working_time: found nan; write a finite number"):
        read(log(tmp_path, sample(working_time=float("nan"))))


@pytest.mark.parametrize(
    ("samples", "head", "found"),
    [
        ([sample()], {"version": 1, "eval": {}}, "version: found 1; version 2 of Inspect's log is read"),
        ([sample()], {"version": 2, "eval": 7}, "eval: found 7"),
        ([sample(value={"a": 1, "b": 0})], HEAD, "a score of several values; name one: a, b"),
        ([sample(value="maybe")], HEAD, "found 'maybe'; use C, I, P, N"),
        ([sample(value="P")], HEAD, "a score of 0.5"),
        ([sample(epoch=0)], HEAD, "samples[0]: epoch: found 0"),
        ([sample(), sample()], HEAD, "trial 0 of task 'a' stands here a second time"),
        ([sample(messages="no")], HEAD, "samples[0]: not of the form"),
        ([sample(messages=[{"role": "robot"}])], HEAD, "found 'robot'"),
        ([sample(started_at="yesterday")], HEAD, "started_at: found 'yesterday'"),
        ([], HEAD, "no result"),
        ([7], HEAD, "samples[0]: not of the form"),
    ],
)
def test_a_bad_log_is_refused_with_its_place(tmp_path: Path, samples: Any, head: Any, found: str) -> None:
    with pytest.raises(BadInput) as error:
        read(log(tmp_path, *samples, head=head))

    assert found in str(error.value)


def test_a_log_that_was_cut_off_has_its_head_in_the_journal(tmp_path: Path) -> None:
    path = zipped_log(tmp_path, {"_journal/start.json": HEAD, "samples/a_epoch_1.json": sample()})

    assert len(read(path).trials) == 1


# ---------------------------------------------------------------------------------------------------------------- zip
def test_a_zip_file_that_is_no_log_and_one_that_is_no_zip_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no log of Inspect"):
        read(zipped_log(tmp_path, {"a.txt": b"hello"}))
    (tmp_path / "log.eval").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(BadInput, match="no whole zip file"):
        read(tmp_path / "log.eval")


def test_a_member_that_grows_too_far_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped_log(tmp_path, {"header.json": HEAD, "samples/a_epoch_1.json": b"[" * 3_000_000})
    monkeypatch.setattr(zipped, "MOST_RATIO", 100)

    with pytest.raises(BadInput, match=r"samples/a_epoch_1.json: 3000000 bytes from \d+"):
        read(path)
    monkeypatch.setattr(zipped, "MOST_RATIO", 1_000_000)
    monkeypatch.setattr(zipped, "MOST_MEMBER_BYTES", 1_000)
    with pytest.raises(BadInput, match="at most 1000 are read"):
        read(path)


def test_all_members_together_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"samples/a_epoch_{n}.json": sample(n, pad="x" * 500) for n in range(1, 9)}
    monkeypatch.setattr(zipped, "MOST_WHOLE_BYTES", 3_000)

    with pytest.raises(BadInput, match="bytes from"):
        read(zipped_log(tmp_path, {"header.json": HEAD, **members}))


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = zipped_log(tmp_path, {"header.json": HEAD}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 5)
    path.write_bytes(data)

    with Members(path) as members, pytest.raises(BadInput, match="damaged"):
        members.read("header.json")


def test_a_log_that_nothing_here_unpacks_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(Unavailable, match=r"pip install 'remit\[inspect\]'"):
        read_run([RECORDED / "refunds.eval"])


def test_damaged_zstandard_is_told(tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    data = bytearray((RECORDED / "refunds.eval").read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as file:
        info = file.getinfo("header.json")
    at = info.header_offset + 30 + len("header.json") + 20
    data[at : at + 30] = b"\xff" * 30
    path = tmp_path / "log.eval"
    path.write_bytes(data)

    with pytest.raises(BadInput, match=r"header\.json: damaged"):
        read(path)
