"""A small company with an agent that books, mails and pays: a world in memory behind a real guard and a real journal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import remit
from remit.core.event import StoredEvent
from remit.settings import load_settings
from remit.usecases.impact import Start, reach_of
from remit.usecases.impact_view import reach_view
from remit.wiring import open_store

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: olga}
spec:
  enforcement: ENFORCEMENT
  session: {type: object, additionalProperties: false, properties: {desk: {type: string}}}
  sources:
    user: {integrity: trusted}
    read_mail: {integrity: untrusted, confidentiality: pii}
    get_supplier: {integrity: trusted, confidentiality: internal}
    get_secret: {integrity: trusted, confidentiality: secret}
  tools:
    read_mail: {effect: read, args: &nothing {type: object, additionalProperties: false, properties: {}}}
    get_secret: {effect: read, args: *nothing}
    get_supplier:
      effect: read
      args: &supplier
        type: object
        additionalProperties: false
        required: [supplier]
        properties: {supplier: {type: string}}
    set_iban:
      effect: write
      args: &iban
        type: object
        additionalProperties: false
        required: [supplier, iban]
        properties: {supplier: {type: string}, iban: {type: string}}
      output: {type: object, required: [previous], properties: {previous: {type: string}}}
      compensation: {tool: set_iban, args: {supplier: args.supplier, iban: output.previous}, note: "tell the supplier"}
    book:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [city]
        properties: {city: {type: string}, fails: {type: string}}
      output: {type: object, required: [id], properties: {id: {type: string}}}
      require: [{id: here, expr: "args.city != 'Mars'"}]
      compensation: {tool: cancel, args: {booking_id: output.id}, note: "within 24 h"}
    cancel:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [booking_id]
        properties: {booking_id: {type: string}, reason: {type: string}}
      require: [{id: named, expr: "args.booking_id != ''"}]
      compensation: {none: "the room is free for others"}
    pay:
      effect: irreversible
      args:
        type: object
        additionalProperties: false
        required: [iban, amount]
        properties: {iban: {type: string}, amount: {type: number}}
      require: [{id: ceiling, expr: "args.amount <= 5000"}]
      compensation: {none: "money that left is asked for by people"}
    send_mail:
      effect: egress
      args:
        type: object
        additionalProperties: false
        required: [to, body]
        properties: {to: {type: string}, body: {type: string}}
      require: [{id: some, expr: "args.body != ''"}]
    note:
      effect: write
      args:
        type: object
        additionalProperties: false
        required: [text]
        properties: {text: {type: string}, api_key: {type: string}}
    erase_note:
      effect: write
      args: *nothing
      idempotency: {key: ["'all'"], within: 1h, on_repeat: return_first}
  breaker: {threshold: 1000, max_violations: 1000}
"""

GOOD, BAD = "DE89370400440532013000", "GB29NWBK60161331926819"


class World:
    """Suppliers, bookings and mails, as the tools change them."""

    def __init__(self) -> None:
        self.ibans = {"S-1": GOOD}
        self.bookings: dict[str, str] = {}
        self.mails: list[tuple[str, str]] = []
        self.paid: list[tuple[str, float]] = []
        self._numbers = itertools.count(88_101)

    def get_supplier(self, supplier: str) -> dict[str, Any]:
        return {"supplier": supplier, "iban": self.ibans[supplier], "ok": True, "rank": 1}

    def set_iban(self, supplier: str, iban: str) -> dict[str, str]:
        previous, self.ibans[supplier] = self.ibans[supplier], iban
        return {"previous": previous}

    def book(self, city: str, fails: str = "") -> dict[str, str]:
        number = f"BK-{next(self._numbers)}"
        self.bookings[number] = city
        if fails:
            raise RuntimeError(fails)
        return {"id": number}

    def cancel(self, booking_id: str, reason: str = "") -> str:
        del self.bookings[booking_id]
        return f"cancelled {reason}".strip()

    def pay(self, iban: str, amount: float) -> str:
        self.paid.append((iban, amount))
        return "ok"

    def send_mail(self, to: str, body: str) -> str:
        self.mails.append((to, body))
        return "ok"

    def note(self, **_: Any) -> str:
        return "ok"

    def erase_note(self) -> str:
        return "gone"


class Company:
    """The world, the guard before it, and the journal behind it."""

    def __init__(self, folder: Path, guard: Any, world: World, address: str) -> None:
        self.folder, self.guard, self.world, self.address = folder, guard, world, address

    @contextmanager
    def session(self, said: str = "", **fields: Any) -> Iterator[Any]:
        """A session in which `do` calls the world's tools."""
        with self.guard.session(user_input=said or "do it", principal_kind="operator", **fields) as session:
            yield _Hand(session, self.world)

    def reach(self, *sessions: str, **options: Any) -> dict[str, Any]:
        """What `remit impact` says of these sessions."""
        with open_store(self.address, load_settings()) as store:
            return reach_view(reach_of(store, [Start(one, "default") for one in sessions], **options))

    def events(self, session: str) -> Sequence[StoredEvent]:
        with open_store(self.address, load_settings()) as store:
            return list(store.events(session))


class _Hand:
    """A session, and the world's tools through it."""

    def __init__(self, session: Any, world: World) -> None:
        self.session, self.world = session, world
        self.id = session.id

    def see(self, text: str, source: str = "read_mail") -> None:
        self.session.observe("tool", text, source=source)

    def do(self, tool: str, **args: Any) -> Any:
        return self.session.call(tool, args, run=getattr(self.world, tool))


def company(folder: Path, *, enforcement: str = "enforce", envelope: str = ENVELOPE) -> Company:
    """A company whose journal lies in *folder*."""
    path = folder / "clerk.yaml"
    path.write_text(envelope.replace("ENFORCEMENT", enforcement))
    address = f"sqlite:///{folder / 'remit.db'}"
    guard = remit.open(path, store=address, approval_wait_s=0.0)
    return Company(folder, guard, World(), address)
