"""Operators: the people who answer approvals and set modes by hand, each known by an Ed25519 key.

Their private keys never come near the store: `new_key` makes one for the command line to keep, encrypted with
a passphrase. The store knows names, roles and public keys, and checks signatures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apsw
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.ids import derived_id
from remit.core.types import Json
from remit.store.transaction import Transaction

_MOST_NAME = 200


@dataclass(frozen=True, slots=True)
class Operator:
    """One person, as the store knows them."""

    name: str
    roles: tuple[str, ...]
    public_key: bytes
    """Ed25519, 32 bytes raw."""
    added_at: float
    removed_at: float | None = None


def add(
    tx: Transaction, name: str, roles: Sequence[str], public_key: bytes, *, act: str, by: str = ""
) -> Operator:
    """Make a person known, or give them another key and other roles.

    Args:
        act: id of this act, made by the caller.
        by: who did it.

    Raises:
        BadInput: a name or key that cannot be one.
    """
    if not name or len(name) > _MOST_NAME or name != name.strip() or not name.isprintable():
        raise BadInput("operator.name", f"found {name[:60]!r}", "use a visible name without spaces around it")
    if len(public_key) != 32:
        raise BadInput(
            "operator.public_key", f"found {len(public_key)} bytes", "use a raw Ed25519 key, 32 bytes"
        )
    twin = next((o for o in everyone(tx.connection) if o.public_key == public_key and o.name != name), None)
    if twin is not None:
        raise BadInput("operator.public_key", f"it is {twin.name}'s", "two people have two keys")
    told = tuple(sorted(set(roles)))
    tx.connection.execute(
        "INSERT OR REPLACE INTO operator VALUES (?, ?, ?, ?, NULL)",
        (name, msgspec.json.encode(told).decode(), public_key, tx.now),
    )
    body = {"operator": name, "roles": list(told), "public_key": public_key.hex(), "by": by}
    _tell(tx, act, "operator.added", body)
    return Operator(name, told, public_key, tx.now)


def remove(tx: Transaction, name: str, *, act: str, by: str = "") -> None:
    """Take a person's say away; what they said before stands.

    Raises:
        BadInput: nobody of that name.
    """
    if find(tx.connection, name) is None:
        raise BadInput("operator.name", f"nobody is called {name!r}")
    tx.connection.execute("UPDATE operator SET removed_at = ? WHERE name = ?", (tx.now, name))
    _tell(tx, act, "operator.removed", {"operator": name, "by": by})


def find(connection: apsw.Connection, name: str) -> Operator | None:
    """The operator of that name, unless removed."""
    return next((one for one in everyone(connection) if one.name == name and one.removed_at is None), None)


def everyone(connection: apsw.Connection) -> list[Operator]:
    """All operators that ever were, by name."""
    rows = connection.execute(
        "SELECT name, roles, public_key, added_at, removed_at FROM operator ORDER BY name"
    )
    return [
        Operator(name, msgspec.json.decode(roles, type=tuple[str, ...]), bytes(key), added, removed)
        for name, roles, key, added, removed in rows
    ]


def verified(operator: Operator, signature: bytes, message: bytes) -> bool:
    """Whether the operator signed exactly this message."""
    try:
        Ed25519PublicKey.from_public_bytes(operator.public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def new_key(passphrase: str) -> tuple[bytes, bytes]:
    """A new private key, PEM (PKCS #8) encrypted with the passphrase, and its raw public key.

    Raises:
        BadInput: the passphrase is empty.
    """
    if not passphrase:
        raise BadInput("passphrase", "it is empty", "choose one; the key answers in your name")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    return pem, key.public_key().public_bytes_raw()


def sign(pem: bytes, passphrase: str, message: bytes) -> bytes:
    """Sign a message with a key that `new_key` made.

    Raises:
        BadInput: wrong passphrase, or not such a key.
    """
    return _opened(pem, passphrase).sign(message)


def public_key(pem: bytes, passphrase: str) -> bytes:
    """The raw public key of a private one; whoever gives its passphrase holds it.

    Raises:
        BadInput: wrong passphrase, or not such a key.
    """
    return _opened(pem, passphrase).public_key().public_bytes_raw()


def _opened(pem: bytes, passphrase: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError) as error:
        raise BadInput("operator key", "it cannot be opened", "check the passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput("operator key", "it is not an Ed25519 key", "make one with `remit operator add`")
    return key


def _tell(tx: Transaction, act: str, kind: str, body: Mapping[str, Json]) -> None:
    tx.append(Event(id=derived_id(act, kind), session="", kind=kind, agent="", envelope="", body=body))
