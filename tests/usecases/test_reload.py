"""Another version of the envelope comes into force while calls run: without a gap, without a mix, and told first."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import remit
from remit import ApprovalRequired, BadInput, CallDenied, Unavailable
from remit.core.envelope import Envelope
from remit.core.refusals import AnswerRefused, ResultWithheld
from remit.core.types import Confidentiality, Integrity
from remit.settings import Settings
from remit.testing import answer, envelope, open_guard, pending
from remit.testing.builders import HEADER, SMALL_REFUNDS
from remit.usecases.archive import archived
from remit.usecases.follow import Follower

HERE = Path(__file__).parent
OK = {"refund_id": "R"}


def version(number: int, most: int = 50, spec: str = SMALL_REFUNDS, name: str = "refunds") -> str:
    """The text of a version whose ceiling is named after it."""
    rules = spec.replace(
        'id: ceiling, expr: "args.amount <= 50"', f'id: ceiling-{number}, expr: "args.amount <= {most}"'
    )
    return HEADER % (name, number) + rules.lstrip("\n")


def loaded(number: int, most: int = 50, spec: str = SMALL_REFUNDS) -> Envelope:
    from remit.core.reader import read_envelope

    return read_envelope(version(number, most, spec), "test.yaml")


def through_the_door(folder: Path, text: str, **options: Any) -> remit.Guard:
    file = folder / "envelope.yaml"
    file.write_text(text)
    settings = Settings(home=str(folder / "home"))
    options = {"approval_wait_s": 0, "single_operator": True} | options
    return remit.open(file, store=f"sqlite:///{folder / 'remit.db'}", settings=settings, **options)


def events(guard: Any, *kinds: str) -> list[Any]:
    return [stored.event for stored in guard.records.store.events(kinds=kinds)]


def refund(session: Any, amount: int, value: Any = OK) -> Any:
    return session.call("refund", {"amount": amount}, run=lambda amount: value)


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.01)


# ------------------------------------------------------------------------------------------ reload
def test_an_open_session_goes_on_under_the_new_version_and_every_event_says_which(folder: Path) -> None:
    with through_the_door(folder, version(1, 10)) as guard, guard.session(id="s") as session:
        with pytest.raises(CallDenied, match="ceiling-1"):
            refund(session, 15)
        before = guard.envelope
        (folder / "envelope.yaml").write_text(version(2, 20))
        after = guard.reload()
        assert refund(session, 15) == OK
        with pytest.raises(CallDenied, match="ceiling-2"):
            refund(session, 25)
        decided = events(guard, "decided")
        (changed,) = events(guard, "envelope.changed")

    assert guard.envelope is after and after.version == "2"
    assert [e.envelope for e in decided] == [before.hash, after.hash, after.hash]
    assert (changed.body["from"], changed.body["to"], changed.body["by"]) == (before.hash, after.hash, "call")
    assert changed.envelope == after.hash


def test_the_change_is_durable_before_anything_is_decided_under_it(folder: Path) -> None:
    with open_guard(folder, loaded(1)) as guard, guard.session(id="s") as session:
        new = guard.reload(loaded(2))
        refund(session, 5)
        order = [(e.kind, e.envelope) for e in events(guard, "envelope.changed", "decided")]
    assert order == [("envelope.changed", new.hash), ("decided", new.hash)]


def test_the_same_text_again_changes_nothing(folder: Path) -> None:
    with through_the_door(folder, version(1)) as guard:
        assert guard.reload() is guard.envelope
        assert guard.reload(text=version(1)) is guard.envelope
        assert events(guard, "envelope.changed") == []


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "malformed": (lambda file: file.write_text(version(2).replace("expr:", "exp:")), "unknown key"),
    "failing test": (
        lambda file: file.write_text(
            version(2) + "  tests:\n    - {call: {tool: refund, args: {amount: 1}}, expect: {result: deny}}\n"
        ),
        "expected deny",
    ),
    "another agent": (lambda file: file.write_text(version(2, name="other")), "another agent's"),
    "not UTF-8": (lambda file: file.write_bytes(b"\xff\xfe"), "not UTF-8"),
    "gone": (lambda file: file.unlink(), "no such file"),
    "a directory": (_directory, "cannot be read"),
    "a pipe that nobody writes": (_pipe, "it is a pipe"),
    "empty": (lambda file: file.write_text(""), "is empty"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_adopted_is_told_and_the_old_version_stays(folder: Path, name: str) -> None:
    breaks, told = BROKEN[name]
    with through_the_door(folder, version(1, 10)) as guard, guard.session() as session:
        before = guard.envelope
        breaks(folder / "envelope.yaml")
        with pytest.raises(BadInput, match=told):
            guard.reload()
        assert guard.envelope is before
        with pytest.raises(CallDenied, match="ceiling-1"):
            refund(session, 15)
        (rejected,) = events(guard, "envelope.rejected")
        assert told in rejected.body["why"] and rejected.envelope == before.hash


@pytest.mark.parametrize(
    ("source", "text"), [(None, None), (7, None), ("a.yaml", "text"), (None, 7)], ids=str
)
def test_a_source_that_is_none_is_refused(folder: Path, source: Any, text: Any) -> None:
    with open_guard(folder, loaded(1)) as guard, pytest.raises(BadInput):
        guard.reload(source, text=text)


def test_a_change_that_cannot_be_recorded_does_not_come_about(folder: Path) -> None:
    with open_guard(folder, loaded(1)) as guard:
        before, append = guard.envelope, guard.records.append

        def failing(given: Any) -> Future[None]:
            if any(e.kind == "envelope.changed" for e in given):
                lost: Future[None] = Future()
                lost.set_exception(Unavailable("the disk is full"))
                return lost
            return append(given)

        guard.records.append = failing  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            guard.reload(loaded(2))
        assert guard.envelope is before
        del guard.records.append
        assert guard.reload(loaded(2)).version == "2"


def test_the_text_of_every_version_can_be_read_by_its_hash_and_stands_once(folder: Path) -> None:
    for _ in range(2):
        with through_the_door(folder, version(1)) as guard:
            first = guard.envelope
            second = guard.reload(text=version(2))
            guard.reload(text=version(1))
            find = guard.records.store.event  # type: ignore[attr-defined]
            assert archived(find, first.hash) == version(1) and archived(find, second.hash) == version(2)
            with pytest.raises(BadInput, match="none with hash"):
                archived(find, "0" * 64)
            assert len(events(guard, "envelope.loaded")) == 2


# ------------------------------------------------------------------------------------------ calls in flight
def test_a_call_in_flight_finishes_under_the_version_that_decided_it(folder: Path) -> None:
    strict = SMALL_REFUNDS.replace("required: [refund_id]", "required: [receipt]")
    with open_guard(folder, loaded(1)) as guard, guard.session(id="s") as session:
        old = guard.envelope

        def run(amount: int) -> Any:
            guard.reload(loaded(2, spec=strict))
            return OK

        assert session.call("refund", {"amount": 5}, run=run) == OK
        with pytest.raises(ResultWithheld):
            refund(session, 5)
        hashes = [e.envelope for e in events(guard, "decided", "settled")]
    assert hashes == [old.hash, old.hash, guard.envelope.hash, guard.envelope.hash]


def test_an_approval_under_the_old_version_lets_nothing_run_under_the_new_one(folder: Path) -> None:
    with open_guard(folder, loaded(1)) as guard, guard.session() as session:
        with pytest.raises(ApprovalRequired) as first:
            refund(session, 30)
        answer(guard, pending(guard)[0])
        guard.reload(loaded(2))
        with pytest.raises(ApprovalRequired) as second:
            refund(session, 30)
    assert first.value.approval_id != second.value.approval_id


def test_a_held_call_that_waits_is_refused_when_the_version_changed_meanwhile(folder: Path) -> None:
    found: list[object] = []
    with open_guard(folder, loaded(1), approval_wait_s=300.0) as guard, guard.session() as session:

        def wait() -> None:
            try:
                found.append(refund(session, 30))
            except CallDenied as no:
                found.append(str(no))

        waiting = threading.Thread(target=wait)
        waiting.start()
        until(lambda: pending(guard))
        guard.reload(loaded(2, most=20))
        answer(guard, pending(guard)[0])
        waiting.join(60)
    assert "the envelope changed while the call waited" in str(found[0])


def test_each_call_is_judged_by_exactly_one_version_while_two_take_turns(folder: Path) -> None:
    plenty = "      limits:\n        - {id: total, sum: args.amount, within: 24h, max: 200}\n"
    low, high = (loaded(n, most, SMALL_REFUNDS.replace(plenty, "")) for n, most in ((1, 10), (2, 15)))
    ran: list[int] = []
    wrong: list[BaseException] = []
    done = threading.Event()

    def work(session: Any) -> None:
        try:
            while not done.is_set():
                # 12 is refused by the low one alone, 18 by both, each by a clause of its own.
                for amount in (12, 18):
                    with suppress(CallDenied):
                        session.call(
                            "refund", {"amount": amount}, run=lambda amount: ran.append(amount) or OK
                        )
        except BaseException as error:
            wrong.append(error)

    with open_guard(folder, low) as guard, guard.session(id="one") as one, guard.session(id="two") as two:
        threads = [threading.Thread(target=work, args=(session,)) for session in (one, one, two, two)]
        for thread in threads:
            thread.start()
        for turn in range(200):
            guard.reload(low if turn % 2 else high)
        done.set()
        for thread in threads:
            thread.join(60)
        found = events(guard, "envelope.changed", "decided", "settled")

    assert not wrong and len([e for e in found if e.kind == "envelope.changed"]) == 200
    refused_by = {low.hash: ["refund.ceiling-1"], high.hash: ["refund.ceiling-2"]}
    in_force, allowed, by_token = {low.hash}, 0, {}
    for event in found:
        if event.kind == "envelope.changed":
            in_force.add(event.envelope)
        elif event.kind == "settled":
            assert by_token[event.body["token"]] == event.envelope
        else:
            assert event.envelope in in_force  # known to the journal before it decided
            by_token[event.body["token"]] = event.envelope
            passes = event.body["args"]["amount"] <= {low.hash: 10, high.hash: 15}[event.envelope]
            assert event.body["result"] == ("allow" if passes else "deny")
            assert event.body.get("clauses", []) == ([] if passes else refused_by[event.envelope])
            allowed += passes
    assert allowed == len(ran) > 0 and set(ran) == {12}
    assert {e.envelope for e in found if e.kind == "decided"} == {low.hash, high.hash}


# ------------------------------------------------------------------------------------------ open sessions
FACTS = """
  session: {type: object, additionalProperties: false, required: [%s], properties: {%s: {type: string}}}
  tools:
    get:
      effect: read
      args: {type: object, additionalProperties: false, properties: {}}
"""


def test_the_facts_of_an_open_session_are_checked_anew(folder: Path) -> None:
    with (
        open_guard(folder, envelope(FACTS % ("a", "a"))) as guard,
        guard.session(facts={"a": "x"}) as session,
    ):
        session.call("get", {}, run=lambda: "fine")
        guard.reload(envelope(FACTS % ("b", "b"), version="2"))
        with pytest.raises(CallDenied, match=r"get\.session"):
            session.call("get", {}, run=lambda: "fine")


SOURCES = """
  sources: {get: {integrity: %s, confidentiality: %s}%s}
  tools:
    get:
      effect: read
      args: {type: object, additionalProperties: false, properties: {}}
    pay:
      effect: write
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
      flow: [{id: to, arg: to, integrity: trusted}]
"""


def label_of_first(session: Any) -> tuple[Integrity, Confidentiality]:
    label = session.text.segments[0].label
    return label.integrity, label.confidentiality


def test_labels_of_what_was_seen_get_worse_and_never_better(folder: Path) -> None:
    with (
        open_guard(folder, envelope(SOURCES % ("trusted", "pii", ""))) as guard,
        guard.session(id="s") as session,
    ):
        session.call("get", {}, run=lambda: "ask bob@corp.example")
        session.call("pay", {"to": "bob@corp.example"}, run=lambda to: "ok")
        guard.reload(envelope(SOURCES % ("untrusted", "public", ""), version="2"))
        with pytest.raises(CallDenied, match=r"pay\.to"):
            session.call("pay", {"to": "bob@corp.example"}, run=lambda to: "ok")
        assert label_of_first(session) == (Integrity.UNTRUSTED, Confidentiality.PII)
        guard.reload(
            envelope(SOURCES % ("trusted", "public", ", get.card: {confidentiality: secret}"), version="3")
        )
        with pytest.raises(CallDenied, match=r"pay\.to"):
            session.call("pay", {"to": "bob@corp.example"}, run=lambda to: "ok")
        assert label_of_first(session) == (Integrity.UNTRUSTED, Confidentiality.SECRET)
        session.call("get", {}, run=lambda: "ask eve@corp.example")
        session.call("pay", {"to": "eve@corp.example"}, run=lambda to: "ok")  # seen under the third


def test_labels_stay_worse_when_a_session_is_resumed_under_a_looser_version(folder: Path) -> None:
    with (
        open_guard(folder, envelope(SOURCES % ("untrusted", "pii", ""))) as guard,
        guard.session(id="s") as session,
    ):
        session.observe("tool", "and dan@corp.example", source="get")
        session.call("get", {}, run=lambda: "ask bob@corp.example")
    with open_guard(folder, envelope(SOURCES % ("trusted", "public", ""), version="2")) as guard:
        session = guard.session(id="s")
        assert {s.label.integrity for s in session.text.segments} == {Integrity.UNTRUSTED}
        for to in ("bob@corp.example", "dan@corp.example"):
            with pytest.raises(CallDenied, match=r"pay\.to"):
                session.call("pay", {"to": to}, run=lambda to: "ok")
        session.close()


def test_a_result_that_came_back_after_the_change_has_the_worse_label_of_both(folder: Path) -> None:
    with (
        open_guard(folder, envelope(SOURCES % ("trusted", "pii", ""))) as guard,
        guard.session(id="s") as session,
    ):

        def run() -> str:
            guard.reload(envelope(SOURCES % ("untrusted", "public", ""), version="2"))
            session.check("get", {})  # another call of the session begins under the new one
            return "ask bob@corp.example"

        session.call("get", {}, run=run)
        assert label_of_first(session) == (Integrity.UNTRUSTED, Confidentiality.PII)


def test_masks_and_final_checks_of_the_new_version_hold_for_what_comes_now(folder: Path) -> None:
    rules = "  outputs:\n    - {id: short, max_length: 5}\n  capture: {mask: ['zebra[0-9]+']}\n"
    with open_guard(folder, loaded(1)) as guard, guard.session(id="s") as session:
        session.observe("assistant", "zebra1")
        guard.reload(loaded(2, spec=SMALL_REFUNDS + rules))
        session.observe("assistant", "zebra2")
        with pytest.raises(AnswerRefused):
            session.finish("much too long")
        texts = [e.blobs["text"] for e in events(guard, "observed")]
    assert texts[0] == "zebra1" and texts[1].startswith("[secret:mask:")


def test_a_share_that_grows_takes_in_sessions_that_are_open(folder: Path) -> None:
    promoted = "enforcement: monitor\n  enforced: [{clause: refund.ceiling-%d, share: %s}]"
    small, whole = (
        loaded(n, 10, SMALL_REFUNDS.replace("enforcement: enforce", promoted % (n, share)))
        for n, share in ((1, "0.000001"), (2, "1.0"))
    )
    with open_guard(folder, small) as guard, guard.session(id="s") as session:
        assert refund(session, 15) == OK
        guard.reload(whole)
        with pytest.raises(CallDenied, match="ceiling-2"):
            refund(session, 15)


ORDERS = """
  tools:
    get:
      effect: read
      args: {type: object, additionalProperties: false, required: [o], properties: {o: {type: string}}}
    pay:
      effect: write
      args: {type: object, additionalProperties: false, required: [o], properties: {o: {type: string}}}
%s"""
WAS_READ = """      history:
        - {id: was-read, formerly: {tool: get, within: 1h}, where: "event.args.o == args.o"}
        - {id: not-paid, never: {tool: pay, within: 1h}, where: "event.args.o == args.o"}
"""


def test_a_clause_on_earlier_calls_that_comes_with_a_version_knows_what_was_before_it(folder: Path) -> None:
    def call(session: Any, tool: str, order: str) -> Any:
        return session.call(tool, {"o": order}, run=lambda o: "fine")

    with open_guard(folder, envelope(ORDERS % "")) as guard, guard.session() as session:
        for tool, order in (("get", "O-1"), ("get", "O-2"), ("pay", "O-2")):
            call(session, tool, order)
        guard.reload(envelope(ORDERS % WAS_READ, version="2"))
        assert call(session, "pay", "O-1") == "fine"
        for order, told in (("O-2", "not-paid"), ("O-3", "was-read"), ("O-1", "not-paid")):
            with pytest.raises(CallDenied, match=told):
                call(session, "pay", order)


# ------------------------------------------------------------------------------------------ processes
SECOND = """
import sys, remit
from pathlib import Path
from remit.settings import Settings
folder, number = Path(sys.argv[1]), sys.argv[2]
settings = Settings(home=str(folder / "home"))
with remit.open(folder / f"v{number}.yaml", store=f"sqlite:///{folder / 'remit.db'}", settings=settings) as guard:
    with guard.session(id=f"from-{number}") as session:
        for _ in range(25):
            try:
                session.call("note", {"text": "x" * 8}, run=lambda text: None)
            except remit.CallDenied:
                pass
"""

NOTES = """
  tools:
    note:
      effect: write
      args: {type: object, additionalProperties: false, properties: {text: {type: string, maxLength: %d}}}
"""


def test_two_processes_with_different_versions_each_say_which_decided(folder: Path) -> None:
    hashes = {}
    for number, most in ((1, 4), (2, 40)):
        text = HEADER % ("notes", number) + NOTES.lstrip("\n") % most
        (folder / f"v{number}.yaml").write_text(text)
        hashes[remit.open(folder / f"v{number}.yaml", "memory:").envelope.hash] = (
            "deny" if most == 4 else "allow"
        )
    open_guard(folder, envelope(NOTES % 9, name="notes")).close()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SECOND, str(folder), number], stderr=subprocess.PIPE, text=True
        )
        for number in "12"
    ]
    for process in running:
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
    with open_guard(folder, envelope(NOTES % 9, name="notes")) as guard:
        decided = events(guard, "decided")
        assert len(decided) == 50
        assert all(event.body["result"] == hashes[event.envelope] for event in decided)


KILLED = """
import os, signal, sys, remit
from pathlib import Path
from remit.settings import Settings
folder = Path(sys.argv[1])
settings = Settings(home=str(folder / "home"))
guard = remit.open(folder / "v1.yaml", store=f"sqlite:///{folder / 'remit.db'}", settings=settings)
append = guard.records.append
def dying(events):
    done = append(events)
    if any(e.kind == "envelope.changed" for e in events):
        done.result()
        os.kill(os.getpid(), signal.SIGKILL)
    return done
guard.records.append = dying
guard.reload(folder / "v2.yaml")
"""


def test_a_process_killed_between_the_event_and_the_change_has_decided_nothing_under_it(folder: Path) -> None:
    for number in (1, 2):
        (folder / f"v{number}.yaml").write_text(version(number))
    open_guard(folder, loaded(3)).close()
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], check=False, capture_output=True, text=True
    )
    assert died.returncode == -9, died.stderr
    with open_guard(folder, loaded(2)) as guard, guard.session() as session:
        assert len(events(guard, "envelope.changed")) == 1 and events(guard, "decided") == []
        refund(session, 5)
        assert events(guard, "decided")[0].envelope == guard.envelope.hash


# ------------------------------------------------------------------------------------------ follow
EVERY_S = 0.05


@pytest.fixture
def following(folder: Path) -> Iterator[remit.Guard]:
    with through_the_door(folder, version(1, 10), reload_every_s=EVERY_S) as guard:
        yield guard


def by_hand(guard: remit.Guard, folder: Path) -> Follower:
    """A follower that looks when it is told to, however long a test takes in between."""
    return Follower(guard._reloader, folder / "envelope.yaml", EVERY_S)


def put(folder: Path, text: str) -> None:
    draft = folder / "envelope.new"
    draft.write_text(text)
    draft.replace(folder / "envelope.yaml")


def test_a_file_that_changed_comes_into_force_by_itself(folder: Path, following: remit.Guard) -> None:
    with following.session() as session:
        put(folder, version(2, 20))
        until(lambda: following.envelope.version == "2")
        assert refund(session, 15) == OK
    assert [e.body["by"] for e in events(following, "envelope.changed")] == ["file"]


def test_a_broken_file_is_told_once_and_a_mended_one_is_taken(
    folder: Path, following: remit.Guard, caplog: pytest.LogCaptureFixture
) -> None:
    put(folder, version(2).replace("expr:", "exp:"))
    until(lambda: [r for r in caplog.records if r.name == "remit.follow"])
    time.sleep(6 * EVERY_S)
    assert len(events(following, "envelope.rejected")) == 1
    assert len([r for r in caplog.records if r.name == "remit.follow"]) == 1
    assert following.envelope.version == "1"
    put(folder, version(3))
    until(lambda: following.envelope.version == "3")


@pytest.mark.parametrize("name", ["gone", "a directory"])
def test_a_file_that_is_no_file_any_more_is_told_once(folder: Path, name: str) -> None:
    with through_the_door(folder, version(1)) as guard:
        BROKEN[name][0](folder / "envelope.yaml")
        follower = by_hand(guard, folder)
        for _ in range(8):
            follower.look()
        assert len(events(guard, "envelope.rejected")) == 1 and guard.envelope.version == "1"


def test_a_file_that_is_written_slowly_is_taken_only_when_it_is_whole(folder: Path) -> None:
    text = version(2, 20, SMALL_REFUNDS + "  outputs: [{id: short, max_length: 5}]\n")
    parts = text.splitlines(keepends=True)
    with through_the_door(folder, version(1, 10)) as guard:
        follower = by_hand(guard, folder)
        with (folder / "envelope.yaml").open("w") as file:
            for part in parts:
                file.write(part)
                file.flush()
                follower.look()
        assert guard.envelope.version == "1"
        follower.look()
        assert {e.envelope for e in events(guard, "envelope.changed")} == {guard.envelope.hash}
        assert guard.envelope.text == text


def test_a_writer_that_stops_half_way_leaves_the_old_version_in_force(folder: Path) -> None:
    whole = version(1, 10, SMALL_REFUNDS + "  outputs: [{id: short, max_length: 5}]\n")
    beginning = version(1, 10, SMALL_REFUNDS)
    assert whole.startswith(beginning)
    with through_the_door(folder, whole, reload_every_s=EVERY_S) as guard:
        for half in (beginning, version(2)[:-3], version(2).rstrip("\n")):
            before = len(events(guard, "envelope.rejected"))
            put(folder, half)
            until(lambda before=before: len(events(guard, "envelope.rejected")) > before)
            assert "half written" in events(guard, "envelope.rejected")[-1].body["why"]
            assert guard.envelope.text == whole
        (folder / "envelope.yaml").write_text(beginning)
        assert guard.reload().text == beginning  # whoever asks for it by name means it


def followers() -> set[threading.Thread]:
    """Threads that follow a file; of other tests, too."""
    return {thread for thread in threading.enumerate() if thread.name == "remit-follow"}


def test_following_ends_when_the_guard_is_closed(folder: Path) -> None:
    before = followers()
    guard = through_the_door(folder, version(1), reload_every_s=EVERY_S)
    assert followers() - before
    guard.close()
    assert not followers() - before


def test_a_guard_that_nobody_closed_does_not_keep_its_thread(folder: Path) -> None:
    before = followers()
    guard = through_the_door(folder, version(1), reload_every_s=EVERY_S)
    assert followers() - before
    store = guard.records.store  # type: ignore[attr-defined]
    del guard
    put(folder, version(2))
    until(lambda: not followers() - before)
    store.close()


def test_following_needs_a_file(folder: Path) -> None:
    with open_guard(folder, loaded(1)) as guard, pytest.raises(BadInput, match="not with a file"):
        guard.follow()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_follows_by_itself(folder: Path, following: remit.Guard) -> None:
    child = os.fork()
    if child == 0:
        try:
            ends = time.monotonic() + 60
            while following.envelope.version != "2" and time.monotonic() < ends:
                time.sleep(0.01)
            with following.session() as session:
                refund(session, 15)
            os._exit(0 if following.envelope.version == "2" else 1)
        except BaseException:
            os._exit(2)
    put(folder, version(2, 20))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
