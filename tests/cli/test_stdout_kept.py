"""While somebody else's code runs, nothing of it reaches standard output, by whatever way it prints."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from remit.cli.stdout_kept import stdout_kept

PRINTS = """
import os, sys
from remit.cli.stdout_kept import stdout_kept

held = sys.stdout
with stdout_kept():
    print("printed")
    print("by a logger that held the stream", file=held)
    os.system("echo by a child")
print("the result")
"""
BUFFERED = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}


def test_only_the_result_stands_on_stdout() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PRINTS], env=BUFFERED, capture_output=True, text=True, check=True
    )

    assert ran.stdout == "the result\n"
    assert set(ran.stderr.splitlines()) == {"printed", "by a logger that held the stream", "by a child"}


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_a_closed_stream_breaks_nothing(closed: str) -> None:
    shell = f'exec "$0" -c "$1" {closed}'
    ran = subprocess.run(["/bin/sh", "-c", shell, sys.executable, PRINTS], env=BUFFERED, check=False)

    assert ran.returncode == 0


LEFT_BEHIND = """
import sys, threading
from remit.cli.stdout_kept import stdout_kept

told = threading.Event()

def go():
    told.wait()
    print("left behind", flush=True)

with stdout_kept():
    late = threading.Thread(target=go)
    late.start()
told.set()
late.join()
with stdout_kept():
    pass
print("the result")
"""
CLOSES = """
import sys
from remit.cli.stdout_kept import stdout_kept

held = sys.stdout
with stdout_kept():
    held.close()
print("the result")
"""


@pytest.mark.parametrize(("program", "told"), [(LEFT_BEHIND, ["left behind"]), (CLOSES, [])])
def test_what_outlives_its_run_or_closes_the_stream_does_not_touch_the_result(
    program: str, told: list[str]
) -> None:
    ran = subprocess.run([sys.executable, "-c", program], env=BUFFERED, capture_output=True, text=True)

    assert (ran.returncode, ran.stdout, ran.stderr.splitlines()) == (0, "the result\n", told)


def test_without_a_thread_that_is_left_the_stream_is_the_one_that_it_was() -> None:
    before = sys.stdout
    with stdout_kept():
        pass

    assert sys.stdout is before
