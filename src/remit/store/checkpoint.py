"""A checkpoint: the size and root of the tree, signed, so that nobody can cut the journal off unseen.

The format is that of transparency logs, so that other tools can check it: a *note* of origin, size and root,
and signature lines that name the key.

Source: C2SP `tlog-checkpoint` and `signed-note`, https://c2sp.org.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from remit.core.errors import BadInput

_ED25519 = b"\x01"
_DASH = "— "


def _public_bytes(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _key_hash(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def verifier_key(name: str, key: Ed25519PublicKey) -> str:
    """The public key as people copy it: name, short hash, and key in base64."""
    public = _public_bytes(key)
    return f"{name}+{_key_hash(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def read_verifier_key(text: str) -> tuple[str, Ed25519PublicKey]:
    """Name and key of a text made by `verifier_key`.

    Raises:
        BadInput: it is no Ed25519 verifier key.
    """
    try:
        name, short, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw[1:])
    except ValueError:
        name, short, raw, key = "", "", b"", None
    if key is None or raw[:1] != _ED25519 or _key_hash(name, raw[1:]).hex() != short:
        raise BadInput("public key", f"found {text.strip()[:60]!r}", "give name+hash+base64")
    return name, key


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """*text*, which ends in a newline, with its signature below."""
    signature = _key_hash(name, _public_bytes(key.public_key())) + key.sign(text.encode())
    return f"{text}\n{_DASH}{name} {base64.b64encode(signature).decode()}\n"


def open_note(note: str, name: str, key: Ed25519PublicKey) -> str:
    """The text of *note*, when *key* signed it.

    Raises:
        BadInput: it has no valid signature of that key.
    """
    text, _, signatures = note.rpartition("\n\n")
    expected = _key_hash(name, _public_bytes(key))
    for line in signatures.splitlines():
        mark, signer, encoded = ([*line.split(" "), "", "", ""])[:3]
        if (mark, signer) != (_DASH.strip(), name):
            continue
        try:
            raw = base64.b64decode(encoded, validate=True)
            if raw[:4] == expected:
                key.verify(raw[4:], f"{text}\n".encode())
                return f"{text}\n"
        except (ValueError, InvalidSignature):
            continue
    raise BadInput("checkpoint", f"no valid signature of {name}", "restore it, or give the right public key")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the journal held at one moment."""

    origin: str
    """Names the journal: `remit/<store id>`."""
    size: int
    root: bytes

    def text(self) -> str:
        """The part that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, key: Ed25519PrivateKey) -> str:
        """The signed note."""
        return sign_note(self.text(), self.origin, key)

    @classmethod
    def opened(cls, note: str, origin: str, key: Ed25519PublicKey) -> Checkpoint:
        """Read a signed checkpoint of the journal *origin*.

        Raises:
            BadInput: the signature or the text is not right.
        """
        lines = open_note(note, origin, key).splitlines()
        try:
            found, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        except (IndexError, ValueError):
            raise BadInput("checkpoint", "not origin, size and root", "restore it") from None
        if found != origin or size < 0 or len(root) != 32:
            raise BadInput("checkpoint", f"found {found} {size}", f"expected one of {origin}")
        return cls(origin, size, root)
