"""The record of runs: what is fixed first, what ended, what was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from remit.core.errors import BadInput, Unavailable
from remit.core.trial.run import RunInfo, TaskInfo
from remit.core.trial.suite import Design, Rule
from remit.core.trial.trial import Breach, Checked, Slot, Status, Trial, TrialCall
from remit.store.sqlite import SqliteStore
from remit.store.trial_book import TrialBook
from remit.usecases.clock import Uuid7

INFO = RunInfo(
    "r1",
    "refunds",
    "h1",
    Design("sequential", max_trials=50, seed=3, gates=(Rule("g", "success", {"at_least": 0.9}),)),
    ("baseline", "candidate"),
    {"a": TaskInfo(2.0, "easy", 30.0), "b": TaskInfo()},
    fingerprints={"baseline": {"model": "m"}},
    at=10.0,
    design_hash="d1",
)
WHOLE = Trial(
    0,
    "baseline",
    "a",
    0,
    Status.FAILED,
    seed=7,
    session="r1:baseline:0:1.1",
    attempts=2,
    at=11.0,
    latency_s=0.5,
    answer="refunded",
    calls=(TrialCall("pay", {"n": 1}, "write", "held", "no", ("pay.x",), 0.1),),
    checks=(Checked("c", False, "why", 0.5),),
    breaches=(Breach("safety", "told", 0, "pay.x"),),
    score=0.5,
    tokens=12,
    cost=0.1,
    reason="c: why",
    extra={"k": [1, None]},
)


def slot(draw: int, arm: str = "baseline") -> Slot:
    return Slot(draw, arm, "a", draw, 1)


def trial(draw: int, arm: str = "baseline", task: str = "a") -> Trial:
    return Trial(draw, arm, task, draw, Status.PASSED)


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(folder / "t.db", home=folder / "home") as made:
        yield made


@pytest.fixture
def book(store: SqliteStore) -> TrialBook:
    return TrialBook(store, Uuid7())


def test_a_run_is_read_as_it_was_written(book: TrialBook) -> None:
    log = book.begin(INFO)
    log.write([slot(0), slot(0, "candidate")], []).result()
    log.write([], [trial(0, "candidate"), WHOLE]).result()

    run = book.load("r1")
    assert run.info == INFO
    assert run.trials == (WHOLE, trial(0, "candidate"))
    assert run.repeated == 0


def test_what_only_the_whole_run_could_show_is_read_again(folder: Path) -> None:
    from remit.store.records import EXTENSIONS

    found = Breach("known-effects", "it paid", 0)
    ends = [
        ("baseline", 0, found),
        ("candidate", 0, found),
        ("candidate", 9, found),
    ]  # the last one was erased
    with SqliteStore.open(folder / "u.db", home=folder / "home", extensions=EXTENSIONS) as other:
        book = TrialBook(other, Uuid7())
        log = book.begin(INFO)
        log.write([], [WHOLE, trial(0, "candidate"), trial(1)]).result()
        log.end("", "BLOCK", broken=ends, watched=["known-effects"]).result()
        log.close()

        run = book.load("r1")
    assert run.info.invariants == (*INFO.invariants, "known-effects")
    assert {one.key: one.breaches for one in run.trials} == {
        ("baseline", 0): (*WHOLE.breaches, found), ("candidate", 0): (found,), ("baseline", 1): (),
    }  # fmt: skip


def test_what_was_cut_off_is_counted_once_for_each_time(book: TrialBook) -> None:
    log = book.begin(INFO)
    log.write([slot(0), slot(1), slot(2)], [trial(1)]).result()
    log.close()
    log = book.resume("r1")
    assert (log.launch, log.before.repeated, len(log.before.trials)) == (2, 2, 1)
    log.write([slot(0)], []).result()
    log.close()
    log = book.resume("r1")

    assert (log.launch, log.before.repeated) == (3, 3)
    log.write([slot(0), slot(2)], [trial(0), trial(2)]).result()
    assert book.load("r1").repeated == 3


def test_runs_of_the_same_suite_and_agents_are_counted_by_verdict_whatever_their_design(
    folder: Path,
) -> None:
    from remit.store.records import EXTENSIONS

    with SqliteStore.open(folder / "u.db", home=folder / "home", extensions=EXTENSIONS) as store:
        _of_several_runs(TrialBook(store, Uuid7()))


def _of_several_runs(book: TrialBook) -> None:
    info = replace(INFO, source="remit trial run")
    blocked = book.begin(replace(info, id="r2", design_hash="d2"))
    blocked.end("a gate blocks", "BLOCK").result()
    blocked.close()
    for part in ("1-of-2", "2-of-2"):
        book.begin(replace(info, id=f"r3.{part}", source=f"remit trial run --shard {part}")).close()
    book.begin(replace(info, id="r4", suite_hash="h2")).close()
    book.begin(replace(info, id="r5", fingerprints={})).close()
    book.begin(replace(info, id="r6", source="pytest")).close()

    assert book.earlier(info) == {"BLOCK": 1, "": 1}


def test_runs_are_listed_with_their_state(book: TrialBook) -> None:
    book.begin(INFO).close()
    paused = book.begin(replace(INFO, id="r2"))
    paused.write([slot(0)], [trial(0)]).result()
    paused.pause("somebody stopped it").result()
    paused.close()
    ended = book.begin(replace(INFO, id="r3"))

    assert [line.state for line in book.runs()] == ["open", "paused", "open"]
    ended.close()


def test_an_ended_run_does_not_go_on(store: SqliteStore, folder: Path) -> None:
    from remit.store.records import EXTENSIONS

    with SqliteStore.open(folder / "u.db", home=folder / "home", extensions=EXTENSIONS) as other:
        book = TrialBook(other, Uuid7())
        log = book.begin(INFO)
        log.end("every gate had decided", "PASS").result()
        log.close()
        (line,) = book.runs()

        assert (line.state, line.verdict, line.stopped) == ("ended", "PASS", "every gate had decided")
        with pytest.raises(BadInput, match="it has ended"):
            book.resume("r1")


def test_an_unknown_run_and_one_that_is_there_are_told(book: TrialBook) -> None:
    with pytest.raises(BadInput, match="this store has none"):
        book.load("r9")
    with pytest.raises(BadInput, match="this store has none"):
        book.resume("r9")
    book.begin(INFO).close()
    with pytest.raises(BadInput, match="there is one of this id"):
        book.begin(INFO)


def test_erasing_a_person_erases_their_trials_and_leaves_the_others(
    store: SqliteStore, book: TrialBook
) -> None:
    log = book.begin(INFO)
    log.of_principals({"a": "anna"})
    log.write([], [trial(0), trial(1, task="b")]).result()

    assert store.erase("anna", tenant="trial:r1")
    assert [one.task for one in book.load("r1").trials] == ["b"]


def test_erasing_a_person_of_production_erases_what_trials_hold_of_them(
    store: SqliteStore, book: TrialBook
) -> None:
    log = book.begin(INFO)
    log.of_principals({"a": "anna"})
    log.write([], [trial(0), trial(1, task="b")]).result()

    assert store.erase("anna")
    assert not store.erase("anna")
    assert [one.task for one in book.load("r1").trials] == ["b"]


def test_a_trial_is_written_once_whatever_is_written_twice(book: TrialBook) -> None:
    log = book.begin(INFO)
    log.write([], [trial(0)]).result()
    log.write([], [replace(trial(0), status=Status.FAILED)]).result()

    assert book.load("r1").trials == (trial(0),)


def test_a_store_in_memory_holds_a_run_too() -> None:
    with SqliteStore.open(None, home=Path("/nowhere")) as store:
        book = TrialBook(store, Uuid7())
        book.begin(INFO).write([], [WHOLE]).result()

        assert book.load("r1").trials == (WHOLE,)


def test_nothing_of_a_trial_stands_in_the_clear(store: SqliteStore, book: TrialBook, folder: Path) -> None:
    log = book.begin(INFO)
    log.write([], [replace(WHOLE, answer="a very plain answer")]).result()
    log.close()
    store.close()

    stored = b"".join(path.read_bytes() for path in folder.glob("t.db*"))
    assert b"a very plain answer" not in stored


def test_a_record_that_cannot_be_written_is_told(store: SqliteStore, book: TrialBook) -> None:
    log = book.begin(INFO)
    store._writer.close()

    with pytest.raises(Unavailable):
        log.write([slot(0)], []).result()
