"""The keys of one store: the master key and signing key in its home, and the data keys wrapped in the
database.

Whoever has only the database reads no body: a data key encrypts the bodies of one subject (a person whose
data they hold) or of one tenant, and is itself encrypted under the master key, which never enters the
database. Destroying a data key erases all that it encrypted, while the proofs go on holding, since leaves
commit to ciphertext only.

What may be kept for a limited time has keys of its own: one for each subject, length of retention and period,
so that a key is old as a whole one day and can be destroyed; see `expire`.
"""

from __future__ import annotations

import hmac
import math
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from remit.core.errors import BadInput, Unavailable
from remit.core.retention import LEAST_RETAIN_S, period_end
from remit.store.checkpoint import verifier_key

_CACHED_KEYS = 10_000
_NONCE = 12
_PERIOD = struct.Struct(">dd")


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
    retain_s: float | None = None
    """How long its events are kept; None for ever."""
    until: float = math.inf
    """It encrypts no event of this time or later."""

    @classmethod
    def of(cls, secret: bytes, retain_s: float | None = None, until: float | None = None) -> DataKey:
        """The key with these 32 secret bytes."""
        key_id = hmac.digest(secret, b"remit/v1/key-id", "sha256")[:16]
        return cls(key_id, secret, AESGCM(secret), retain_s, math.inf if until is None else until)

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
            sql = "SELECT wrapped, tenant, subject, retain_s, until FROM data_key WHERE key_id = ?"
            wrapped, *bound = connection.execute(sql, (key_id,)).fetchone() or (None,)
            if len(self._by_id) >= _CACHED_KEYS:
                self._by_id = {}
            self._by_id[key_id] = None if wrapped is None else unwrap(self._keys, key_id, wrapped, *bound)
        return self._by_id.get(key_id)


class Keyring:
    """The data keys of a store, made on first use and cached. Writers hold the write lock when they ask."""

    def __init__(self, keys: StoreKeys) -> None:
        self._keys = keys
        self._by_subject: dict[tuple[str, str, float | None], DataKey] = {}
        self._erasures = 0
        self._opened = OpenedKeys(keys, 0)
        self.fresh: set[bytes] = set()
        """Ids of keys that the batch at hand made: of these nothing is in the database yet but what it stored itself."""

    def catch_up(self, erasures: int) -> None:
        """Drop all cached keys when one was destroyed, by this process or another."""
        if erasures != self._erasures:
            self.forget()
            self._erasures = erasures

    def forget(self) -> None:
        """Drop all cached keys; those that stand in the database are read again."""
        self._by_subject = {}
        self._opened = OpenedKeys(self._keys, 0)
        self.fresh = set()

    def opened(self, erasures: int) -> OpenedKeys:
        """The keys to read with, as of a snapshot that has seen so many *erasures*."""
        if self._opened.erasures < erasures:
            self._opened = OpenedKeys(self._keys, erasures)
        # A snapshot from before an erasure must not leave the destroyed key behind in the cache.
        return self._opened if self._opened.erasures == erasures else OpenedKeys(self._keys, erasures)

    def opens(self, key_id: bytes, wrapped: bytes, *bound: Any) -> bool:
        """Whether a row of `data_key` (tenant, subject, retain_s and until are *bound*) is as it was written."""
        with suppress(Unavailable, TypeError, struct.error):
            return unwrap(self._keys, key_id, wrapped, *bound).id == key_id
        return False

    def for_writing(
        self,
        connection: apsw.Connection,
        tenant: str,
        subject: str,
        retain_s: float | None = None,
        at: float = 0.0,
    ) -> DataKey:
        """The key of *subject* for events of the time *at* that are kept for *retain_s*.

        Where there is none, a new one is written to the database at once.

        Raises:
            BadInput: nothing can be kept for so short a time.
        """
        key = self._by_subject.get((tenant, subject, retain_s))
        if key is None or key.until <= at:
            if retain_s is not None and not LEAST_RETAIN_S <= retain_s < math.inf:
                raise BadInput("retain_s", f"found {retain_s}", f"give {LEAST_RETAIN_S:g} seconds or more")
            digest = self._keys.subject(tenant, subject)
            row = connection.execute(_LIVING, (digest, retain_s, at)).fetchone()
            if row is None:
                key = self._make(connection, tenant, digest, retain_s, at)
            else:
                key = unwrap(self._keys, row[0], row[1], tenant, digest, retain_s, row[2])
            if len(self._by_subject) >= _CACHED_KEYS:
                self._by_subject = {}
            self._by_subject[tenant, subject, retain_s] = key
        return key

    def _make(
        self, connection: apsw.Connection, tenant: str, digest: bytes, retain_s: float | None, at: float
    ) -> DataKey:
        until = None if retain_s is None else period_end(retain_s, at)
        key = DataKey.of(os.urandom(32), retain_s, until)
        nonce = os.urandom(_NONCE)
        bound = _bound_to(key.id, tenant, digest, retain_s, until)
        wrapped = nonce + self._keys.wrapping.encrypt(nonce, key.secret, bound)
        connection.execute(
            "INSERT INTO data_key VALUES (?, ?, ?, ?, NULL, ?, ?)",
            (key.id, tenant, digest, wrapped, retain_s, until),
        )
        self.fresh.add(key.id)
        return key


_LIVING = """
SELECT key_id, wrapped, until FROM data_key
WHERE subject = ? AND wrapped IS NOT NULL AND retain_s IS ? AND (until IS NULL OR until > ?)
"""


def unwrap(
    keys: StoreKeys,
    key_id: bytes,
    wrapped: bytes,
    tenant: str,
    digest: bytes,
    retain_s: float | None,
    until: float | None,
) -> DataKey:
    """Open a data key.

    Raises:
        Unavailable: its row was altered, or another master key wrapped it.
    """
    with suppress(InvalidTag, ValueError):
        bound = _bound_to(key_id, tenant, digest, retain_s, until)
        key = DataKey.of(keys.wrapping.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], bound), retain_s, until)
        if key.id == key_id:
            return key
    raise Unavailable(
        f"data key {key_id.hex()}: altered, or wrapped by another master key; run `remit journal verify`"
    )


def _bound_to(
    key_id: bytes, tenant: str, digest: bytes, retain_s: float | None, until: float | None
) -> bytes:
    """What a wrapped key is tied to: its own row, so that neither keys nor times can be exchanged."""
    # In front, where another row's key id would have to stand: no row with times reads as one without.
    times = b"" if retain_s is None and until is None else _PERIOD.pack(retain_s or 0.0, until or 0.0)
    return b"".join((times, key_id, digest, tenant.encode()))
