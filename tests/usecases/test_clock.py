"""Ids: unique in every thread and process, and growing."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from remit.usecases.clock import Uuid7


def test_ids_of_many_threads_are_all_different():
    makers = [Uuid7(), Uuid7()]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: [makers[n % 2].new() for _ in range(2000)], range(8)))

    assert len({one for some in made for one in some}) == 16_000
    assert all(some == sorted(some) for some in made)


def test_a_forked_child_repeats_none_of_its_parents_ids():
    maker = Uuid7()
    maker.new()
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        os.write(write_end, "\n".join(maker.new() for _ in range(200)).encode())
        os._exit(0)
    mine = {maker.new() for _ in range(200)}
    os.close(write_end)
    with os.fdopen(read_end) as lines:
        theirs = set(lines.read().split())
    os.waitpid(child, 0)

    assert len(theirs) == 200
    assert not mine & theirs
    assert len({one[19:] for one in mine | theirs}) == 400


def test_an_id_says_when_it_was_made_and_what_it_is():
    one = Uuid7().new()

    assert (one[14], one[19] in "89ab", len(one)) == ("7", True, 36)
