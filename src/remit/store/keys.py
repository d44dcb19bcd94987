"""The keys of one store: the master key and signing key in its home, and the data keys wrapped in the
database.

Whoever has only the database reads no body: a data key encrypts the bodies of one subject (a person whose
data they hold) or of one tenant, and is itself encrypted under the master key, which never enters the
database. Destroying a data key erases all that it encrypted, in backups of the database too, since leaves
commit to ciphertext only and so the proofs go on holding.
"""

from __future__ import annotations

import hmac
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import apsw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from remit.core.errors import BadInput, Unavailable
from remit.store.checkpoint import verifier_key

_CACHED_KEYS = 10_000
_NONCE = 12


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """What the master key yields, and the key that signs checkpoints."""

    head: bytes
    """Seals the row `head`."""
    subjects: bytes
    """Turns a subject into the digest under which its data key is filed."""
    wrapping: AESGCM
    """Encrypts data keys."""
    signing: Ed25519PrivateKey

    @classmethod
    def of(cls, master: bytes, signing: Ed25519PrivateKey) -> StoreKeys:
        """Derive the keys from the 32 bytes of the *master* key."""
        head, subjects, wrapping = (
            hmac.digest(master, b"remit/v1/" + use, "sha256") for use in (b"head", b"subject", b"wrap")
        )
        return cls(head, subjects, AESGCM(wrapping), signing)

    @classmethod
    def ephemeral(cls) -> StoreKeys:
        """Keys that live and die with the process, for the volatile store."""
        return cls.of(os.urandom(32), Ed25519PrivateKey.generate())

    @classmethod
    def make(cls, folder: Path) -> StoreKeys:
        """Make both keys and write them to *folder*, durably, for this user's eyes only."""
        signing = Ed25519PrivateKey.generate()
        pem = signing.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_secret(folder / "master.key", master := os.urandom(32))
            write_secret(folder / "signing.key", pem)
            public = verifier_key(f"remit/{folder.name}", signing.public_key())
            write_secret(folder / "signing.pub", f"{public}\n".encode())
        except OSError as error:
            raise Unavailable(
                f"{folder}: cannot keep the store's keys ({error.strerror}); make it writable"
            ) from None
        return cls.of(master, signing)

    @classmethod
    def load(cls, folder: Path) -> StoreKeys:
        """Read the keys that `make` wrote.

        Raises:
            BadInput: a key is missing or is not a key.
        """
        master = _read(folder / "master.key")
        if len(master) != 32:
            raise BadInput(
                str(folder / "master.key"), f"{len(master)} bytes, not 32", "restore it from a backup"
            )
        pem = _read(folder / "signing.key")
        with suppress(ValueError):
            signing = serialization.load_pem_private_key(pem, None)
            if isinstance(signing, Ed25519PrivateKey):
                return cls.of(master, signing)
        raise BadInput(
            str(folder / "signing.key"), "not an Ed25519 key in PEM form", "restore it from a backup"
        )

    def public_text(self, store_id: str) -> str:
        """The public key of the checkpoints, as a C2SP verifier key."""
        return verifier_key(f"remit/{store_id}", self.signing.public_key())

    def subject(self, tenant: str, subject: str) -> bytes:
        """The digest that stands for *subject* of *tenant* in the database."""
        return hmac.digest(
            self.subjects, b"%d:%b%b" % (len(tenant), tenant.encode(), subject.encode()), "sha256"
        )


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, and see it onto the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See the names in *folder* onto the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def exposed(folder: Path) -> tuple[str, ...]:
    """A warning for each key file that others than its owner may read."""
    return tuple(
        f"{path}: others may read this key; run chmod 600"
        for path in (folder / "master.key", folder / "signing.key")
        if path.exists() and path.stat().st_mode & 0o077
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput(
            str(path),
            "missing",
            "restore it from a backup, or open the store with the home that it was made with",
        ) from None
    except OSError as error:
        raise Unavailable(f"{path}: cannot be read ({error.strerror}); check its owner and mode") from None


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one subject, or of a tenant's events without one."""

    id: bytes
    """16 bytes that commit to the secret, so that a leaf that names it pins the key as well."""
    secret: bytes
    cipher: AESGCM

    @classmethod
    def of(cls, secret: bytes) -> DataKey:
        """The key with these 32 secret bytes."""
        return cls(hmac.digest(secret, b"remit/v1/key-id", "sha256")[:16], secret, AESGCM(secret))

    def address(self, content: bytes) -> bytes:
        """Where *content* is stored: equal contents of a subject meet, and only its key can find them."""
        return hmac.digest(self.secret, content, "sha256")


class OpenedKeys:
    """The data keys that readers opened, good until the next erasure anywhere."""

    def __init__(self, keys: StoreKeys, erasures: int) -> None:
        self._keys = keys
        self.erasures = erasures
        self._by_id: dict[bytes, DataKey | None] = {}

    def get(self, connection: apsw.Connection, key_id: bytes) -> DataKey | None:
        """The key with this id; None where it was destroyed."""
        if key_id not in self._by_id:
            sql = "SELECT wrapped, tenant, subject FROM data_key WHERE key_id = ?"
            wrapped, tenant, digest = connection.execute(sql, (key_id,)).fetchone() or (None, "", b"")
            if len(self._by_id) >= _CACHED_KEYS:
                self._by_id = {}
            self._by_id[key_id] = (
                None if wrapped is None else unwrap(self._keys, key_id, wrapped, tenant, digest)
            )
        return self._by_id.get(key_id)


class Keyring:
    """The data keys of a store, made on first use and cached. Writers hold the write lock when they ask."""

    def __init__(self, keys: StoreKeys) -> None:
        self._keys = keys
        self._by_subject: dict[tuple[str, str], DataKey] = {}
        self._erasures = 0
        self._opened = OpenedKeys(keys, 0)

    def catch_up(self, erasures: int) -> None:
        """Drop all cached keys when one was destroyed, by this process or another."""
        if erasures != self._erasures:
            self.forget()
            self._erasures = erasures

    def forget(self) -> None:
        """Drop all cached keys; those that stand in the database are read again."""
        self._by_subject = {}
        self._opened = OpenedKeys(self._keys, 0)

    def opened(self, erasures: int) -> OpenedKeys:
        """The keys to read with, as of a snapshot that has seen so many *erasures*."""
        if self._opened.erasures < erasures:
            self._opened = OpenedKeys(self._keys, erasures)
        # A snapshot from before an erasure must not leave the destroyed key behind in the cache.
        return self._opened if self._opened.erasures == erasures else OpenedKeys(self._keys, erasures)

    def for_writing(self, connection: apsw.Connection, tenant: str, subject: str) -> DataKey:
        """The living key of *subject*; a new one is written to the database at once."""
        key = self._by_subject.get((tenant, subject))
        if key is None:
            digest = self._keys.subject(tenant, subject)
            living = "SELECT key_id, wrapped FROM data_key WHERE subject = ? AND wrapped IS NOT NULL"
            row = connection.execute(living, (digest,)).fetchone()
            if row is None:
                key = self._make(connection, tenant, digest)
            else:
                key = unwrap(self._keys, row[0], row[1], tenant, digest)
            if len(self._by_subject) >= _CACHED_KEYS:
                self._by_subject = {}
            self._by_subject[tenant, subject] = key
        return key

    def _make(self, connection: apsw.Connection, tenant: str, digest: bytes) -> DataKey:
        key = DataKey.of(os.urandom(32))
        nonce = os.urandom(_NONCE)
        wrapped = nonce + self._keys.wrapping.encrypt(nonce, key.secret, _bound_to(key.id, tenant, digest))
        connection.execute(
            "INSERT INTO data_key VALUES (?, ?, ?, ?, NULL)", (key.id, tenant, digest, wrapped)
        )
        return key


def unwrap(keys: StoreKeys, key_id: bytes, wrapped: bytes, tenant: str, digest: bytes) -> DataKey:
    """Open a data key.

    Raises:
        Unavailable: its row was altered, or another master key wrapped it.
    """
    with suppress(InvalidTag, ValueError):
        secret = keys.wrapping.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _bound_to(key_id, tenant, digest))
        key = DataKey.of(secret)
        if key.id == key_id:
            return key
    raise Unavailable(
        f"data key {key_id.hex()}: altered, or wrapped by another master key; run `remit journal verify`"
    )


def _bound_to(key_id: bytes, tenant: str, digest: bytes) -> bytes:
    """What a wrapped key is tied to: its own row, so that keys cannot be exchanged between rows."""
    return b"".join((key_id, digest, tenant.encode()))
