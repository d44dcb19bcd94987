"""The remote embedder against a server of its own on this machine."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from remit.core.errors import BadInput, Unavailable
from remit.usecases.embedding import remote as remote_module
from remit.usecases.embedding.remote import KEY, RemoteEmbedder, remote_named


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.answer: Any = None
        self.status = 200
        self.extra: dict[str, str] = {}
        self.wait_s = 0.0
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        self.server.over.wait(self.server.wait_s)
        rows = [{"index": at, "embedding": [float(len(text)), 1.0]} for at, text in enumerate(body["input"])]
        answer = {"data": rows[::-1]} if self.server.answer is None else self.server.answer
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(self.server.status)
        for name, value in {"Content-Length": str(len(data)), **self.server.extra}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # who asked may have gone
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.over.set()
        made.shutdown()
        thread.join()


def named(text: str, **environ: str) -> RemoteEmbedder:
    return remote_named(text, environ, "--embedder")


def test_it_asks_as_openais_clients_do_and_puts_the_answers_in_order(server: Server) -> None:
    found = named(f"{server.url}#small", **{KEY: "secret"}).embed(["a", "", "ccc"])

    assert found == [[1.0, 1.0], [1.0, 1.0], [3.0, 1.0]]
    ((path, headers, body),) = server.asked
    assert path == "/v1/embeddings"
    assert headers["Authorization"] == "Bearer secret"
    assert body == {"model": "small", "input": ["a", " ", "ccc"], "encoding_format": "float"}


def test_many_texts_go_in_batches(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "BATCH", 2)

    assert len(named(f"{server.url}#m").embed(list("abcde"))) == 5
    assert [len(body["input"]) for _, _, body in server.asked] == [2, 2, 1]
    assert "Authorization" not in server.asked[0][1]


def test_another_key_may_be_named(server: Server) -> None:
    named(f"{server.url}#m;key=OTHER", **{KEY: "no", "OTHER": "yes"}).embed(["a"])

    assert server.asked[0][1]["Authorization"] == "Bearer yes"
    with pytest.raises(BadInput, match="OTHER is not set"):
        named(f"{server.url}#m;key=OTHER")


def test_its_version_tells_services_and_models_apart_and_no_key(server: Server) -> None:
    one, other = named("https://a.example/v1/#m", **{KEY: "secret"}), named("https://b.example/v1#m")

    assert (one.version, other.version) == ("a.example/v1#m", "b.example/v1#m")
    assert "secret" not in repr(one)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://a.example/v1", "write remote:https://HOST/v1#MODEL"),
        ("https://a.example/v1#", "write remote:https://HOST/v1#MODEL"),
        ("ftp://a.example/v1#m", "write remote:https://HOST/v1#MODEL"),
        ("a.example#m", "write remote:https://HOST/v1#MODEL"),
        ("https://user:pw@a.example/v1#m", "holds a user, a password or a query"),
        ("https://a.example/v1?key=1#m", "holds a user, a password or a query"),
        ("http://a.example/v1#m", "over plain HTTP would show texts and key to everybody; write https"),
        ("http://localhost.evil.example/v1#m", "write https"),
        ("https://a.example:99999/v1#m", "Port out of range"),
        ("https://[::1/v1#m", "Invalid IPv6"),
        ("https://a.example/v1#m;kee=A", "behind the model"),
        ("https://a.example/v1#m;key=A B", "behind the model"),
    ],
)
def test_an_address_of_another_form_is_refused(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=f"--embedder: .*{told}"):
        named(text)


def test_a_key_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(BadInput, match=f"{KEY}: holds a character"):
        named("https://a.example/v1#m", **{KEY: "a\nX-Other: b"})


@pytest.mark.parametrize(
    "answer",
    [
        b"no json",
        {"data": []},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]},
        {"data": [{"index": 5, "embedding": [1.0]}]},
        {"data": [{"index": 0}]},
        {"data": [{"index": 0, "embedding": "abc"}]},
        {"data": [{"index": 0, "embedding": None}]},
        {"data": {"a": 1}},
        [1],
        {"error": {"message": "no"}},
        b"[" * 100_000,
    ],
)
def test_an_answer_of_another_form_is_told_with_its_place(server: Server, answer: Any) -> None:
    server.answer = answer

    with pytest.raises(Unavailable, match=r"embedder remote:127\.0\.0\.1:\d+/v1#m: "):
        named(f"{server.url}#m").embed(["a"])


def test_a_service_that_says_no_is_told_and_the_key_is_not(server: Server) -> None:
    server.status, server.extra, server.answer = 429, {"Retry-After": "7"}, b"slow down, holder of secret"

    with pytest.raises(Unavailable, match="answered 429: slow down, holder of …") as caught:
        named(f"{server.url}#m", **{KEY: "secret"}).embed(["a"])
    assert caught.value.retry_after_s == 7.0


def test_redirects_are_not_followed(server: Server) -> None:
    server.status, server.extra = 307, {"Location": server.url + "/elsewhere"}

    with pytest.raises(Unavailable, match="answered 307"):
        named(f"{server.url}#m").embed(["a"])
    assert len(server.asked) == 1


def test_a_service_that_does_not_answer_in_time_or_is_not_there_is_unavailable(server: Server) -> None:
    server.wait_s = 600.0
    slow = named(f"{server.url}#m")
    slow._timeout_s = 0.1

    with pytest.raises(Unavailable, match="TimeoutError"):
        slow.embed(["a"])
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        named("http://127.0.0.1:1/v1#m").embed(["a"])


def test_an_answer_without_end_is_cut(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "MOST_ANSWER", 1000)
    server.answer = b" " * 5000

    with pytest.raises(Unavailable, match="more than 1000 bytes"):
        named(f"{server.url}#m").embed(["a"])
