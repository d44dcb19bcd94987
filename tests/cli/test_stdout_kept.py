"""While somebody else's code runs, nothing of it reaches standard output, by whatever way it prints."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
