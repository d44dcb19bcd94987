"""The private keys of the people who answer on this machine: encrypted files, opened for one signature at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import typer

from remit.core.errors import BadInput
from remit.store import operators
from remit.store.keys import write_secret

PASSPHRASE = "REMIT_OPERATOR_PASSPHRASE"  # noqa: S105 - the name of a variable
SECOND_PASSPHRASE = "REMIT_SECOND_PASSPHRASE"  # noqa: S105 - the name of a variable

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Where one person's private key is kept."""

    home: Path
    name: str

    @property
    def path(self) -> Path:
        """`<home>/operators/NAME.pem`; a name that is no file name is percent-encoded."""
        return self.home / "operators" / f"{quote(self.name, safe=' @+')}.pem"

    def exists(self) -> bool:
        """Whether this machine has the key."""
        return self.path.is_file()

    def write(self, pem: bytes, *, replace: bool = False) -> None:
        """Keep a key, for this user's eyes only.

        Raises:
            BadInput: there is one already, or the folder cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if replace:
                fresh = self.path.with_suffix(".new")
                fresh.unlink(missing_ok=True)
                write_secret(fresh, pem)
                fresh.replace(self.path)
            else:
                write_secret(self.path, pem)
        except FileExistsError:
            raise BadInput(str(self.path), "there is a key already", "keep it, or give --new-key") from None
        except OSError as error:
            raise BadInput(
                str(self.path), f"cannot be written: {error.strerror}", "check the folder"
            ) from None

    def signer(self, variable: str = PASSPHRASE) -> Sign:
        """A function that signs with the key; it asks for the passphrase when it is called for the first time.

        Raises:
            BadInput: this machine does not have the key.
        """
        try:
            pem = self.path.read_bytes()
        except FileNotFoundError:
            remedy = "answer where the key is, or make one with `remit operator add`"
            raise BadInput(str(self.path), f"this machine has no key of {self.name!r}", remedy) from None
        except OSError as error:
            raise BadInput(str(self.path), f"cannot be read: {error.strerror}", "check its owner") from None
        given: list[str] = []

        def sign(message: bytes) -> bytes:
            if not given:
                given.append(passphrase(self.name, variable))
            return operators.sign(pem, given[0], message)

        return sign


def passphrase(name: str, variable: str = PASSPHRASE, *, new: bool = False) -> str:
    """A person's passphrase: from the environment, or asked for without showing it.

    Raises:
        BadInput: not set, and nobody is there to ask.
    """
    if given := os.environ.get(variable):
        return given
    if not sys.stdin.isatty():
        raise BadInput("passphrase", "nobody is there to ask for it", f"set {variable}, or use a terminal")
    asked: str = typer.prompt(f"Passphrase of {name}", hide_input=True, confirmation_prompt=new, err=True)
    return asked
