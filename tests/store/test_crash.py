"""kill -9 under load: what was acknowledged is there, once, and the journal verifies.

This does not test the disk, since the page cache survives the process; see `test_power_loss` for that.
"""

from __future__ import annotations

import os
import random
import select
import signal
import threading
import time
from pathlib import Path

import pytest
from journal_help import assert_nothing_lost, event

from remit.core.errors import RemitError
from remit.store import connection
from remit.store.sqlite import SqliteStore
from remit.store.verify import verify

THREADS = 8


def write_until_killed(path: Path, home: Path, writer: int, first: list[int], report: int) -> None:
    """Append with *THREADS* threads, and report each id once it is acknowledged."""
    store = SqliteStore.open(path, home=home, reserve_bytes=1 << 16)

    def write(thread: int) -> None:
        number = first[thread]
        while True:
            name = f"{writer}-{thread}-{number}"
            try:
                store.append_now(event(name, session=f"s{thread}", body={"text": name * 100}))
            except RemitError:
                continue
            os.write(report, f"{name}\n".encode())
            number += 1

    threads = [threading.Thread(target=write, args=(thread,), daemon=True) for thread in range(len(first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Victim:
    """A process that writes until it is killed, started over and over on one journal."""

    def __init__(self, path: Path, home: Path, writer: int, threads: int) -> None:
        self.path, self.home, self.writer = path, home, writer
        self.next = [0] * threads
        self.acknowledged: set[str] = set()

    def start(self) -> None:
        self.report, write_end = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                os.close(self.report)
                write_until_killed(self.path, self.home, self.writer, self.next, write_end)
            finally:
                os._exit(1)
        os.close(write_end)

    def wait_until_it_wrote(self) -> None:
        """Return once this start has acknowledged something, however slow the machine is."""
        select.select([self.report], [], [], 600)

    def kill(self) -> None:
        """Kill, and note what was acknowledged; the next start sends again what was not."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        with os.fdopen(self.report) as lines:
            for line in lines.read().splitlines():
                _, thread, number = line.split("-")
                self.acknowledged.add(f"id-{line:0>8}")
                self.next[int(thread)] = int(number) + 1


def kill_over_and_over(victims: list[Victim], kills: int, check_every: int) -> None:
    choose = random.Random(9)
    for round_ in range(1, kills + 1):
        for victim in victims:
            victim.start()
        if round_ % 2:  # else also in the middle of opening
            victims[0].wait_until_it_wrote()
        time.sleep(choose.uniform(0.03, 0.25))
        for victim in victims:
            victim.kill()
        if round_ % check_every == 0:
            known = set().union(*(victim.acknowledged for victim in victims))
            assert_nothing_lost(victims[0].path, victims[0].home, known)
    assert any(victim.acknowledged for victim in victims), "nothing was written between the kills"


def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    kill_over_and_over(
        [Victim(tmp_path / "remit.db", tmp_path / "home", 0, THREADS)], kills=10, check_every=5
    )


def test_killing_three_processes_on_one_journal_loses_nothing(tmp_path: Path) -> None:
    victims = [Victim(tmp_path / "remit.db", tmp_path / "home", writer, 3) for writer in range(3)]
    kill_over_and_over(victims, kills=4, check_every=4)


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    kill_over_and_over(
        [Victim(tmp_path / "remit.db", tmp_path / "home", 0, THREADS)], kills=200, check_every=10
    )


def test_several_processes_append_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_S", 600.0)  # SQLite is not fair to those who wait for its lock
    path, home = tmp_path / "remit.db", tmp_path / "home"
    children = []
    for writer in range(4):
        child = os.fork()
        if not child:
            status = 1
            try:
                with SqliteStore.open(path, home=home, reserve_bytes=1 << 16) as store:
                    for number in range(50):
                        store.append_now(event(f"{writer}-{number}"))
                status = 0
            finally:
                os._exit(status)
        children.append(child)

    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert_nothing_lost(path, home, {f"id-{f'{w}-{n}':0>8}" for w in range(4) for n in range(50)})
    assert verify(path, home).events == 200
