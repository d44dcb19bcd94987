"""Exit codes, `--json` anywhere, and hostile input through the doors that read files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.cli import main as main_module
from remit.cli.output import safe
from remit.core.errors import BadInput, Refused, Unavailable

Remit = Callable[..., Any]
Written = Callable[..., Path]

OBEYED = ["\x1b", "\x9b", "\x07", "\x7f", "\u202e", "\u200b"]


def test_help_lists_every_command_and_loads_none(remit: Remit) -> None:
    ran = remit("--help")

    assert ran.code == 0
    assert all(f"  {name} " in ran.out for name in main_module.COMMANDS)


def test_the_version_is_one_line(remit: Remit) -> None:
    assert remit("--version").out.startswith("remit, version ")


def test_no_command_shows_the_help_as_a_usage_error(remit: Remit) -> None:
    ran = remit()

    assert ran.code == 2
    assert "Commands:" in ran.out + ran.err


def test_an_unknown_command_names_the_near_one(remit: Remit) -> None:
    ran = remit("chek")

    assert ran.code == 2
    assert "No such command 'chek'. Did you mean 'check'?" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("args", [("--json", "chek"), ("chek", "--json")])
def test_json_may_stand_before_or_after_the_command(remit: Remit, args: tuple[str, ...]) -> None:
    told = {"kind": "usage", "message": "No such command 'chek'. Did you mean 'check'?"}

    assert remit(*args).object == {"error": told, "exit_code": 2}


def test_json_is_off_again_in_the_next_run(remit: Remit) -> None:
    remit("chek", "--json")

    assert remit("chek").out == ""


@pytest.mark.parametrize(
    "args",
    [
        ("check",),
        ("check", "--bogus"),
        ("check", "--envelope", "a", "--calls", "b", "--fail-on", "sometimes"),
        ("replay",),
        ("replay", "policy"),
        ("replay", "policy", "--envelope", "a", "--sessions", "b", "--jobs", "0"),
        ("replay", "policy", "--envelope", "a", "--sessions", "b", "--where", "nokey"),
        ("envelope", "lint"),
        ("envelope", "bogus"),
        ("readiness", "--sessions", "x"),
    ],
)
def test_wrong_usage_is_exit_2(remit: Remit, args: tuple[str, ...], examples: Path) -> None:
    spelled = [str(examples / "refund.yaml") if arg == "a" else arg for arg in args]

    assert remit(*spelled).code == 2


@pytest.mark.parametrize(
    "args",
    [
        ("check", "--envelope", "nowhere.yaml", "--calls", "nowhere.jsonl"),
        ("replay", "policy", "--envelope", "nowhere.yaml", "--sessions", "nowhere.jsonl"),
        ("envelope", "lint", "nowhere.yaml"),
        ("envelope", "test", "nowhere.yaml"),
        ("readiness", "--store", "sqlite:///nowhere/remit.db"),
        ("init", "nowhere"),
    ],
)
def test_what_is_not_there_is_exit_3(remit: Remit, args: tuple[str, ...]) -> None:
    ran = remit(*args)

    assert ran.code == 3
    assert ran.err.startswith("remit: nowhere")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (BadInput("here", "wrong"), 3, "bad-input"),
        (Unavailable("down"), 3, "unavailable"),
        (Refused("no"), 1, "refused"),
        (ZeroDivisionError("oops"), 5, "internal"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    remit: Remit, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, kind: str
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.delenv("REMIT_DEBUG", raising=False)
    monkeypatch.setattr("remit.cli.envelope.read_text", fail)
    ran = remit("envelope", "lint", "x", "--json")

    assert ran.code == code
    assert ran.object["error"]["kind"] == kind
    assert ran.object["exit_code"] == code


def test_an_internal_error_shows_its_trace_on_request(remit: Remit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setenv("REMIT_DEBUG", "1")
    monkeypatch.setattr("remit.cli.envelope.read_text", fail)
    with pytest.raises(ZeroDivisionError):
        remit("envelope", "lint", "x")


def test_an_interrupt_ends_as_shells_expect(remit: Remit, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("remit.cli.envelope.read_text", interrupt)

    assert remit("envelope", "lint", "x").code == 130


def test_a_reader_that_goes_away_is_no_error(examples: Path, written: Written) -> None:
    calls = written("calls.jsonl", [{"tool": "x", "args": {}}] * 20_000)
    command = [
        sys.executable,
        "-m",
        "remit.cli.main",
        "check",
        "--envelope",
        examples / "refund.yaml",
        "--calls",
        calls,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        code = process.wait(300)

    assert (code, told) == (0, b"")


def test_the_command_line_starts_without_development_packages() -> None:
    """`click` comes with import-linter only; typer brings its own."""
    code = (
        "import sys; sys.modules['click'] = None; from remit.cli.main import main; sys.exit(main(['chek']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})

    assert ran.returncode == 2, ran.stderr


def test_text_for_terminals_shows_what_it_does_not_send() -> None:
    assert safe("a\x1b[31mb\u202ec\nd") == "a\\x1b[31mb\\u202ec\nd"
    assert safe("x" * 3000)[-1] == "…"


HOSTILE = "".join(OBEYED) + "]0;owned\x07[31m"


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("command", ["check", "replay", "readiness", "init", "usage", "missing", "lint"])
def test_hostile_text_never_reaches_the_terminal_raw(
    remit: Remit, written: Written, examples: Path, command: str, as_json: bool
) -> None:
    call = {"name": f"tool{HOSTILE}", "args": {"key": HOSTILE, "order_id": HOSTILE}}
    listed = call | {"name": "get_order"}
    session = {
        "session_id": f"s{HOSTILE}",
        "suite": f"x{HOSTILE}",
        "steps": [{"role": "assistant", "content": HOSTILE, "tool_calls": [call, listed]}],
    }
    calls = [{"tool": one["name"], "args": one["args"]} for one in (call, listed)]
    envelope = examples / "refund.yaml"
    sessions = written("sessions.jsonl", [session])
    args: list[Any] = {
        "check": ["check", "--envelope", envelope, "--calls", written("calls.jsonl", calls)],
        "replay": ["replay", "policy", "--envelope", envelope, "--sessions", sessions],
        "readiness": ["readiness", "--envelope", envelope, "--sessions", sessions],
        "init": [
            "init",
            sessions.parent,
            "--tools",
            written("tools.json", json.dumps([call | {"description": HOSTILE}, {"name": "ok"}])),
        ],
        "usage": [f"--{HOSTILE}"],
        "missing": ["envelope", "lint", f"/nowhere/{HOSTILE}"],
        "lint": [
            "envelope",
            "lint",
            written("bad.yaml", f"kind: 'a{HOSTILE[1:2]}'\n\"b{chr(0x202E)}\": 1\n"),
        ],
    }[command]
    ran = remit(*args, *(["--json"] if as_json else []))

    assert not [char for char in OBEYED if char in ran.out + ran.err]
    assert ran.code in (0, 1, 2, 3)


DEEP = "[" * 10_000 + "]" * 10_000
BAD_CALLS = {
    "deep": '{"tool": "get_order", "args": {"order_id": ' + DEEP + "}}",
    "rather deep": '{"tool": "get_order", "args": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
    "a NaN": '{"tool": "get_order", "args": {"order_id": NaN}}',
    "a key twice": '{"tool": "get_order", "args": {"order_id": "O-1", "order_id": "O-2"}}',
    "10 MB": '{"tool": "get_order", "args": {"order_id": "' + "x" * 10_000_000 + '"}}',
    "a huge number": '{"tool": "get_order", "args": {"order_id": ' + "9" * 5_000 + "}}",
    "a lone surrogate": '{"tool": "get_order", "args": {"order_id": "\\ud800"}}',
    "cut off": '{"tool": "get_order", "args": {"ord',
    "no object": "[1, 2]",
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_check_denies_a_hostile_line_and_goes_on(
    remit: Remit, written: Written, examples: Path, name: str
) -> None:
    fine = '{"tool": "nope", "args": {}}'
    calls = written("calls.jsonl", f"{BAD_CALLS[name]}\n{fine}\n")
    ran = remit("check", "--envelope", examples / "refund.yaml", "--calls", calls, "--json")

    assert ran.code == 0
    assert [line["result"] for line in ran.lines] == ["deny", "deny"]
    assert ran.lines[1]["clauses"] == ["unlisted"]


JUDGED = {
    "rather deep": "get_order.canonical",
    "10 MB": "get_order.canonical",
    "a key twice": "get_order.session",
}
"""What replay reads all the same, and the clause that then denies; all else is no session."""


@pytest.mark.parametrize("name", BAD_CALLS)
def test_replay_denies_a_hostile_call_or_names_the_line(
    remit: Remit, written: Written, examples: Path, name: str
) -> None:
    call = BAD_CALLS[name].replace('"tool"', '"name"')
    line = (
        '{"session_id": "s", "steps": [{"role": "assistant", "tool_calls": ['
        + call
        + ']}, {"role": "tool", "content": "x"}]}'
    )
    sessions = written("sessions.jsonl", f"\n{line}\n")
    ran = remit("replay", "policy", "--envelope", examples / "refund.yaml", "--sessions", sessions, "--json")

    if name in JUDGED:
        assert ran.code == 0
        assert JUDGED[name] in ran.lines[0]["decisions"][0]["clauses"]
    else:
        assert ran.code == 3
        assert ran.object["error"]["message"].startswith(f"{sessions}:2: ")
