"""The real command line of Claude Code, driven by a scripted Messages API on loopback."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.cli.main import main

SRC = Path(__file__).parents[2] / "src"
EXAMPLE = Path(__file__).parents[2] / "examples/envelopes/claude-code.yaml"
HANGS_S = 600
"""Only against hanging."""
Block = dict[str, Any]


def said(text: str) -> Block:
    return {"type": "text", "text": text}


def thought(text: str) -> Block:
    return {"type": "thinking", "thinking": text}


def use(tool: str, call: str, **args: Any) -> Block:
    return {"type": "tool_use", "id": call, "name": tool, "input": args}


class Api:
    """A model that says its lines: the n-th answer to a conversation with n assistant turns."""

    def __init__(self, turns: Sequence[Sequence[Block]], subagent: Sequence[Sequence[Block]] = ()) -> None:
        self.turns, self.subagent = turns, subagent
        self.requests: list[Any] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self._give(api.answer(body), stream=bool(body.get("stream")))

            def _give(self, message: Any, *, stream: bool) -> None:
                data = b"".join(_events(message)) if stream else json.dumps(message).encode()
                self.send_response(200)
                self.send_header("content-type", "text/event-stream" if stream else "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, body: Any) -> Any:
        blocks: Sequence[Block] = [said("ok")]
        if body.get("tools"):
            self.requests.append(body)
            mine = (
                self.subagent
                if self.subagent and "SUBTASK" in json.dumps(body["messages"][:2])
                else self.turns
            )
            mine = self.turns if "MAIN" in json.dumps(body["messages"]) else mine
            spoken = sum(message["role"] == "assistant" for message in body["messages"])
            blocks = mine[min(spoken, len(mine) - 1)]
        stop = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
        return {
            "id": f"msg_{len(self.requests)}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "m"),
            "content": list(blocks),
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 5, "output_tokens": 5},
        }

    def results(self) -> dict[str, str]:
        """What the model read as results, by call id."""
        found = {}
        for body in self.requests:
            for message in body["messages"]:
                blocks = message["content"] if isinstance(message["content"], list) else []
                for block in blocks:
                    if block["type"] == "tool_result":
                        found[block["tool_use_id"]] = json.dumps(block["content"], ensure_ascii=False)
        return found

    def everything_read(self) -> str:
        """All that was sent to the model."""
        return json.dumps([body["messages"] for body in self.requests])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _events(message: Any) -> list[bytes]:
    start = {**message, "content": [], "stop_reason": None}
    found: list[tuple[str, Any]] = [("message_start", {"message": start})]
    for index, block in enumerate(message["content"]):
        begun = {**block, "input": {}} if block["type"] == "tool_use" else _empty(block)
        found.append(("content_block_start", {"index": index, "content_block": begun}))
        found += [("content_block_delta", {"index": index, "delta": delta}) for delta in _deltas(block)]
        found.append(("content_block_stop", {"index": index}))
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    found.append(("message_delta", {"delta": ended, "usage": {"output_tokens": 9}}))
    found.append(("message_stop", {}))
    return [f"event: {name}\ndata: {json.dumps({'type': name, **body})}\n\n".encode() for name, body in found]


def _empty(block: Block) -> Block:
    return (
        {"type": "text", "text": ""}
        if block["type"] == "text"
        else {"type": "thinking", "thinking": "", "signature": ""}
    )


def _deltas(block: Block) -> list[Any]:
    if block["type"] == "tool_use":  # in two pieces, as a stream comes
        whole = json.dumps(block["input"])
        return [{"type": "input_json_delta", "partial_json": part} for part in (whole[:7], whole[7:])]
    if block["type"] == "thinking":
        signed = {"type": "signature_delta", "signature": "c2ln"}
        return [{"type": "thinking_delta", "thinking": block["thinking"]}, signed]
    return [{"type": "text_delta", "text": block["text"]}]


def claude_program() -> Path:
    """The real command line, or a skip by name."""
    sdk = pytest.importorskip("claude_agent_sdk", reason="claude-agent-sdk is not installed")
    program = Path(sdk.__file__).parent / "_bundled/claude"
    if not program.exists():
        pytest.skip("this build of claude-agent-sdk brings no Claude Code")
    return program


@dataclass
class Ran:
    """One run of Claude Code."""

    told: dict[str, Any]
    stderr: str
    code: int


@dataclass
class Desk:
    """A project with hooks, and a home of its own."""

    home: Path
    store: str
    sockets: Path
    env: dict[str, str] = field(default_factory=lambda: {"REMIT_APPROVAL_WAIT_S": "0"})

    @property
    def project(self) -> Path:
        return self.home / "project"

    @property
    def envelope(self) -> Path:
        return self.project / "remit/envelope.yaml"

    def write(self, text: str) -> None:
        self.envelope.parent.mkdir(parents=True, exist_ok=True)
        self.envelope.write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "REMIT_HOME") if name in os.environ}
        return {**kept, "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.sockets), **self.env}

    def remit(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command line, in the project."""
        code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from remit.cli.main import run; run()"
        return subprocess.run(
            [sys.executable, "-c", code, str(SRC), *words],
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=HANGS_S,
            check=False,
        )

    def install(self, *words: str) -> None:
        """Write the hooks, and make a store that takes answers without a key."""
        with remit.open(self.envelope, self.store, single_operator=True):
            pass
        assert self._here("install", "--project", str(self.project), "--yes", *words) == 0

    def claude(
        self, api: Api, *words: str, prompt: str = "MAIN: please", allow: Sequence[str] = ("Bash",)
    ) -> Ran:
        """Run Claude Code with one prompt, until it ends."""
        allowed = ["--allowedTools", *allow] if allow else []
        done = subprocess.run(
            [str(claude_program()), "-p", prompt, "--output-format", "json", *allowed, *words],
            cwd=self.project,
            env=self.claude_environment(api),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HANGS_S,
            check=False,
        )
        told = json.loads(done.stdout) if done.stdout.startswith("{") else {"result": done.stdout}
        return Ran(told, done.stderr, done.returncode)

    def claude_at_a_terminal(self, api: Api, prompt: str, ended: Callable[[], bool]) -> None:
        """Run Claude Code as a person does, and type one prompt; it is ended when *ended*."""
        config = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": ["dummy"], "rejected": []},
            "projects": {
                str(self.project): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
            },
        }
        folder = self.home / ".claude"
        folder.mkdir(exist_ok=True)
        (folder / ".claude.json").write_text(json.dumps(config), encoding="utf-8")
        env = {**self.claude_environment(api), "TERM": "xterm-256color", "CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}
        program, terminal, ours = str(claude_program()), *os.openpty()
        words = [program, "--allowedTools", "Bash"]
        standard = {"stdin": ours, "stdout": ours, "stderr": ours}
        process = subprocess.Popen(words, cwd=self.project, env=env, start_new_session=True, **standard)
        os.close(ours)
        typed, ends, shown = 0.0, time.monotonic() + HANGS_S, b""
        try:
            while not ended() and time.monotonic() < ends:
                if select.select([terminal], [], [], 0.2)[0]:
                    shown += os.read(terminal, 1 << 16)
                if "❯".encode() in shown and not api.requests and time.monotonic() - typed > 5:
                    os.write(terminal, b"\x15" + prompt.encode())
                    time.sleep(0.5)
                    os.write(terminal, b"\r")
                    typed = time.monotonic()
        finally:
            process.kill()
            process.wait()
            os.close(terminal)

    def claude_environment(self, api: Api) -> dict[str, str]:
        """No network but loopback, and nothing of this machine's user."""
        return {
            **self.environment(),
            "ANTHROPIC_BASE_URL": api.url,
            "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
        }

    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.project / ".claude/settings.json").read_text(encoding="utf-8")
        )
        return found

    def change_hooks(self, change: Mapping[str, Any], *, event: str = "") -> None:
        """Change each of our hooks, or those of one event."""
        settings = self.settings()
        for name, groups in settings["hooks"].items():
            for group in groups:
                for hook in group["hooks"]:
                    if not event or name == event:
                        hook.update(change)
        (self.project / ".claude/settings.json").write_text(json.dumps(settings), encoding="utf-8")

    def events(self) -> list[Any]:
        """What the journal has, in order."""
        from remit.settings import load_settings
        from remit.wiring import open_store

        store = open_store(self.store, load_settings(), create=False)
        try:
            return [stored.event for stored in store.events()]
        finally:
            store.close()

    def kinds(self, kind: str) -> list[Any]:
        return [event for event in self.events() if event.kind == kind]

    def stop(self) -> None:
        if self.envelope.exists():
            self._here("stop")

    def _here(self, command: str, *words: str) -> int:
        """`remit hooks` in this process, which is much cheaper than in one of its own."""
        place = ["--envelope", str(self.envelope), "--store", self.store]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(self.sockets))
            return main(["hooks", command, *place, *words])


def desk_in(folder: Path, sockets: Path) -> Desk:
    home = folder / "h"
    (home / "project").mkdir(parents=True)
    return Desk(home, f"sqlite:///{home}/remit.db", sockets)
