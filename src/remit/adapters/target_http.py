"""An agent under test behind HTTP: it takes the request of `target_wire` as a POST, and answers as said there.

What says that the world failed, and not the agent: no connection, one that breaks off, and the answers 429, 502, 503 and
504, which may say with `Retry-After` when to come again. A redirect is refused, since it would carry headers with secrets
to somebody else; every other answer than 200 is a failure of the agent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from remit.adapters.http_post import MalformedHttp, Response, TooMuch, post, url_of
from remit.adapters.target_wire import MOST_ANSWER, AgentFailed, answer_in, request_of
from remit.core.errors import BadInput, Unavailable
from remit.ports import AgentTrial, Answered

WORLD_FAILED = (429, 502, 503, 504)
_MOST_TOLD = 200


class HttpTarget:
    """An endpoint as an agent under test.

    Args:
        url: that takes the POST.
        headers: a value `$NAME` is read from the environment, when the run begins.

    Raises:
        BadInput: no such address, or a variable that is not set.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._url = url_of(url, "agent.http")
        self._headers = {name: _value(name, value) for name, value in (headers or {}).items()}

    async def run(self, trial: AgentTrial) -> Answered:
        """One run: one POST."""
        body = json.dumps(request_of(trial), ensure_ascii=False).encode("utf-8", "replace")
        try:
            response = await post(self._url, body, self._headers, MOST_ANSWER)
        except TooMuch:
            raise AgentFailed(f"more than {MOST_ANSWER} bytes of answer") from None
        except MalformedHttp as error:
            raise AgentFailed(f"what it sends is no HTTP: {error}") from None
        if response.status == 200:
            packed = response.headers.get("content-encoding", "identity")
            if packed.lower() != "identity":
                raise AgentFailed(
                    f"its answer is packed ({packed[:40]}), which nobody asked for; send it plain"
                )
            return answer_in(response.body)
        raise _failed(response)

    async def aclose(self) -> None:
        """No connection outlives its trial."""


def _failed(response: Response) -> Exception:
    told = response.body.decode("utf-8", "replace").strip()[:_MOST_TOLD]
    said = f"HTTP {response.status}" + (f": {told}" if told else "")
    if response.status in WORLD_FAILED:
        after = response.headers.get("retry-after", "")
        return Unavailable(said, float(after) if after.isdecimal() and len(after) < 7 else None)
    if 300 <= response.status < 400:
        return AgentFailed(f"HTTP {response.status}: a redirect is not followed; name the address itself")
    return AgentFailed(said)


def _value(name: str, value: str) -> str:
    """The header's value, from the environment where it says so.

    Raises:
        BadInput: the variable is not set, or a line break would make another header of it.
    """
    where = f"agent.headers.{name}"
    if value.startswith("$"):
        found = os.environ.get(value[1:])
        if found is None:
            raise BadInput(where, f"{value} is not set", f"set the environment variable {value[1:]}")
        value = found.strip()
    if not value.isprintable() or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise BadInput(where, "no header can hold it", "use printable characters")
    return value
