"""A file of settings in TOML, strictly read: every wrong key is told with its place, and no secret stands in it."""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from remit.core.errors import BadInput

MOST_BYTES = 262_144
_MOST_SECRET_BYTES = 65_536
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SECRETS = ("secret", "token", "password", "routing_key", "api_key")
_KINDS: Mapping[Any, str] = {str: "string", bool: "true or false", int: "number", list: "list", dict: "table"}


def read_table(path: Path, environ: Mapping[str, str] | None = None) -> Table:
    """The table that a file is.

    Args:
        path: of the file.
        environ: where variables are looked up; default: this process's.

    Raises:
        BadInput: it is not there, no TOML, too large, or anybody may write to it.
    """
    return Table(str(path), _read(path), path.parent, os.environ if environ is None else environ)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file, with its place in it."""

    where: str
    table: Mapping[str, Any]
    folder: Path
    environ: Mapping[str, str]

    def inside(self, key: str, table: Any) -> Table:
        """The table under *key*."""
        if not isinstance(table, dict):
            self.bad(key, f"found {table!r}", "write a table")
        where = f"{self.where}: {key}" if "[" in key or ": " not in self.where else f"{self.where}.{key}"
        return Table(where, table, self.folder, self.environ)

    def bad(self, key: str, found: str, remedy: str) -> NoReturn:
        """Refuse what stands under *key*."""
        dot = "." if ": " in self.where else ": "
        raise BadInput(f"{self.where}{dot}{key}", found, remedy)

    def only(self, known: Collection[str]) -> None:
        """Refuse keys that are not known, and secrets."""
        for key in self.table:
            if key in _SECRETS:
                self.bad(key, "a secret stands in the file", "use secret_env, or secret_file with mode 0600")
            if key not in known:
                near = difflib.get_close_matches(key, list(known), n=1)
                self.bad(key, "unknown key", f"known: {', '.join(near or known)}")

    def value(self, key: str, kind: Any, default: Any) -> Any:
        """What stands under *key*; needed where the default is None."""
        if key not in self.table:
            if default is None:
                self.bad(key, "is missing", "write it")
            return default
        found = self.table[key]
        if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            self.bad(key, f"found {found!r}", f"write a {' or a '.join(_KINDS[one] for one in kinds)}")
        return found

    def one_of(self, key: str, known: Collection[str], default: str) -> str:
        """One of some words."""
        found = self.value(key, str, default)
        if found not in known:
            self.bad(key, f"found {found[:40]!r}", f"use one of {', '.join(known)}")
        return str(found)

    def beside(self, name: str) -> Path:
        """A file that this file names."""
        return self.folder / Path(name).expanduser()

    def number(self, key: str, form: re.Pattern[str], units: Mapping[str, float], like: str) -> float:
        """A number with its unit, as *form* has them in its two groups.

        Args:
            key: which must be there.
            form: the pattern.
            units: what each unit is worth.
            like: an example for people.
        """
        written = self.value(key, str, None)
        match = form.fullmatch(written)
        if match is None:
            self.bad(key, f"found {written[:40]!r}", f"write {like}")
        return int(match[1]) * units[match[2]]

    def secret(self, key: str) -> str:
        """What the variable `KEY_env` or the file `KEY_file` has; empty where neither is named."""
        variable, file = self.value(f"{key}_env", str, ""), self.value(f"{key}_file", str, "")
        if variable and file:
            self.bad(f"{key}_file", f"stands beside {key}_env", "write one of them")
        if file:
            return self._of_file(f"{key}_file", self.beside(file))
        if not variable:
            return ""
        if not _VARIABLE.fullmatch(variable):
            self.bad(
                f"{key}_env", "is not the name of a variable", "write the name only, not the secret itself"
            )
        if not self.environ.get(variable):
            self.bad(f"{key}_env", f"{variable} is not set", "set it where the worker runs")
        return self.environ[variable]

    def _of_file(self, key: str, path: Path) -> str:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                told = os.fstat(file.fileno())
                content = file.read(_MOST_SECRET_BYTES + 1) if stat.S_ISREG(told.st_mode) else b""
        except OSError as error:
            self.bad(key, f"{path} cannot be read: {error.strerror}", "make it, with mode 0600")
        if told.st_mode & 0o077:
            self.bad(key, f"others than its owner may read {path}", f"chmod 600 {path}")
        text = content.decode("utf-8", "replace").rstrip("\r\n")
        if not text or len(content) > _MOST_SECRET_BYTES:
            self.bad(
                key, f"{path} is empty, too long or no file", "write the secret into it, and nothing else"
            )
        return text


def _read(path: Path) -> dict[str, Any]:
    remedy = "mend the file; `remit routes check` looks at it"
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
                raise BadInput(str(path), "anybody may write to it", f"chmod o-w {path}")
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise BadInput(str(path), f"more than {MOST_BYTES} bytes", "a file of routes is small")
        return tomllib.loads(content.decode())
    except FileNotFoundError:
        raise BadInput(str(path), "no such file", "check the setting `routes`, or REMIT_ROUTES") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(str(path), f"cannot be read: {error}", remedy) from None
