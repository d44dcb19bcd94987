"""The guard: what it opens, whom it lets resume, and what it takes at its doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit import AgentHalted, BadInput, CallDenied
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode
from remit.store import control_hand
from remit.testing import FakeRecords, call, envelope, fake_guard, one_tool, open_guard, small_refunds
from remit.usecases.guard import Guard

OK = {"refund_id": "R"}


def test_a_session_begins_with_who_and_what_is_running() -> None:
    guard, records = fake_guard()
    with guard.session(principal="c-17", principal_kind="customer", fingerprint={"model": "m"}, seed=7):
        pass

    assert records.kinds() == ["session.opened", "session.closed"]
    body = records.bodies("session.opened")[0]
    assert (body["principal"], body["principal_kind"], body["seed"]) == ("c-17", "customer", 7)
    assert body["fingerprint"]["model"] == "m" and body["fingerprint"]["prompt"] is None
    assert body["fingerprint"]["envelope"] == small_refunds().hash
    assert body["fingerprint"]["tools"].startswith("sha256:")


class Hostile:
    """Raises at every touch."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    __str__ = __repr__


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"principal": 17}, "session(principal)"),
        ({"principal": ""}, "session(principal)"),
        ({"principal": "a\x00b"}, "session(principal)"),
        ({"principal": "\ud800"}, "session(principal)"),
        ({"principal": "x" * 501}, "session(principal)"),
        ({"principal": Hostile()}, "session(principal)"),
        ({"principal_kind": "admin"}, "session(principal_kind)"),
        ({"principal_kind": ["operator"]}, "session(principal_kind)"),
        ({"facts": "customer"}, "session(facts)"),
        ({"facts": {"x": object()}}, "session(facts).x"),
        ({"facts": {1: 2}}, "session(facts)"),
        ({"facts": {"x": float("nan")}}, "session(facts).x"),
        ({"fingerprint": "gpt"}, "session(fingerprint)"),
        ({"fingerprint": {"modle": "m"}}, "session(fingerprint)"),
        ({"fingerprint": {"model": 5}}, "session(fingerprint.model)"),
        ({"fingerprint": {"runtime": "gpu"}}, "session(fingerprint.runtime)"),
        ({"user_input": b"hi"}, "session(user_input)"),
        ({"seed": "7"}, "session(seed)"),
        ({"seed": True}, "session(seed)"),
        ({"arm": 3}, "session(arm)"),
        ({"id": ""}, "session(id)"),
        ({"id": "s\n1"}, "session(id)"),
        ({"id": "s\x1b[31m"}, "session(id)"),
        ({"id": "ş"}, "session(id)"),
        ({"id": "x" * 201}, "session(id)"),
        ({"id": 7}, "session(id)"),
        ({"id": Hostile()}, "session(id)"),
    ],
)
def test_a_malformed_argument_is_bad_input_with_its_place_and_opens_nothing(
    options: dict[str, Any], where: str
) -> None:
    guard, records = fake_guard()

    with pytest.raises(BadInput) as bad:
        guard.session(**options)
    assert bad.value.where.startswith(where)
    assert records.journal == []


@pytest.mark.parametrize("odd", ["../../etc/passwd", "'; DROP TABLE event; --", "a b", "%s%n", "s" * 200])
def test_an_odd_session_id_is_only_a_name(folder: Path, odd: str) -> None:
    with open_guard(folder) as guard:
        with guard.session(id=odd) as session:
            session.observe("user", "hello")
        with guard.session(id=odd) as again:
            assert [s.text for s in again.text.segments] == ["hello"]


@pytest.mark.parametrize(
    "options",
    [
        {"tenant": 5},
        {"tenant": ""},
        {"agent_version": "\n"},
        {"approval_wait_s": float("nan")},
        {"approval_wait_s": -1},
        {"approval_wait_s": "30"},
        {"async_approval_wait_s": float("inf")},
        {"async_approval_wait_s": True},
    ],
)
def test_a_guard_takes_no_nonsense(options: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        fake_guard(**options)


def test_a_halted_agent_opens_no_session() -> None:
    guard, _ = fake_guard(FakeRecords(mode_now=Mode.HALTED))
    with pytest.raises(AgentHalted):
        guard.session()


def test_a_halted_agent_may_resume_and_does_nothing() -> None:
    guard, records = fake_guard()
    guard.session(id="s").close()
    records.mode_now = Mode.HALTED

    with guard.session(id="s") as session, pytest.raises(CallDenied, match=r"breaker\.halted"):
        session.call("get_order", {"order_id": "O-1"}, run=lambda order_id: order_id)


@pytest.mark.parametrize(
    "options",
    [{"principal": "eve"}, {"principal_kind": "operator"}],
)
def test_only_who_opened_a_session_may_resume_it(options: dict[str, Any]) -> None:
    guard, _ = fake_guard()
    guard.session(id="s", principal="bob", principal_kind="customer").close()

    with pytest.raises(BadInput):
        guard.session(id="s", **options)
    assert guard.session(id="s").info.principal == "bob"


def test_a_session_of_another_agent_or_tenant_cannot_be_resumed() -> None:
    guard, records = fake_guard()
    guard.session(id="s").close()

    for other in (
        fake_guard(records, envelope=envelope(name="payroll"))[0],
        fake_guard(records, tenant="acme")[0],
    ):
        with pytest.raises(BadInput, match=r"belongs to agent|the id is taken"):
            other.session(id="s")


def test_a_session_without_its_first_event_is_not_resumed() -> None:
    guard, records = fake_guard()
    guard.session(id="s").close()
    del records.journal[0]

    with pytest.raises(BadInput, match="missing or erased"):
        guard.session(id="s")


def test_facts_come_back_with_a_session_and_may_be_given_anew() -> None:
    schema = (
        "{type: object, additionalProperties: false, required: [tier], properties: {tier: {type: string}}}"
    )
    facts = f"  session: {schema}\n"
    guard, _ = fake_guard(envelope=one_tool(rest=facts))
    guard.session(id="s", facts={"tier": "gold"}).close()

    assert guard.session(id="s").facts.values == {"tier": "gold"}
    assert guard.session(id="s", facts={"tier": "tin"}).facts.values == {"tier": "tin"}


def test_a_tool_function_is_guarded_by_the_session_around_it() -> None:
    guard, records = fake_guard()

    @guard.tool
    def refund(amount: int, order_id: str = "O-1") -> dict[str, str]:
        """Pay back."""
        return OK

    with guard.session():
        assert refund(5) == OK
        with pytest.raises(CallDenied):
            refund(amount=90)
    assert [b["args"] for b in records.bodies("decided")] == [{"amount": 5}, {"amount": 90}]
    assert refund.__name__ == "refund" and refund.__doc__ == "Pay back."
    with pytest.raises(BadInput, match="outside a session"):
        refund(5)


def test_a_tool_function_may_have_another_name_in_the_envelope() -> None:
    guard, _ = fake_guard()

    @guard.tool(name="note")
    def write_down(**fields: str) -> str:
        return fields["text"]

    with guard.session():
        assert write_down(text="hello") == "hello"


def test_a_tool_function_belongs_to_its_own_guard() -> None:
    guard, _ = fake_guard()
    other, _ = fake_guard()

    @guard.tool
    def note(text: str) -> str:
        return text

    with other.session(), pytest.raises(BadInput, match="outside a session"):
        note("x")


def test_parameters_that_have_no_name_cannot_be_guarded() -> None:
    guard, _ = fake_guard()

    def positional(text: str, /) -> str:
        return text

    def several(*texts: str) -> str:
        return "".join(texts)

    for function in (positional, several):
        with pytest.raises(BadInput, match="cannot be named in an envelope"):
            guard.tool(function)


def test_texts_are_kept_whole_sampled_or_as_digests() -> None:
    def kept(clean: str, drawn: float) -> str:
        capture = f"  capture: {{clean: {clean}, sample: 0.5}}\n"
        guard, records = fake_guard(envelope=one_tool(rest=capture), draw=lambda: drawn)
        with guard.session(user_input="hello there"):
            pass
        return next(s.event.blobs["text"] for s in records.journal if s.event.kind == "observed")

    assert kept("full", 0.9) == kept("sampled", 0.4) == "hello there"
    assert kept("digest", 0.1).startswith("[digest:") and kept("sampled", 0.6).startswith("[digest:")


def test_an_anomaly_is_kept_whole_also_where_clean_texts_are_not() -> None:
    guard, records = fake_guard(
        envelope=one_tool(
            "      require:\n        - {id: no, expr: 'args.n > 5'}\n", rest="  capture: {clean: digest}\n"
        )
    )
    with guard.session(user_input="pay 1 to bob") as session, pytest.raises(CallDenied):
        session.call("act", {"n": 1, "to": "bob", "kind": "a", "sure": True}, run=lambda **_: None)

    (denied,) = [s.event for s in records.journal if s.event.kind == "decided"]
    assert denied.blobs == {"segment.0": "pay 1 to bob"}
    assert denied.anomaly is not None and denied.body["context"]["triggering_input"][0]["segment"] == 0


def test_closing_a_guard_twice_closes_its_store_once() -> None:
    closed: list[int] = []
    guard: Guard
    guard, _ = fake_guard(on_close=lambda: closed.append(1))
    with guard:
        assert not guard.monitoring
    guard.close()
    assert closed == [1]


def test_every_event_names_the_envelope_in_force() -> None:
    guard, records = fake_guard()
    with guard.session() as session:
        session.call("note", call("note", text="x").args, run=lambda text: text)
    assert {s.event.envelope for s in records.journal} == {small_refunds().hash}


def test_a_stop_by_hand_binds_a_monitored_agent_too(tmp_path: Path) -> None:
    monitored = one_tool("", rest="  enforcement: monitor\n")
    ran: list[int] = []
    with open_guard(tmp_path, monitored) as guard, guard.session() as session:
        arguments = {"n": 1, "to": "x", "kind": "a", "sure": True}
        session.call("act", arguments, run=lambda n, **_: ran.append(n))
        agent = Scope(ScopeKind.AGENT, "default", guard.envelope.name)
        stop = {"id": "stop", "actor": "ann", "reason": "odd"}
        store: Any = guard.records
        store.store.transact(lambda tx: control_hand.trip(tx, agent, Mode.HALTED, **stop)).result()

        with pytest.raises(CallDenied, match=r"breaker\.halted"):
            session.call("act", arguments, run=lambda n, **_: ran.append(n))
    assert ran == [1]
