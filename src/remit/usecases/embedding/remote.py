"""A remote embedder: a service that answers `POST …/embeddings` as OpenAI's does. Texts leave this machine.

So it is never a default: somebody writes `remote:URL#MODEL`, and the key stands in the environment. Over plain HTTP it
speaks to this machine only. Redirects are not followed: they would take texts and key somewhere else.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from remit.core.errors import BadInput, Unavailable

KEY = "REMIT_EMBEDDINGS_KEY"
"""Name of the key's variable, unless another is named."""
TIMEOUT_S = 30.0
BATCH = 64
MOST_ANSWER = 64 * 1024 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FORM = "write remote:https://HOST/v1#MODEL, with ;key=NAME behind it where the key is not in " + KEY


def remote_named(text: str, environ: Mapping[str, str], where: str) -> RemoteEmbedder:
    """The embedder of `URL#MODEL` or `URL#MODEL;key=NAME`.

    Raises:
        BadInput: it has another form, speaks plain HTTP to another machine, or the named key is not set.
    """
    url, _, rest = text.partition("#")
    model, _, option = rest.partition(";")
    try:
        place = urlsplit(url)
        port = place.port
    except ValueError as error:
        raise BadInput(where, f"found {url[:80]!r}: {error}", FORM) from None
    if place.scheme not in ("http", "https") or not place.hostname or not model.strip():
        raise BadInput(where, f"found {text[:80]!r}", FORM)
    if place.username or place.password or place.query or port == 0:
        raise BadInput(where, "the address holds a user, a password or a query", FORM)
    if place.scheme == "http" and place.hostname not in LOOPBACK:
        raise BadInput(
            where, f"{place.hostname} over plain HTTP would show texts and key to everybody", "write https"
        )
    name = option.removeprefix("key=")
    if option and (name == option or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)):
        raise BadInput(where, f"found {option[:80]!r} behind the model", FORM)
    key = environ.get(name or KEY, "")
    if option and not key:
        raise BadInput(where, f"{name} is not set", "put the key there")
    if not key.isprintable() or not key.isascii():
        raise BadInput(name or KEY, "holds a character that no header can carry", "set the key alone")
    return RemoteEmbedder(place, model.strip(), key)


class RemoteEmbedder:
    """Vectors from a service.

    Args:
        place: its address, without `/embeddings`.
        model: as the service calls it.
        key: sent as `Authorization: Bearer`; empty: none.
        timeout_s: for each wait on the network, seconds.
    """

    name = "remote"

    def __init__(self, place: SplitResult, model: str, key: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._place, self._model, self._key, self._timeout_s = place, model, key, timeout_s
        self.version = f"{place.netloc}{place.path.rstrip('/')}#{model}"
        """Address and model: whether the weights behind them changed, nobody can see from here."""

    def __repr__(self) -> str:
        return f"RemoteEmbedder({self.version})"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text.

        Raises:
            Unavailable: the service does not answer, or not as it should; with its place.
        """
        found: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            found += self._batch(texts[start : start + BATCH])
        return found

    def _batch(self, texts: Sequence[str]) -> list[list[float]]:
        sent = {
            "model": self._model,
            "input": [_sendable(text) for text in texts],
            "encoding_format": "float",
        }
        status, headers, body = self._post(json.dumps(sent).encode())
        if status != 200:
            told = body[:200].decode("utf-8", "replace")
            told = told.replace(self._key, "…") if self._key else told
            raise Unavailable(
                f"{self._where}: answered {status}: {told}", _seconds(headers.get("retry-after"))
            )
        return self._vectors(body, len(texts))

    @property
    def _where(self) -> str:
        return f"embedder remote:{self.version}"

    def _post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        host, port = str(self._place.hostname), self._place.port
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        kind = http.client.HTTPSConnection if self._place.scheme == "https" else http.client.HTTPConnection
        connection = kind(host, port, timeout=self._timeout_s)
        try:
            connection.request("POST", f"{self._place.path.rstrip('/')}/embeddings", body, headers)
            answer = connection.getresponse()
            found = answer.read(MOST_ANSWER + 1)
        except (OSError, http.client.HTTPException, ssl.SSLError, ValueError) as error:
            raise Unavailable(f"{self._where}: {type(error).__name__}: {error}") from None
        finally:
            connection.close()
        if len(found) > MOST_ANSWER:
            raise Unavailable(f"{self._where}: answered more than {MOST_ANSWER} bytes")
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, found

    def _vectors(self, body: bytes, n: int) -> list[list[float]]:
        try:
            data = json.loads(body)["data"]
            rows: dict[int, Any] = {
                int(item.get("index", at)): item["embedding"] for at, item in enumerate(data)
            }
            found = [[float(value) for value in rows[at]] for at in range(n)]
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
            told = f"{type(error).__name__}: {error}"
            raise Unavailable(f"{self._where}: the answer is no list of {n} vectors: {told}") from None
        if len(rows) != n:
            raise Unavailable(f"{self._where}: {len(rows)} vectors for {n} texts")
        return found


def _sendable(text: str) -> str:
    """Services refuse the empty text; half a character cannot be sent."""
    return text.encode("utf-8", "replace").decode() or " "


def _seconds(text: str | None) -> float | None:
    try:
        found = float(text) if text else None
    except ValueError:
        return None
    return found if found is not None and 0 <= found < 86_400 else None
