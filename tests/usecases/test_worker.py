"""The worker's thread: each step in its turn, pauses that leave capture its time, and no look without need."""

from __future__ import annotations

from time import monotonic, sleep

from remit.usecases.worker import Worker


def test_a_step_that_had_nothing_to_do_is_left_alone_while_another_works() -> None:
    looked: list[str] = []
    worker = Worker([lambda: looked.append("idle") or 0, lambda: looked.append("busy") or 1], poll_s=3600.0)

    for _ in range(5):
        worker.turn()

    assert looked == ["idle", *["busy"] * 5]


def test_after_each_step_a_worker_waits_as_long_as_its_share_says() -> None:
    worker = Worker([lambda: sleep(0.02) or 1] * 3, share=0.25)
    began = monotonic()

    worker.turn()

    assert monotonic() - began >= 3 * 4 * 0.02


def test_an_error_is_told_until_its_step_goes_well_again() -> None:
    failing = [True]

    def step() -> int:
        if failing[0]:
            raise OSError("the disk is away")
        return 1

    worker = Worker([step, lambda: 1], poll_s=0.0, share=1.0)
    assert (worker.turn(), worker.last_error) == (1, "the disk is away")
    failing[0] = False
    assert (worker.turn(), worker.last_error) == (2, "")
