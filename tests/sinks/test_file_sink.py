"""Lines in a file: whole, durable, one after the other, wherever the file went meanwhile."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from remit.core.errors import BadInput, Declined, Unavailable
from remit.core.routes import RouteSettings
from remit.sinks import file_sink
from remit.sinks.table import build

from .drawn import alert

ROOT = Path(__file__).parents[2]
ENVIRON = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}


def sink(path):
    return build(RouteSettings("log", "json", f"file:{path}"))


def ids(path):
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_each_message_is_a_line_that_is_on_the_disk_before_it_counts(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(file_sink.os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    sent = sink(tmp_path / "a.jsonl")
    sent.send(alert(id="one"))
    sent.send(alert(id="two"))

    assert ids(tmp_path / "a.jsonl") == ["one", "two"]
    assert synced[-1] == (tmp_path / "a.jsonl").stat().st_size
    assert (tmp_path / "a.jsonl").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("half", [b'{"id":"tor', b"{", b'{"a":"' + b"x" * 5000])
def test_half_a_line_of_an_attempt_that_died_is_taken_off_before_the_next(tmp_path, half):
    path = tmp_path / "a.jsonl"
    sink(path).send(alert(id="one"))
    with path.open("ab") as torn:
        torn.write(half)

    sink(path).send(alert(id="two"))

    assert ids(path) == ["one", "two"]


@pytest.mark.parametrize(
    "told", ["my notes, without an end of line", "spec:\n  tools: {}\n", "\n", "x" * 300_000]
)
def test_a_file_that_is_not_ours_is_left_as_it_is(tmp_path, told):
    path = tmp_path / "notes.txt"
    path.write_text(told)
    with pytest.raises(Declined, match="does not end in a line of ours"):
        sink(path).send(alert())
    assert path.read_text() == told


def test_a_file_that_was_renamed_or_cut_is_followed(tmp_path):
    path = tmp_path / "a.jsonl"
    sent = sink(path)
    sent.send(alert(id="one"))
    path.rename(tmp_path / "a.1")
    sent.send(alert(id="two"))
    os.truncate(path, 0)
    sent.send(alert(id="three"))

    assert ids(tmp_path / "a.1") == ["one"]
    assert ids(path) == ["three"]


@pytest.mark.parametrize("moment", ["first", "half", "sync"])
def test_a_full_disk_delays_and_leaves_no_half_line(tmp_path, monkeypatch, moment):
    path = tmp_path / "a.jsonl"
    sent = sink(path)
    sent.send(alert(id="one"))
    write, calls = os.write, []

    def full(handle, data):
        calls.append(data)
        if moment == "half" and len(calls) == 1:
            return write(handle, bytes(data)[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(
            file_sink.os, "fsync" if moment == "sync" else "write", full if moment != "sync" else _full
        )
        with pytest.raises(Unavailable, match="No space left") as caught:
            sent.send(alert(id="two"))
    assert not isinstance(caught.value, Declined)
    assert ids(path) == ["one"]
    sent.send(alert(id="two"))
    assert ids(path) == ["one", "two"]


def _full(handle):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_line_that_the_kernel_took_half_of_is_taken_back(tmp_path):
    path = tmp_path / "a.jsonl"
    sink(path).send(alert(id="one"))
    limit = path.stat().st_size + 100
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "from remit.core.routes import RouteSettings\n"
        "from remit.core.errors import Declined, Unavailable\n"
        "from remit.sinks.table import build\n"
        "from tests.sinks.drawn import alert\n"
        "try:\n"
        "    build(RouteSettings('log', 'json', 'file:' + sys.argv[1])).send(alert(id='two'))\n"
        "except Unavailable as error:\n"
        "    sys.exit(7 if not isinstance(error, Declined) else 8)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], env=ENVIRON, check=False).returncode == 7
    assert ids(path) == ["one"]


def test_no_link_pipe_or_folder_is_written_to(tmp_path):
    (tmp_path / "real").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder", "missing/a.jsonl"):
        with pytest.raises(Declined):
            sink(tmp_path / name).send(alert())
    assert (tmp_path / "real").read_text() == ""


@pytest.mark.parametrize("target", ["file:relative.jsonl", "file:", "file:///tmp/a\nb", "file://host/x"])
def test_a_path_that_is_not_absolute_is_refused_when_it_is_set(target):
    if target == "file://host/x":
        target = "file://host"
    with pytest.raises(BadInput, match="absolute path"):
        build(RouteSettings("log", "json", target))


def test_a_file_that_another_process_holds_for_long_is_unavailable(tmp_path, monkeypatch):
    monkeypatch.setattr(file_sink, "LOCK_WAIT_S", 0.05)
    path = tmp_path / "a.jsonl"
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another process holds it"):
            sink(path).send(alert())
    assert sink(path).probe() == str(path)


def test_processes_that_append_together_never_mix_their_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    code = (
        "import sys\n"
        "from remit.core.routes import RouteSettings\n"
        "from remit.sinks import file_sink\n"
        "from remit.sinks.table import build\n"
        "from tests.sinks.drawn import alert\n"
        "file_sink.LOCK_WAIT_S = 600.0\n"
        "sink = build(RouteSettings('log', 'json', 'file:' + sys.argv[1]))\n"
        "for n in range(40):\n"
        "    sink.send(alert(id=f'{sys.argv[2]}-{n}', steps=tuple('step ' * 60 for _ in range(8))))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name], env=ENVIRON) for name in "abc"]
    assert [writer.wait(600) for writer in writers] == [0, 0, 0]

    found = ids(path)
    assert len(found) == 120
    for name in "abc":
        assert [one for one in found if one[0] == name] == [f"{name}-{n}" for n in range(40)]
