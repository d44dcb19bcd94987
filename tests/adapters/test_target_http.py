"""HTTP endpoints as agents under test: the request, the answer, and servers that fail in every way."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

import pytest
from tests.adapters.trials import FakeTrial

from remit.adapters.target_http import HttpTarget
from remit.adapters.target_wire import AgentFailed
from remit.core.errors import BadInput, Unavailable
from remit.ports import Answered

Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def says(status: str, body: bytes = b"", *headers: str) -> Serve:
    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    return serve


def raw(*parts: bytes) -> Serve:
    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)

    return serve


def run(
    serve: Serve, headers: dict[str, str] | None = None, within_s: float = 120.0
) -> tuple[Answered, bytes]:
    """The answer of one run, and what the server got."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")
        )
        seen.append(head + await reader.readexactly(length))
        await serve(seen[0], writer)
        await writer.drain()
        writer.close()

    async def once() -> Answered:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            async with asyncio.timeout(within_s):
                return await HttpTarget(f"http://127.0.0.1:{port}/run?v=1", headers).run(FakeTrial())
        finally:
            server.close()

    return asyncio.run(once()), seen[0]


def test_an_endpoint_gets_the_request_and_answers() -> None:
    found, seen = run(
        says("200 OK", b'{"answer": "sent", "calls": [{"tool": "get_order", "args": {}}], "x": 1}')
    )

    head, _, body = seen.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /run?v=1 HTTP/1.1")
    assert json.loads(body)["session_id"] == "s-1"
    assert (found.answer, found.calls[0].tool, found.extra) == ("sent", "get_order", {"x": 1})


def test_an_answer_that_is_packed_says_so() -> None:
    with pytest.raises(AgentFailed, match=r"packed \(gzip\), which nobody asked for"):
        run(says("200 OK", b"\x1f\x8b\x08", "Content-Encoding: gzip"))
    assert run(says("200 OK", b'{"answer": 3}', "Content-Encoding: identity"))[0].answer == 3


def test_an_answer_may_come_in_chunks_or_end_with_the_connection() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert run(raw(chunks, b'c\r\n{"answer": 1\r\n', b"1;x=y\r\n}\r\n0\r\n\r\n"))[0].answer == 1
    assert run(raw(b"HTTP/1.0 200 OK\r\n\r\n", b'{"answer": 2}'))[0].answer == 2


@pytest.mark.parametrize("status", ["429 Slow down", "502 Bad", "503 Busy", "504 Late"])
def test_a_busy_server_is_the_worlds_failure_and_says_when_to_come_again(status: str) -> None:
    with pytest.raises(Unavailable, match=status[:3]) as raised:
        run(says(status, b"", "Retry-After: 7"))
    assert raised.value.retry_after_s == 7.0


def test_a_dropped_connection_and_none_at_all_are_the_worlds_failure() -> None:
    with pytest.raises(Unavailable, match="broke off"):
        run(raw())
    with pytest.raises(Unavailable, match="broke off"):
        run(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"))
    with socket.socket() as nobody, pytest.raises(Unavailable, match="no connection"):
        nobody.bind(("127.0.0.1", 0))  # bound, and never listening
        asyncio.run(HttpTarget(f"http://127.0.0.1:{nobody.getsockname()[1]}/").run(FakeTrial()))


@pytest.mark.parametrize(
    ("serve", "told"),
    [
        (says("302 Found", b"", "Location: http://evil.example/"), "redirect is not followed"),
        (says("500 Oops", b"it broke"), "HTTP 500: it broke"),
        (says("200 OK", b"hello"), "not JSON"),
        (says("200 OK", b"[1]"), "no JSON object"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), "more than 1000000 bytes"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "no HTTP"),
        (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "no HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 300), "no HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "no HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"fffffff\r\n"), "more than"),
    ],
)
def test_what_is_no_answer_is_a_failure_of_the_agent(serve: Serve, told: str) -> None:
    with pytest.raises(AgentFailed, match=told):
        run(serve)


def test_a_hanging_server_is_left_at_the_deadline() -> None:
    async def hang(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)

    with pytest.raises(TimeoutError):
        run(hang, within_s=0.2)


def test_a_header_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_KEY", "Bearer 42")

    _, seen = run(says("200 OK", b'{"answer": 1}'), {"Authorization": "$AGENT_KEY", "X-Team": "qa"})

    assert b"Authorization: Bearer 42\r\n" in seen
    assert b"X-Team: qa\r\n" in seen


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("ftp://host/", {}),
        ("http:///path", {}),
        ("http://me:secret@host/", {}),
        ("http://host:99999/", {}),
        ("http://host/a b", {}),
        ("http://host/", {"Authorization": "$NOT_SET_ANYWHERE"}),
        ("http://host/", {"X": "a\r\nY: b"}),
        ("http://host/", {"X\r\nY": "b"}),
    ],
)
def test_a_wrong_address_or_header_is_told(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        HttpTarget(url, headers)
