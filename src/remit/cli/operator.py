"""`remit operator`: who may answer held calls and set modes, each with a key of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from remit.cli.opened import Opened, StoreOption, opened
from remit.cli.operator_keys import KeyFile, passphrase
from remit.cli.output import Output, emit, say, table
from remit.core.errors import BadInput
from remit.core.notice import instant, visible
from remit.store import operators
from remit.usecases.clock import Uuid7

app = typer.Typer(add_completion=False, no_args_is_help=True)

OperatorName = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]


@app.callback()
def operator() -> None:
    """Who may answer."""


@app.command()
def add(
    name: OperatorName,
    role: Annotated[list[str] | None, typer.Option("--role", help="May be given more than once.")] = None,
    new_key: Annotated[
        bool,
        typer.Option(
            "--new-key",
            help="Replace key and roles; other stores know the old key until it is added there, too.",
        ),
    ] = False,
    create: Annotated[bool, typer.Option("--create", help="Make the store where there is none.")] = False,
    store: StoreOption = None,
) -> int:
    """Make a key for a person, encrypted with their passphrase, and make them known to the store.

    The passphrase comes from REMIT_OPERATOR_PASSPHRASE, or is asked for. The private key stays on this machine, and
    one that is there already is used for this store, too; --new-key replaces it, for every store.
    """
    roles = tuple(dict.fromkeys(role or ()))
    with opened(store, create=create) as at:
        file = KeyFile(at.settings.home_path, name)
        if at.store.read(lambda db: operators.find(db, name)) is not None and not new_key:
            raise BadInput(
                "operator", f"{name!r} is known already", "give --new-key for another key or other roles"
            )
        if kept := file.exists() and not new_key:  # of another store: one key answers in all of them
            public = operators.public_key(file.path.read_bytes(), passphrase(name))
            act, by = Uuid7().new(), at.who()
            at.store.transact_now(lambda tx: operators.add(tx, name, roles, public, act=act, by=by))
        else:
            pem, public = operators.new_key(passphrase(name, new=True))
            _register(at, file, pem, public, roles, replace=new_key)
        if Output.json:
            emit(
                {
                    "operator": {
                        "name": name,
                        "roles": sorted(roles),
                        "public_key": public.hex(),
                        "key": str(file.path),
                    }
                }
            )
        else:
            say(f"{visible(name)} may answer{' as ' + visible(', '.join(sorted(roles))) if roles else ''}.")
            of = (
                "the one that was on this machine"
                if kept
                else "encrypted; nobody can recover it without the passphrase"
            )
            say(f"Private key: {file.path} ({of})")
    return 0


def _register(
    at: Opened, file: KeyFile, pem: bytes, public: bytes, roles: tuple[str, ...], *, replace: bool
) -> None:
    """Key first, then the store: somebody known without a key could not answer, and looks as if they could."""
    old = file.path.read_bytes() if replace and file.exists() else None
    act = Uuid7().new()
    file.write(pem, replace=replace)
    try:
        at.store.transact_now(lambda tx: operators.add(tx, file.name, roles, public, act=act, by=at.who()))
    except BaseException:
        if old is None:
            file.path.unlink(missing_ok=True)
        else:
            file.write(old, replace=True)
        raise


@app.command("ls")
def list_operators(
    everyone: Annotated[bool, typer.Option("--all", help="Also who was removed.")] = False,
    store: StoreOption = None,
) -> int:
    """Everybody who may answer, and whose key is on this machine."""
    with opened(store) as at:
        found = [one for one in at.store.read(operators.everyone) if everyone or one.removed_at is None]
        lines = [
            {
                "name": one.name,
                "roles": list(one.roles),
                "public_key": one.public_key.hex(),
                "added_at": one.added_at,
                "removed_at": one.removed_at,
                "key_here": KeyFile(at.settings.home_path, one.name).exists(),
            }
            for one in found
        ]
        if Output.json:
            emit({"operators": lines, "single_operator": at.store.single_operator})
            return 0
        rows = [
            (
                visible(one.name),
                visible(", ".join(one.roles)) or "-",
                one.public_key.hex()[:16],
                "yes" if line["key_here"] else "no",
                instant(one.added_at) + (f", removed {instant(one.removed_at)}" if one.removed_at else ""),
            )
            for one, line in zip(found, lines, strict=True)
        ]
        empty = "nobody yet: remit operator add NAME --role ROLE"
        table("", ("name", "roles", "public key", "key here", "added"), rows, empty=empty)
        if at.store.single_operator:
            say("This is a single-operator store: answers need no key, and every record shows that.")
    return 0


@app.command()
def remove(name: OperatorName, store: StoreOption = None) -> int:
    """Take a person's say away. What they said before stands, and their key file stays where it is."""
    with opened(store) as at:
        act, by = Uuid7().new(), at.who()
        at.store.transact_now(lambda tx: operators.remove(tx, name, act=act, by=by))
        if Output.json:
            emit({"removed": name})
        else:
            say(f"{visible(name)} may not answer any more.")
    return 0
