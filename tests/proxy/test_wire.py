"""Lines and messages; what is no message ends nobody's connection."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse, jsonrpc_message_adapter

from remit.proxy import lines
from remit.proxy.lines import EndableStream, Reader
from remit.proxy.wire import MALFORMED, Unreadable, read_message, write_message

IDS = st.integers() | st.text(max_size=20)
PARAMS = st.dictionaries(
    st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), max_size=3
)


@given(IDS, st.text(), PARAMS)
def test_a_request_goes_through_as_the_sdk_reads_it(id_: Any, method: str, params: dict[str, Any]):
    line = json.dumps({"jsonrpc": "2.0", "id": id_, "method": method, "params": params}).encode()
    found = read_message(line)

    assert isinstance(found, JSONRPCRequest) and (found.id, found.method, found.params) == (
        id_,
        method,
        params,
    )
    assert jsonrpc_message_adapter.validate_json(write_message(found)) == JSONRPCRequest(
        jsonrpc="2.0", id=id_, method=method, params=params
    )


@given(st.binary(max_size=60))
def test_any_line_is_a_message_or_says_why_not(line: bytes):
    assert isinstance(read_message(line), JSONRPCMessage | Unreadable)


@pytest.mark.parametrize(
    ("line", "id_"),
    [
        (b"not json", None),
        (b"[1]", None),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None),
        (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', 7),
        (b'{"jsonrpc":"2.0","id":7,"method":3}', 7),
        (b'{"jsonrpc":"2.0","id":"a","method":"m","params":[1]}', "a"),
        (b'{"jsonrpc":"2.0","id":null,"method":"m"}', None),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', None),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"m"}', None),
        (b'{"jsonrpc":"2.0","id":"' + b"x" * 300 + b'","method":"m"}', None),
        (b"[" * 100_000, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, 1),
        (b'{"method":"m","params":' + b"[" * 9_000 + b"]" * 9_000 + b',"id":"a-1","jsonrpc":"2.0"}', "a-1"),
    ],
)
def test_a_line_that_is_no_request_is_answered_with_the_id_it_names(line: bytes, id_: Any):
    found = read_message(line)

    assert isinstance(found, Unreadable)
    answer = json.loads(write_message(found.answer()))
    assert answer["id"] == id_ and answer["error"]["code"] in (-32600, -32700)


@pytest.mark.parametrize(
    "answer",
    [
        '"result":[]',
        '"result":null',
        '"error":3',
        '"error":{"code":"x"}',
        '"x":1',
        '"result":{},"error":{"code":1}',
    ],
)
def test_an_answer_that_is_none_still_ends_the_wait_for_it(answer: str):
    found = read_message(f'{{"jsonrpc":"2.0","id":4,{answer}}}'.encode())

    assert isinstance(found, JSONRPCError) and found.id == 4 and found.error.data is MALFORMED
    assert "data" not in json.loads(write_message(found))["error"]


def test_an_answer_too_deep_to_be_read_ends_the_wait_for_it():
    found = read_message(b'{"jsonrpc":"2.0","id":4,"result":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}")

    assert isinstance(found, JSONRPCError) and found.id == 4 and found.error.data is MALFORMED


def test_numbers_and_texts_of_any_kind_pass_as_they_are():
    line = b'{"jsonrpc":"2.0","id":1,"result":{"n":123456789012345678901234567890,"s":"\\ud800","f":1e300}}'
    found = read_message(line)

    assert isinstance(found, JSONRPCResponse)
    assert json.loads(write_message(found)) == json.loads(line)


def read_all(*chunks: bytes) -> list[Any]:
    async def main() -> list[Any]:
        stream = EndableStream()
        for chunk in chunks:
            stream.feed_data(chunk)
        stream.feed_eof()
        return [item async for item in Reader(stream)]

    return asyncio.run(main())


def test_lines_are_put_together_from_any_pieces():
    line = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    whole = line + b"\r\n\n  \n" + line + b"\n"
    found = read_all(*[whole[i : i + 3] for i in range(0, len(whole), 3)])

    assert [item.message.id for item in found if isinstance(item, SessionMessage)] == [1, 1]


def test_a_line_without_end_is_dropped_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "MOST_LINE", 1000)
    found = read_all(b"x" * 1500, b"y" * 3000, b'\n{"jsonrpc":"2.0","id":2,"method":"ping"}\n')

    assert isinstance(found[0], Unreadable) and [item.message.id for item in found[1:]] == [2]


def test_a_reader_that_is_ended_takes_nothing_more():
    async def main() -> list[Any]:
        stream = EndableStream()
        reader = Reader(stream)
        asyncio.get_running_loop().call_soon(reader.end)
        found = [item async for item in reader]
        stream.feed_data(b"late\n")  # the other side still writes
        return found

    assert asyncio.run(main()) == []
