"""A held call asks where the client can, and whatever the client answers or carries, the guard alone decides."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from joined import ENVELOPE, LONG_S, Joined, answers, text

from remit.cli.answering import Elicited
from remit.core.selftest import load_envelope
from remit.proxy.held_state import HeldState, NotOurs, Sealer, call_of, is_ours
from remit.proxy.holding import QUESTION, Elicitation
from remit.store import control_approvals
from remit.testing import FakeClock, answer, open_guard, pending

PAY = {"amount": 5}
VERSION = "io.modelcontextprotocol/protocolVersion"
META = {
    VERSION: "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "desk\x1b[2J", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
}


def elicits(guard: Any) -> Elicitation:
    return Elicitation(lambda: guard, lambda it: Elicited(it.records.store))


@pytest.fixture
def asks(guard, join):
    """A connection whose held calls ask the client."""

    def asks(serve: Any = None, at: Any = None, **options: Any) -> Any:
        used = at or guard
        return join(serve, guard=used, holding=elicits(used), **options)

    return asks


@pytest.fixture
def strict(folder):
    """A guard whose store takes signed answers only."""
    (folder / "strict").mkdir()
    with open_guard(
        folder / "strict", load_envelope(ENVELOPE, "clerk.yaml"), single_operator=False
    ) as opened:
        yield opened


async def pays(at: Joined, *, meta: Any = META, arguments: Any = PAY, **more: Any) -> Any:
    """The whole answer to a call of `pay` in the newer era."""
    return await at.ask("tools/call", {"name": "pay", "arguments": arguments, "_meta": meta, **more})


def back(result: Any, action: str = "accept") -> dict[str, Any]:
    """What a client comes back with."""
    return {"requestState": result["requestState"], "inputResponses": {QUESTION: {"action": action}}}


def told(answer: Any) -> Any:
    assert answer["result"]["isError"] is True
    return json.loads(answer["result"]["content"][0]["text"])


# ------------------------------------------------------------------------------------------ without elicitation
def run(work: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work, LONG_S))


@pytest.mark.parametrize(
    "capabilities", [{}, {"elicitation": {"url": {}}}, {"elicitation": None}, {"elicitation": 5}]
)
def test_a_client_that_cannot_ask_reads_to_repeat_the_call_once_it_is_approved(asks, guard, capabilities):
    async def work():
        async with asks(meet=False) as at:
            meta = {**META, "io.modelcontextprotocol/clientCapabilities": capabilities}
            held = told(await pays(at, meta=meta))
            assert (held["remit"], held["approval_id"]) == ("held", pending(guard)[0])
            assert told(await pays(at, meta=meta))["approval_id"] == held["approval_id"]
            answer(guard, held["approval_id"])
            assert (await pays(at, meta=meta))["result"]["content"] == text("done pay")["content"]
            assert len(at.ran) == 1

    run(work())


# ------------------------------------------------------------------------------------------ 2026-07-28
def test_the_question_names_call_reason_approval_and_command_and_obeys_no_words(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            result = (await pays(at))["result"]
            assert result["resultType"] == "input_required" and is_ours(result["requestState"])
            (question,) = result["inputRequests"].values()
            message = question["params"]["message"]
            (approval,) = pending(guard)
            assert question["method"] == "elicitation/create" and question["params"]["mode"] == "form"
            assert "pay" in message and "5" in message and "pay.people" in message and approval in message
            assert "remit approvals" in message and all(line.isprintable() for line in message.split("\n"))
            assert at.ran == []

    run(work())


def test_accepting_runs_it_once_in_a_single_operator_store_and_the_record_says_who_said_so(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            held = (await pays(at))["result"]
            (approval,) = pending(guard)
            assert (await pays(at, **back(held)))["result"]["content"] == text("done pay")["content"]
            (sent,) = at.ran
            assert sent == {"name": "pay", "arguments": PAY, "_meta": META}, (
                "nothing of ours goes to the server"
            )
            (given,) = guard.records.approval(approval).answers
            assert given.operator == "elicitation by desk\\x1b[2J" and not given.authenticated
            assert "elicitation" in given.note

            again = await pays(at, **back(held))
            assert told(again)["remit"] == "held" and told(again)["approval_id"] != approval
            assert len(at.ran) == 1, "a state that was used authorises nothing"

    run(work())


def test_declining_is_a_rejection_in_a_single_operator_store(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            held = (await pays(at))["result"]
            refused = told(await pays(at, **back(held, "decline")))
            assert refused["remit"] == "refused" and "approval.rejected" in refused["clauses"]
            assert at.ran == [] and told(await pays(at))["remit"] == "refused"

    run(work())


@pytest.mark.parametrize("said", ["cancel", "maybe", None])
def test_anything_else_is_no_answer_and_it_is_not_asked_twice(asks, guard, said):
    async def work():
        async with asks(meet=False) as at:
            held = (await pays(at))["result"]
            more = {**back(held), "inputResponses": {QUESTION: {"action": said}} if said else "?"}
            assert told(await pays(at, **more))["remit"] == "held"
            assert len(pending(guard)) == 1 and at.ran == []

    run(work())


@pytest.mark.parametrize("action", ["accept", "decline"])
def test_elsewhere_an_answer_only_looks_again(asks, strict, action):
    async def work():
        async with asks(at=strict, meet=False) as at:
            held = (await pays(at))["result"]
            message = held["inputRequests"][QUESTION]["params"]["message"]
            (approval,) = pending(strict)
            assert f"remit approvals approve {approval}" in message and "approves nothing" in message
            assert told(await pays(at, **back(held, action)))["approval_id"] == approval
            assert strict.records.approval(approval).answers == () and at.ran == []

    run(work())


def test_what_somebody_approved_elsewhere_runs_when_the_client_comes_back(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            held = (await pays(at))["result"]
            answer(guard, pending(guard)[0])
            assert "isError" not in (await pays(at, **back(held, "cancel")))["result"]
            assert len(at.ran) == 1

    run(work())


def test_a_clause_of_severity_critical_is_never_asked_about(folder, asks):
    critical = ENVELOPE.replace(
        "- {id: people, by: [finance]}", "- {id: people, by: [finance], severity: critical}"
    )
    (folder / "critical").mkdir()
    with open_guard(folder / "critical", load_envelope(critical, "clerk.yaml")) as guard:

        async def work():
            async with asks(at=guard, meet=False) as at:
                assert told(await pays(at))["remit"] == "held"

        run(work())


def flipped(token: str) -> str:
    """The token with one bit of what was sealed changed."""
    head, _, sealed = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    raw[-20] ^= 1
    return f"{head}.{base64.urlsafe_b64encode(bytes(raw)).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "change",
    [
        lambda one: {**one, "requestState": flipped(one["requestState"])},
        lambda one: {**one, "requestState": one["requestState"][:-4]},
        lambda one: {**one, "requestState": "remit-held."},
        lambda one: {**one, "requestState": "remit-held.v1.\ud800"},
        lambda one: {**one, "arguments": {"amount": 6}},
        lambda one: {**one, "arguments": {}},
    ],
    ids=["edited", "cut", "empty", "no text", "edited arguments", "no arguments"],
)
def test_an_edited_state_or_call_is_an_error_and_runs_and_answers_nothing(asks, guard, change):
    async def work():
        async with asks(meet=False) as at:
            held = (await pays(at))["result"]
            error = (await pays(at, **change({"arguments": PAY, **back(held)})))["error"]
            assert (error["code"], error["message"]) == (-32602, "Invalid or expired requestState")
            assert at.ran == [] and len(pending(guard)) == 1

    run(work())


def test_a_state_of_another_tool_session_or_time_is_an_error(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            held = (await pays(at))["result"]
            other = {"name": "write_note", "arguments": {"text": "x"}, "_meta": META, **back(held)}
            assert (await at.ask("tools/call", other))["error"]["code"] == -32602
        async with asks(meet=False) as at:
            assert (await pays(at, **back(held)))["error"]["code"] == -32602
            assert at.ran == []

    run(work())


def test_a_state_opens_only_in_its_time_with_its_key_for_its_call():
    sealer = Sealer(b"k" * 32)
    token = sealer.seal(HeldState("approval-a1", call_of("pay", PAY), "s1", 100.0, {}))
    right = {"call": call_of("pay", PAY), "session": "s1", "now": 99.0}

    assert sealer.open(token, **right).approval == "approval-a1" and "approval" not in token
    for wrong in ({"call": "x"}, {"session": "s2"}, {"now": 100.0}):
        with pytest.raises(NotOurs):
            sealer.open(token, **{**right, **wrong})
    with pytest.raises(NotOurs):
        Sealer(b"x" * 32).open(token, **right)


def test_an_approval_whose_time_is_over_makes_the_state_an_error(folder, asks):
    brief = ENVELOPE.replace("by: [finance]", "by: [finance], expires: 1h")
    (folder / "brief").mkdir()
    clock = FakeClock(time.time())
    with open_guard(folder / "brief", load_envelope(brief, "clerk.yaml"), clock=clock) as guard:

        async def work():
            async with asks(at=guard, meet=False) as at:
                held = (await pays(at))["result"]
                assert "error" not in await pays(at, **back(held, "cancel"))
                clock.step(3601.0)
                found = await pays(at, **back(held, "cancel"))
                assert found["error"]["message"] == "Invalid or expired requestState"
                assert at.ran == []

        run(work())


def test_a_client_may_come_back_to_another_process_that_resumes_its_session(asks, guard):
    async def work():
        whose = {"id": "conversation-7"}
        async with asks(meet=False, whose=whose) as at:
            held = (await pays(at))["result"]
        async with asks(meet=False, whose=whose) as at:
            assert "isError" not in (await pays(at, **back(held)))["result"]
            assert len(at.ran) == 1

    run(work())


# ------------------------------------------------------------------------------------------ the server's own questions
async def questioning(message: Any, at: Joined) -> None:
    """A server whose tool asks for a name before it does anything."""
    if message.get("method") != "tools/call":
        return await answers(message, at)
    params = message["params"]
    at.ran.append(params)
    if params.get("requestState") == "server-state":
        return at.answer(message, text(f"hello {params['inputResponses']['name']['content']['name']}"))
    request = {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": "Who?", "requestedSchema": {}},
    }
    asked = {
        "resultType": "input_required",
        "inputRequests": {"name": request},
        "requestState": "server-state",
    }
    return at.answer(message, asked)


def test_the_servers_own_question_and_state_pass_unchanged(asks, guard):
    async def work():
        async with asks(questioning, meet=False) as at:
            note = {"name": "read_note", "arguments": {"name": "a"}, "_meta": META}
            result = (await at.ask("tools/call", note))["result"]
            assert result["requestState"] == "server-state"
            more = {"requestState": "server-state", "inputResponses": {"name": {"content": {"name": "ann"}}}}
            done = (await at.ask("tools/call", {**note, **more}))["result"]
            assert done["content"] == text("hello ann")["content"]
            assert at.ran[-1] == {**note, **more}

    run(work())


def test_a_held_call_that_goes_on_with_the_servers_state_is_judged_anew_and_goes_on_once_approved(
    asks, guard
):
    async def work():
        async with asks(questioning, meet=False) as at:
            held = (await pays(at))["result"]
            asked = (await pays(at, **back(held)))["result"]
            assert asked["requestState"] == "server-state", "the first approval was for the first call"
            more = {"requestState": "server-state", "inputResponses": {"name": {"content": {"name": "ann"}}}}

            held = (await pays(at, **more))["result"]
            assert is_ours(held["requestState"]) and "server-state" not in held["requestState"]
            assert len(at.ran) == 1
            done = (await pays(at, **back(held)))["result"]

            assert done["content"] == text("hello ann")["content"]
            assert at.ran[-1] == {"name": "pay", "arguments": PAY, "_meta": META, **more}

    run(work())


def test_an_answer_to_our_question_without_our_state_goes_nowhere(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            note = {"name": "read_note", "arguments": {"name": "a"}, "_meta": META}
            await at.ask("tools/call", {**note, "inputResponses": {QUESTION: {"action": "accept"}, "x": {}}})
            assert at.ran[-1]["inputResponses"] == {"x": {}}

    run(work())


# ------------------------------------------------------------------------------------------ older clients
async def meets(at: Joined, capabilities: Any) -> None:
    """The handshake of an older client."""
    info = {"name": "old desk", "version": "1"}
    await at.ask(
        "initialize", {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": info}
    )
    at.tell("notifications/initialized")


async def question(at: Joined) -> Any:
    """What the client is asked next."""
    ends = time.monotonic() + LONG_S
    while not (found := [m for m in at.at_client if m["method"] == "elicitation/create"]):
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)
    at.at_client.remove(found[0])
    return found[0]


def says(at: Joined, asked: Any, action: str) -> None:
    at.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": action}})


def test_an_older_client_is_asked_from_inside_the_call(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            await meets(at, {"elicitation": {}})
            calling = at.asked("tools/call", {"name": "pay", "arguments": PAY})
            asked = await question(at)
            assert str(asked["id"]).startswith("remit-") and "pay.people" in asked["params"]["message"]
            assert at.ran == []
            says(at, asked, "accept")
            assert (await calling)["result"]["content"] == text("done pay")["content"]
            assert len(at.ran) == 1 and not [m for m in at.at_server if "elicitation" in str(m.get("method"))]
            assert not pending(guard)

    run(work())


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_an_older_clients_no_is_a_rejection_and_its_silence_is_none(asks, guard, action):
    async def work():
        async with asks(meet=False) as at:
            await meets(at, {"elicitation": {"form": {}}})
            calling = at.asked("tools/call", {"name": "pay", "arguments": PAY})
            says(at, await question(at), action)
            assert told(await calling)["remit"] == ("refused" if action == "decline" else "held")
            assert at.ran == [] and len(pending(guard)) == (0 if action == "decline" else 1)

    run(work())


def test_an_older_client_without_elicitation_reads_the_text(asks, guard):
    async def work():
        async with asks() as at:
            assert (await at.refusal("pay", PAY))["remit"] == "held"

    run(work())


def test_an_older_client_that_fails_to_ask_reads_the_text(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            await meets(at, {"elicitation": {}})
            calling = at.asked("tools/call", {"name": "pay", "arguments": PAY})
            asked = await question(at)
            at.send({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "no"}})
            assert told(await calling)["remit"] == "held"

    run(work())


def test_an_approval_from_elsewhere_ends_the_question_and_the_call_goes_on(asks, strict):
    async def work():
        from remit.store import operators

        pem, public = operators.new_key("ann")
        store = strict.records.store
        store.transact_now(lambda tx: operators.add(tx, "ann", ("finance",), public, act="a"))
        async with asks(at=strict, meet=False) as at:
            await meets(at, {"elicitation": {}})
            calling = at.asked("tools/call", {"name": "pay", "arguments": PAY})
            asked = await question(at)
            (approval,) = pending(strict)
            await asyncio.to_thread(approve, store, approval, pem)
            assert (await calling)["result"]["content"] == text("done pay")["content"]
            cancelled = [m for m in at.at_client if m["method"] == "notifications/cancelled"]
            assert [m["params"]["requestId"] for m in cancelled] == [asked["id"]]

    run(work())


def approve(store: Any, approval: str, pem: bytes) -> None:
    from remit.core.approval import Reply, answer_message
    from remit.store import operators

    status = store.read(lambda db: control_approvals.status(db, approval))
    message = answer_message(approval, status.version, status.digest, Reply.APPROVE, "", break_glass=False)
    signature = operators.sign(pem, "ann", message)
    store.transact_now(
        lambda tx: control_approvals.answer(
            tx,
            approval,
            Reply.APPROVE,
            operator="ann",
            seen_digest=status.digest,
            version=status.version,
            signature=signature,
        )
    )


def test_a_client_that_cancels_while_it_is_asked_leaves_the_approval_open_and_nothing_runs(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            await meets(at, {"elicitation": {}})
            at.asked("tools/call", {"name": "pay", "arguments": PAY}, id=77)
            asked = await question(at)
            at.tell("notifications/cancelled", {"requestId": 77})
            ends = time.monotonic() + LONG_S
            while not [m for m in at.at_client if m["method"] == "notifications/cancelled"]:
                assert time.monotonic() < ends
                await asyncio.sleep(0.01)
            says(at, asked, "accept")
            assert "result" in await at.ask("tools/list")
            assert at.ran == [] and len(pending(guard)) == 1

    run(work())


def test_a_client_that_leaves_while_it_is_asked_hangs_nothing(asks, guard):
    async def work():
        async with asks(meet=False) as at:
            await meets(at, {"elicitation": {}})
            at.asked("tools/call", {"name": "pay", "arguments": PAY})
            await question(at)
        assert at.by_client and at.ran == []

    run(work())
    assert len(pending(guard)) == 1
