"""One line of MCP's stdio transport to one JSON-RPC message, and back.

Whoever writes the line may be hostile. What is no message becomes `Unreadable`, which knows the id where there is one, so
that nobody waits for an answer that cannot come.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

MOST_ID: Final = 200
"""Characters of a request's id."""
_EDGE: Final = 1_000
_ID: Final = re.compile(rb'"id"\s*:\s*("[A-Za-z0-9_.:/-]{1,200}"|-?[0-9]{1,18})')
_ANSWER: Final = re.compile(rb'"(?:result|error)"\s*:')
MALFORMED: Final = object()
"""`data` of the error that stands for an answer which is none; known by identity, so that no peer can send it."""


class Unreadable(Exception):
    """A line that is no message.

    Args:
        code: of JSON-RPC, which says what is wrong.
        why: in words.
        id: of the request that it would have been, where that can be read.
    """

    def __init__(self, code: int, why: str, id: RequestId | None = None) -> None:
        self.code = code
        self.why = why
        self.id = id
        super().__init__(why)

    def answer(self) -> JSONRPCError:
        """What its sender is told."""
        return JSONRPCError(jsonrpc="2.0", id=self.id, error=ErrorData(code=self.code, message=self.why))


def read_message(line: bytes) -> JSONRPCMessage | Unreadable:
    """The message of one line; `Unreadable`, never raised, where it is none.

    >>> read_message(b'{"jsonrpc":"2.0","id":1,"method":"ping"}').method
    'ping'
    >>> read_message(b'[]').why
    'a batch, or no object: send one JSON object a line'
    """
    try:
        found = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        try:
            # As the SDK reads: NaN and lone surrogates come in, and are judged where somebody asks.
            found = json.loads(line.decode("utf-8", "replace"))
        except ValueError:
            return Unreadable(PARSE_ERROR, "not JSON")
        except RecursionError:
            return _too_deep(line)
    if not isinstance(found, dict):
        return Unreadable(INVALID_REQUEST, "a batch, or no object: send one JSON object a line")
    return _message(found)


def _too_deep(line: bytes) -> JSONRPCMessage | Unreadable:
    """What no reader here takes in. Its id is looked for, so that whoever waits for it hears of it."""
    ids = [match for part in (line[:_EDGE], line[-_EDGE:]) for match in _ID.findall(part)]
    found = json.loads(ids[0]) if ids else None
    told = "nested too deep to be read"
    if found is not None and _ANSWER.search(line[:_EDGE]):
        error = ErrorData(code=INTERNAL_ERROR, message=told, data=MALFORMED)
        return JSONRPCError.model_construct(jsonrpc="2.0", id=found, error=error)
    return Unreadable(INVALID_REQUEST, told, found)


def _message(found: dict[str, Any]) -> JSONRPCMessage | Unreadable:
    given = found.get("id")
    id_ = given if _is_id(given) else None
    if found.get("jsonrpc") != "2.0" or ("id" in found and id_ is None and "method" in found):
        told = f"not JSON-RPC 2.0 with an id of at most {MOST_ID} characters"
        return Unreadable(INVALID_REQUEST, told, None if "result" in found else id_)
    if "method" in found:
        return _asked(found, id_)
    if id_ is None:
        return Unreadable(INVALID_REQUEST, "neither a request nor an answer")
    return _answered(found, id_)


def _asked(found: dict[str, Any], id_: RequestId | None) -> JSONRPCMessage | Unreadable:
    method, params = found["method"], found.get("params")
    if not isinstance(method, str) or not (params is None or isinstance(params, dict)):
        return Unreadable(INVALID_REQUEST, "method must be a string, and params an object", id_)
    if id_ is None:
        return JSONRPCNotification.model_construct(jsonrpc="2.0", method=method, params=params)
    return JSONRPCRequest.model_construct(jsonrpc="2.0", id=id_, method=method, params=params)


def _answered(found: dict[str, Any], id_: RequestId) -> JSONRPCMessage:
    """An answer; one that is none ends the wait for it all the same, as what it is."""
    result, error = found.get("result"), found.get("error")
    if isinstance(result, dict) and error is None:
        return JSONRPCResponse.model_construct(jsonrpc="2.0", id=id_, result=result)
    if "result" not in found and isinstance(error, dict) and type(error.get("code")) is int:
        told = ErrorData.model_construct(
            code=error["code"], message=str(error.get("message", "")), data=error.get("data")
        )
        return JSONRPCError.model_construct(jsonrpc="2.0", id=id_, error=told)
    told = ErrorData(code=INTERNAL_ERROR, message="the answer is no JSON-RPC answer", data=MALFORMED)
    return JSONRPCError.model_construct(jsonrpc="2.0", id=id_, error=told)


def _is_id(value: object) -> bool:
    return type(value) is int or (type(value) is str and len(value) <= MOST_ID)


def write_message(message: JSONRPCMessage) -> bytes:
    """The line of one message, with its end.

    >>> write_message(JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized"))
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}\\n'
    """
    body = _body(message)
    try:
        return msgspec.json.encode(body) + b"\n"
    except (TypeError, ValueError, OverflowError, RecursionError):
        return json.dumps(body).encode() + b"\n"  # integers of any size, lone surrogates as escapes


def _body(message: JSONRPCMessage) -> dict[str, Any]:
    match message:
        case JSONRPCResponse():
            return {"jsonrpc": "2.0", "id": message.id, "result": message.result}
        case JSONRPCError():
            error: dict[str, Any] = {"code": message.error.code, "message": message.error.message}
            if message.error.data is not None and message.error.data is not MALFORMED:
                error["data"] = message.error.data
            return {"jsonrpc": "2.0", "id": message.id, "error": error}
        case JSONRPCRequest():
            body: dict[str, Any] = {"jsonrpc": "2.0", "id": message.id, "method": message.method}
        case JSONRPCNotification():
            body = {"jsonrpc": "2.0", "method": message.method}
    return body if message.params is None else {**body, "params": message.params}
