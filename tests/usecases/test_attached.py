"""One guarded session for each conversation of a framework, whoever asks for it, and in whatever process."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from remit import BadInput, Unavailable
from remit.testing import one_tool, open_guard
from remit.usecases.attached import Attached


def test_a_conversation_keeps_its_session_and_finds_it_again_elsewhere(folder: Path) -> None:
    with open_guard(folder, one_tool()) as guard:
        threads = Attached(guard, prefix="lc-")
        first = threads.session("t-1", principal="ann")
        assert first.id == "lc-t-1" and threads.session("t-1") is first
        assert threads.session("t-2") is not first
        threads.close()
    with open_guard(folder, one_tool()) as guard:
        again = Attached(guard, prefix="lc-").session("t-1")
        assert again.id == "lc-t-1" and again.info.principal == "ann"
        again.close()
        kinds = [stored.event.kind for stored in guard.records.events(again.id)]
        assert kinds == ["session.opened", "session.closed", "session.resumed", "session.closed"]


def test_a_key_of_any_form_makes_an_id_and_no_two_keys_the_same(folder: Path) -> None:
    with open_guard(folder, one_tool()) as guard:
        threads = Attached(guard)
        keys = ["a b", "a\nb", "ä", "x" * 500, "x" * 501, "plain"]
        assert len({threads.session_id(key) for key in keys}) == len(keys)
        assert all(len(threads.session_id(key)) <= 200 for key in keys)
        with pytest.raises(BadInput, match="empty"):
            threads.session("")


def test_another_principal_or_other_facts_do_not_get_into_a_conversation(folder: Path) -> None:
    with open_guard(folder, one_tool()) as guard:
        threads = Attached(guard)
        threads.session("t", principal="ann", principal_kind="customer")
        for other in ({"principal": "bob"}, {"principal_kind": "operator"}, {"facts": {"customer_id": "2"}}):
            with pytest.raises(BadInput, match="opened with another"):
                threads.session("t", **other)


def test_threads_that_ask_at_once_open_one_session(folder: Path) -> None:
    with open_guard(folder, one_tool()) as guard:
        threads, found, gate = Attached(guard), [], threading.Barrier(8)

        def ask() -> None:
            gate.wait()
            found.append(threads.session("t"))

        asking = [threading.Thread(target=ask) for _ in range(8)]
        for one in asking:
            one.start()
        for one in asking:
            one.join()
        assert len(set(map(id, found))) == 1


def test_only_sessions_that_do_nothing_are_closed_for_others(folder: Path) -> None:
    with open_guard(folder, one_tool()) as guard:
        threads = Attached(guard, most=2)
        busy = threads.session("busy")
        begun = busy.begin("act", {"n": 1, "to": "b", "kind": "a", "sure": True})
        for name in ("a", "b", "c", "d"):
            threads.session(name)
        assert threads.session("busy") is busy
        begun.end("done")
        closed = [s.event.session for s in guard.records.store.events(kinds={"session.closed"})]
        assert closed == ["a", "b", "c"]


def test_one_that_is_forgotten_while_it_opens_is_closed_and_never_open_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_guard(folder, one_tool()) as guard:
        attached, opening, go, made = Attached(guard), threading.Event(), threading.Event(), []
        really = guard.session

        def slowly(**given: Any) -> Any:
            opening.set()
            go.wait(300)
            made.append(really(**given))
            return made[-1]

        monkeypatch.setattr(guard, "session", slowly)
        todo = [lambda: attached.session("k"), lambda: attached.forget("k"), lambda: attached.session("k")]
        threads = []
        for one in todo:
            threads.append(threading.Thread(target=one))
            threads[-1].start()
            opening.wait(300)
        go.set()
        for thread in threads:
            thread.join(300)
        attached.close()
        for session in made:
            with pytest.raises(BadInput, match="closed"):
                session.observe("user", "x")


def test_what_an_idle_session_lost_is_not_told_to_whoever_opens_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> None:
        raise Unavailable("the disk is full")

    with open_guard(folder, one_tool()) as guard:
        attached = Attached(guard, most=1)
        monkeypatch.setattr(attached.session("a"), "close", lost)
        assert attached.session("b").id == "b"
        attached.close()
