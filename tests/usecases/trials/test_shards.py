"""A run in parts that share a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.usecases.trials.runs import FirstDraws, opened, suite_of

from remit.core.errors import BadInput, Unavailable
from remit.core.trial.run import Run
from remit.core.trial.suite import Design
from remit.core.trial.trial import Slot, Status, Trial
from remit.ports import AgentTrial
from remit.store.sqlite import SqliteStore
from remit.store.trial_book import TrialBook
from remit.usecases.clock import Uuid7
from remit.usecases.trials.plan import run_info
from remit.usecases.trials.runner import End, Runner
from remit.usecases.trials.shards import Shard, merged, missing_parts, parts_in, shard_of, stopped_in

SEQUENTIAL = Design("sequential", max_trials=300, seed=3)


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    with opened(folder) as made:
        yield made


def good(_: AgentTrial) -> str:
    return "done"


LOADED = suite_of({"baseline": good, "candidate": good}, design=SEQUENTIAL)


async def part(shard: Shard, store: SqliteStore, decides: int, ends: int = 300) -> tuple[Run, End]:
    """One part, as the command runs it; no trial ends that is not of the first *ends* draws."""
    info = shard.agreed(run_info(LOADED, f"r-{shard.index}", 1.0))
    log = TrialBook(store, Uuid7()).begin(info)

    async def trial(slot: Slot) -> Trial:
        await asyncio.sleep(0.002 if slot.draw < ends else 3600)
        return Trial(slot.draw, slot.arm, slot.task, slot.epoch, Status.PASSED)

    runner = Runner(info, log, trial, [FirstDraws(decides)], 4, shard.part, shard.wrote)
    runner.also(shard.begin(log.before))

    async def look() -> None:
        while True:
            runner.also(shard.others())
            if why := shard.stopped():
                runner.stop(why)
            await asyncio.sleep(0.01)

    looking = asyncio.create_task(look())
    try:
        found, end = await runner.run()
    finally:
        looking.cancel()
        log.close()
    shard.ended(found, end)
    return found, end


def stores(folder: Path, count: int) -> list[SqliteStore]:
    made = []
    for n in range(count):
        place = folder / f"s{n}"
        place.mkdir()
        made.append(opened(place))
    return made


def test_parts_decide_together_on_one_prefix_and_stop_each_other(folder: Path) -> None:
    shared = folder / "shared"

    async def all_of() -> list[tuple[Run, End]]:
        three = zip(range(1, 4), stores(folder, 3), strict=True)
        return await asyncio.gather(*(part(Shard(shared, n, 3), store, 40, ends=100) for n, store in three))

    ran = asyncio.run(all_of())

    assert End.DECIDED in {end for _, end in ran}
    run = merged(parts_in([shared]), stopped_in(shared))
    draws = {trial.draw for trial in run.trials}
    assert set(range(40)) <= draws
    assert max(draws) < 100
    assert "decided after 40 draws" in run.stopped
    for n in (1, 2, 3):
        (own,) = parts_in([shared / f"shard-{n}-of-3.jsonl"]).values()
        assert {trial.draw % 3 for trial in own.trials} == {n - 1}


def test_all_parts_together_are_the_whole_run(folder: Path) -> None:
    shared = folder / "shared"
    for n, store in zip((2, 1), stores(folder, 2), strict=True):
        _, end = asyncio.run(part(Shard(shared, n, 2), store, 1000))
        assert end is (End.PART if n == 2 else End.DONE)
    run = merged(parts_in([shared]))

    assert len(run.trials) == 600
    assert [t.draw for t in run.of("baseline")] == list(range(300))


def test_a_part_that_begins_anew_on_another_machine_runs_nothing_again(folder: Path) -> None:
    shared = folder / "shared"
    first, second = stores(folder, 2)
    asyncio.run(part(Shard(shared, 1, 2), first, 1000))
    (written,) = parts_in([shared]).values()

    found, end = asyncio.run(part(Shard(shared, 1, 2), second, 1000))

    assert end is End.PART
    assert found.trials == written.trials
    assert parts_in([shared / "shard-1-of-2.jsonl"]) == {str(shared / "shard-1-of-2.jsonl"): written}


def test_a_part_of_another_suite_or_another_number_of_parts_is_refused(folder: Path) -> None:
    Shard(folder, 1, 2).agreed(run_info(LOADED, "r1"))
    other = suite_of({"baseline": good, "candidate": good}, design=replace(SEQUENTIAL, seed=4))

    with pytest.raises(BadInput, match="the design changed"):
        Shard(folder, 2, 2).agreed(run_info(other, "r2"))
    with pytest.raises(BadInput, match="there are 2 parts"):
        Shard(folder, 3, 3).agreed(run_info(LOADED, "r2"))
    assert Shard(folder, 2, 2).agreed(run_info(LOADED, "r2")).id == "r1.2-of-2"


def test_a_trial_in_two_parts_and_parts_of_two_runs_are_refused() -> None:
    info = run_info(LOADED, "r1")
    trial = Trial(0, "baseline", "a", 0, Status.PASSED)

    with pytest.raises(BadInput, match="trial 0 of 'baseline' stands there, and in one"):
        merged({"one": Run(info, (trial,)), "two": Run(info, (trial,))})
    with pytest.raises(BadInput, match="the suite is another than in one"):
        merged({"one": Run(info, ()), "two": Run(replace(info, suite_hash="h2"), ())})
    with pytest.raises(BadInput, match="the run is another"):
        merged({"one": Run(info, ()), "two": Run(replace(info, id="r2"), ())})
    with pytest.raises(BadInput, match="found no part"):
        merged({})


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1/", "a/b", "1/2/3", "1/99999", "-1/2"])
def test_what_is_no_part_is_told(text: str, folder: Path) -> None:
    with pytest.raises(BadInput):
        shard_of(text, folder)


def test_a_shard_needs_its_folder() -> None:
    with pytest.raises(BadInput, match="--shared"):
        shard_of("1/2", None)
    assert shard_of("", None) is None


def test_half_a_line_is_read_when_it_is_whole(folder: Path) -> None:
    one, two = Shard(folder, 1, 2), Shard(folder, 2, 2)
    one.begin(Run(run_info(LOADED, "r1"), ()))
    trial = Trial(0, "baseline", "a", 0, Status.PASSED)
    one.wrote(trial)
    data = one.path.read_bytes()
    one.path.write_bytes(data[:-10])

    assert two.others() == []
    one.path.write_bytes(data)
    assert two.others() == [trial]
    assert two.others() == []


def test_a_part_that_goes_on_adds_what_only_the_record_has(folder: Path) -> None:
    one, two = Shard(folder, 1, 2), Shard(folder, 2, 2)
    info = run_info(LOADED, "r1")
    first, second = (Trial(n, "baseline", "a", 0, Status.PASSED) for n in (0, 2))
    one.begin(Run(info, ()))
    one.wrote(second)
    with one.path.open("ab") as file:
        file.write(b'{"draw": 4, "ar')  # killed here
    assert two.others() == [second]
    one.begin(Run(info, (first, second)))

    assert two.others() == [first]
    assert [trial.draw for trial in merged(parts_in([folder])).trials] == [0, 2]


def test_a_folder_that_holds_something_else_is_told(folder: Path) -> None:
    (folder / "run.json").write_text("hello")
    with pytest.raises(BadInput, match="it says of no run"):
        Shard(folder, 1, 2).agreed(run_info(LOADED, "r1"))
    (folder / "shard-2-of-2.jsonl").write_text('{"format": "x"}\nhello\n')
    with pytest.raises(BadInput, match="no line of a trial"):
        Shard(folder, 1, 2).others()
    (folder / "file").touch()
    with pytest.raises(Unavailable):
        Shard(folder / "file", 1, 2).agreed(run_info(LOADED, "r1"))


def test_missing_parts_are_named() -> None:
    assert missing_parts(["x/shard-2-of-3.jsonl"]) == ["shard-1-of-3.jsonl", "shard-3-of-3.jsonl"]
