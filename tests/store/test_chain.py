from __future__ import annotations

import struct
from hashlib import sha256

from remit.store.chain import GENESIS, Head, anomaly_field, chain_of, head_of, leaf_of

FIELDS = (b"id", b"session", b"kind", b"agent", b"tenant", b"envelope", b"key", b"salt", b"", b"", b"body")


def test_a_leaf_is_the_hash_of_prefix_sequence_time_lengths_and_fields() -> None:
    written = b"\x00" + struct.pack(">Qd", 7, 1.5)
    for field in FIELDS:
        written += struct.pack(">I", len(field))
    written += b"".join(FIELDS)

    assert leaf_of(7, 1.5, FIELDS) == sha256(written).digest()
    assert leaf_of(7, 1.5, FIELDS).hex() == "5f1f0770b005a73e2126a564747c2d3e368c6982423e0743c963857bf4ceab02"


def test_a_byte_moved_to_the_next_field_gives_another_leaf() -> None:
    moved = (b"ids", b"ession", *FIELDS[2:])

    assert leaf_of(7, 1.5, moved) != leaf_of(7, 1.5, FIELDS)


def test_the_chain_hashes_the_previous_link_and_the_leaf() -> None:
    assert chain_of(GENESIS, b"leaf") == sha256(bytes(32) + b"leaf").digest()


def test_an_anomaly_of_empty_columns_is_not_an_event_without_anomaly() -> None:
    assert anomaly_field((b"", b"", b"", b""), 0, 0)


def test_a_head_is_read_as_it_was_written_and_its_seal_covers_every_value() -> None:
    head = Head(3, b"c" * 32, (b"p" * 32, b"q" * 32), 12.5, "id", 1, b"n" * 16)
    row = head.row(b"key")

    assert head_of(row) == head
    others = (
        Head(4, *row_values(head)[1:]),
        Head(3, b"d" * 32, *row_values(head)[2:]),
        Head(3, b"c" * 32, (b"p" * 32, b"r" * 32), *row_values(head)[3:]),
        Head(3, b"c" * 32, head.peaks, 12.6, *row_values(head)[4:]),
        Head(3, b"c" * 32, head.peaks, 12.5, "ie", *row_values(head)[5:]),
        Head(3, b"c" * 32, head.peaks, 12.5, "id", 2, b"n" * 16),
        Head(3, b"c" * 32, head.peaks, 12.5, "id", 1, b"m" * 16),
    )
    assert len({head.seal(b"key"), *(other.seal(b"key") for other in others)}) == 8


def row_values(head: Head) -> tuple:  # type: ignore[type-arg]
    return head.size, head.chain, head.peaks, head.at, head.top, head.erasures, head.nonce
