"""Vectors kept by content: found again by any process, and whatever happens to the file, only time is lost."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sqlite3
from array import array
from pathlib import Path

import pytest

from remit.usecases.embedding import cache as cache_module
from remit.usecases.embedding.cache import CachedEmbedder


class Counting:
    """Gives each text a vector of its own, and counts."""

    def __init__(self, name: str = "counting", version: str = "1") -> None:
        self.name, self.version, self.asked = name, version, 0

    def embed(self, texts):
        self.asked += len(texts)
        return [[len(text) + 0.1, 1 / 3, float(sum(map(ord, text)))] for text in texts]


def rounded(texts: list[str]) -> list[list[float]]:
    return [array("f", row).tolist() for row in Counting().embed(texts)]


def test_a_text_is_embedded_once_and_looks_the_same_ever_after(tmp_path: Path) -> None:
    texts = ["a", "bb", "a", "\ud800"]
    first, second = (CachedEmbedder(Counting(), tmp_path / "new/folder/v.db") for _ in range(2))

    found, again = first.embed(texts), second.embed(texts)

    assert found == again == rounded(texts[:3]) + rounded(["\ud800"])
    assert (first.made, second.made) == (3, 0)


def test_each_embedder_and_each_version_has_its_own(tmp_path: Path) -> None:
    CachedEmbedder(Counting(), tmp_path / "v.db").embed(["a"])

    for own in (Counting("other"), Counting(version="2"), Counting("counting\0", "1")):
        CachedEmbedder(own, tmp_path / "v.db").embed(["a"])
        assert own.asked == 1


@pytest.mark.parametrize("damage", ["cut", "other", "noise", "schema", "empty"])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "v.db"
    texts = [f"text {at}" for at in range(300)]
    CachedEmbedder(Counting(), path).embed(texts)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "other":
        path.write_bytes(b"some other program's file\n" * 1000)
    elif damage == "noise":
        path.write_bytes(data[:100] + os.urandom(len(data) - 100))
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE vectors (something TEXT)")

    with caplog.at_level(logging.ERROR):
        assert CachedEmbedder(Counting(), path).embed(texts) == rounded(texts)
    CachedEmbedder(Counting(), path).embed(texts)
    last = CachedEmbedder(Counting(), path)
    assert last.embed(texts) == rounded(texts)
    assert last.made == 0
    assert not caplog.records


def test_a_damaged_vector_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "v.db"
    CachedEmbedder(Counting(), path).embed(["a", "b"])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE vectors SET vector = zeroblob(12) WHERE id = 1")
    db.close()

    own = CachedEmbedder(Counting(), path)

    assert own.embed(["a", "b"]) == rounded(["a", "b"])
    assert own.made == 1


def test_where_nothing_can_be_kept_texts_are_embedded_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "v.db").mkdir()

    for path in (tmp_path / "file/v.db", tmp_path / "v.db"):
        assert CachedEmbedder(Counting(), path).embed(["a"]) == rounded(["a"])


def test_what_was_embedded_before_the_embedder_broke_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "BATCH", 2)

    class Breaking(Counting):
        def embed(self, texts):
            if self.asked >= 4:
                raise ConnectionError
            return super().embed(texts)

    with pytest.raises(ConnectionError):
        CachedEmbedder(Breaking(), tmp_path / "v.db").embed(list("abcdef"))
    again = CachedEmbedder(Counting(), tmp_path / "v.db")
    again.embed(list("abcdef"))

    assert again.made == 2


def test_the_oldest_vectors_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MOST_ROWS", 3)
    for text in "abcde":
        CachedEmbedder(Counting(), tmp_path / "v.db").embed([text])

    own = CachedEmbedder(Counting(), tmp_path / "v.db")
    own.embed(list("cde"))
    assert own.made == 0
    own.embed(list("ab"))
    assert own.made == 2


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    CachedEmbedder(Counting(), tmp_path / "v.db").embed(["a"])

    assert (tmp_path / "v.db").stat().st_mode & 0o077 == 0


def _many(path: str, start: int) -> None:
    cache_module.WAIT_MS = 600_000  # for the disk of a busy machine; what cannot be kept in time is not kept
    texts = [f"text {at}" for at in range(start, start + 120)]
    for at in range(0, len(texts), 10):
        own = CachedEmbedder(Counting(), Path(path))
        if own.embed(texts[at : at + 10]) != rounded(texts[at : at + 10]):
            raise SystemExit(1)


def test_several_processes_may_keep_vectors_at_once(tmp_path: Path) -> None:
    path = tmp_path / "v.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_many, args=(str(path), 40 * at)) for at in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(600)

    assert [process.exitcode for process in processes] == [0] * 4
    own = CachedEmbedder(Counting(), path)
    own.embed([f"text {at}" for at in range(240)])
    assert own.made == 0
