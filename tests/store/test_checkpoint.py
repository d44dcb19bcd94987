from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remit.core.errors import BadInput
from remit.store.checkpoint import Checkpoint, open_note, read_verifier_key, sign_note, verifier_key

# The example of the Go package golang.org/x/mod/sumdb/note, which the C2SP format comes from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_reference_note_opens_with_its_key() -> None:
    name, key = read_verifier_key(GO_KEY)

    assert open_note(GO_NOTE, name, key) == GO_TEXT


def test_a_changed_note_does_not_open() -> None:
    name, key = read_verifier_key(GO_KEY)

    with pytest.raises(BadInput, match="no valid signature of PeterNeumann"):
        open_note(GO_NOTE.replace("answer", "remedy"), name, key)


def test_a_checkpoint_is_origin_size_and_root_above_the_signature() -> None:
    key = Ed25519PrivateKey.generate()
    note = Checkpoint("remit/abc", 3, bytes(32)).signed(key)

    assert note.startswith(f"remit/abc\n3\n{base64.b64encode(bytes(32)).decode()}\n\n— remit/abc ")
    assert Checkpoint.opened(note, "remit/abc", key.public_key()) == Checkpoint("remit/abc", 3, bytes(32))


def test_a_checkpoint_of_another_key_or_journal_is_refused() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    note = Checkpoint("remit/abc", 3, bytes(32)).signed(key)

    with pytest.raises(BadInput):
        Checkpoint.opened(note, "remit/abc", other.public_key())
    with pytest.raises(BadInput):
        Checkpoint.opened(sign_note("remit/x\n3\nAAAA\n", "remit/abc", key), "remit/abc", key.public_key())


def test_a_public_key_survives_being_written_down() -> None:
    key = Ed25519PrivateKey.generate().public_key()

    assert read_verifier_key(verifier_key("remit/abc", key)) == ("remit/abc", key)
    with pytest.raises(BadInput, match="public key"):
        read_verifier_key(GO_KEY.replace("c74f20a3", "c74f20a4"))
