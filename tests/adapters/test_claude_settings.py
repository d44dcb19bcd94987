"""The hooks in Claude Code's settings: put in, taken out, and what would undo them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from remit.adapters.claude_settings import EVENTS, HOOK_FILE, findings, hooks_block, installed, uninstalled
from remit.cli.main import main
from remit.core.errors import BadInput

OPTIONS = {"envelope": "/p/remit/envelope.yaml", "store": "sqlite:////p/remit.db"}
BLOCK = hooks_block(sys.executable, OPTIONS)
OTHER = {"type": "command", "command": "./format.sh"}
TEXTS = {
    "no file": "",
    "an empty one": "{}\n",
    "one line": '{"model": "opus"}',
    "other settings": '{\n    "model": "opus",\n    "permissions": {"allow": ["Read"], "deny":[ ]}\n}\n',
    "tabs": '{\n\t"env": {\n\t\t"A": "1"\n\t}\n}\n',
    "other hooks": json.dumps(
        {"hooks": {"PostToolUse": [{"matcher": "Edit", "hooks": [OTHER]}]}, "model": "x"}, indent=2
    ),
    "hooks in the middle": '{\n  "a": 1,\n  "hooks": {"Stop": []},\n  "b":   [1,2]\n}\n',
    "no hooks in hooks": '{"hooks": {}}',
    "words that are no ASCII": '{\n  "statusLine": "grün \\u2713"\n}\n',
}


@pytest.mark.parametrize("text", TEXTS)
def test_what_was_there_stays_as_it_was_written_and_ours_is_added(text):
    before = TEXTS[text]
    after = installed(before, BLOCK)

    was, now = json.loads(before or "{}"), json.loads(after)
    assert {k: v for k, v in now.items() if k != "hooks"} == {k: v for k, v in was.items() if k != "hooks"}
    assert all(BLOCK[event][0] in now["hooks"][event] for event in EVENTS)
    for line in before.splitlines():
        if '"hooks"' not in line and line.strip() not in "{}[]":
            assert line.rstrip(",}") in after
    assert OTHER not in [h for g in was.get("hooks", {}).get("PostToolUse", []) for h in g["hooks"]] or (
        was["hooks"]["PostToolUse"][0] in now["hooks"]["PostToolUse"]
    )


@pytest.mark.parametrize("text", TEXTS)
def test_installed_twice_is_installed_once_and_taken_out_again_leaves_what_was_there(text):
    once = installed(TEXTS[text], BLOCK)

    assert installed(once, BLOCK) == once
    before, left = json.loads(TEXTS[text] or "{}"), json.loads(uninstalled(once))
    assert {**left, "hooks": left.get("hooks", {})} == {
        **before,
        "hooks": before.get("hooks", {}),
    } or text == ("hooks in the middle")


def test_an_older_hook_of_ours_is_replaced():
    older = installed(
        "", hooks_block("/old/python", {**OPTIONS, "store": "sqlite:////old.db"}, "/old/claude_hook.py")
    )

    assert json.loads(installed(older, BLOCK))["hooks"] == BLOCK


def test_without_ours_there_is_nothing_to_take_out():
    assert uninstalled(TEXTS["other hooks"]) == TEXTS["other hooks"]


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": []}', '{"hooks": "x"}', "[" * 100_000])
def test_settings_that_cannot_be_read_are_not_written_over(text):
    with pytest.raises(BadInput):
        installed(text, BLOCK)


def test_settings_with_our_hooks_have_nothing_to_find():
    assert findings({"hooks": BLOCK}) == []


def changed(event: str = "PreToolUse", group: Any = None, **hook: Any) -> dict[str, Any]:
    block = json.loads(json.dumps(BLOCK))
    block[event][0].update(group or {})
    block[event][0]["hooks"][0].update(hook)
    return {"hooks": block}


WEAK = {
    "no hooks": ({}, True, "not there"),
    "all switched off": ({"hooks": BLOCK, "disableAllHooks": True}, True, "disableAllHooks"),
    "only managed ones": ({"hooks": BLOCK, "allowManagedHooksOnly": True}, True, "allowManagedHooksOnly"),
    "a matcher": (changed(group={"matcher": "Bash|Edit"}), True, "leaves tools out"),
    "no onFailure": (changed(onFailure="continue"), False, "passed over"),
    "in the background": (changed(**{"async": True}), True, "without an answer"),
    "a condition": (changed(**{"if": "Bash(git *)"}), True, "without an answer"),
    "once": (changed(once=True), True, "without an answer"),
    "another python": (changed(command="/nowhere/python"), False, "is not there"),
    "one event missing": ({"hooks": {**BLOCK, "PreToolUse": []}}, True, "missing at PreToolUse"),
    "no gate behind": ({"hooks": {**BLOCK, "PostToolBatch": []}}, False, "missing at PostToolBatch"),
    "another that rewrites": (
        {"hooks": {**BLOCK, "PreToolUse": [*BLOCK["PreToolUse"], {"hooks": [OTHER]}]}},
        False,
        "may change arguments",
    ),
    "another behind": (
        {"hooks": {**BLOCK, "PostToolUse": [*BLOCK["PostToolUse"], {"hooks": [OTHER]}]}},
        False,
        "put back",
    ),
    "plugins": ({"hooks": BLOCK, "enabledPlugins": {"x@y": True}}, False, "plugins"),
}


@pytest.mark.parametrize("weak", WEAK)
def test_what_lets_calls_go_past_is_found(weak):
    settings, certain, told = WEAK[weak]

    found = findings(settings)
    assert [one for one in found if told in one.told and one.certain is certain and one.remedy], found


def test_managed_hooks_only_is_fine_where_ours_are_managed():
    assert findings({"hooks": BLOCK, "allowManagedHooksOnly": True}, managed=True) == []


# ------------------------------------------------------------------------------------------ the command
@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "remit").mkdir()
    example = Path(__file__).parents[2] / "examples/envelopes/claude-code.yaml"
    (tmp_path / "remit/envelope.yaml").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_hooks_are_shown_first_and_written_when_told_so(project, capsys):
    place = project / ".claude/settings.json"

    assert main(["hooks", "install"]) == 0
    shown = capsys.readouterr().out
    assert not place.exists() and '+  "hooks": {' in shown
    assert len(shown.splitlines()) < 100

    assert main(["hooks", "install", "--yes"]) == 0
    assert "use --local" in capsys.readouterr().out
    hook = json.loads(place.read_text(encoding="utf-8"))["hooks"]["PreToolUse"][0]["hooks"][0]
    assert hook["command"] == sys.executable and str(HOOK_FILE) in hook["args"]
    assert hook["args"][-4:] == [
        *("--envelope", str(project / "remit/envelope.yaml")),
        *("--store", f"sqlite:///{project / 'remit.db'}"),
    ]
    assert hook["onFailure"] == "block"

    assert main(["hooks", "uninstall", "--yes"]) == 0
    assert json.loads(place.read_text(encoding="utf-8")) == {}
    assert main(["hooks", "uninstall", "--yes"]) == 0
    assert "settings.json has no hooks of remit" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option, place", [("--local", ".claude/settings.local.json"), ("--user", "home/settings.json")]
)
def test_they_may_go_into_other_settings(project, monkeypatch, option, place):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(project / "home"))

    assert main(["hooks", "install", option, "--yes"]) == 0
    assert (project / place).exists()


def test_an_older_claude_code_is_refused(project, capsys):
    old = project / "claude"
    old.write_text("#!/bin/sh\necho '2.0.14 (Claude Code)'\n", encoding="utf-8")
    old.chmod(0o755)

    assert main(["hooks", "install", "--yes"]) == 3
    assert "2.1.330 or later" in capsys.readouterr().err and not (project / ".claude").exists()


def test_a_short_lease_is_told(project, capsys):
    envelope = project / "remit/envelope.yaml"
    envelope.write_text(
        envelope.read_text(encoding="utf-8").replace("lease: 1h", "lease: 60s"), encoding="utf-8"
    )

    main(["hooks", "install"])
    assert "breaker.lease is 60 s" in capsys.readouterr().err


def test_a_store_in_memory_is_refused(project, capsys):
    assert main(["hooks", "install", "--store", "memory:"]) == 3


def test_without_a_daemon_the_status_says_so(project, capsys):
    (project / ".git").mkdir()

    assert main(["--json", "hooks", "status"]) == 0
    assert json.loads(capsys.readouterr().out) == {"serving": False}


def test_the_daemon_takes_no_setting_from_a_file_that_agents_write_to(project, capsys):
    from remit.cli.hooks import daemon_settings

    (project / "pyproject.toml").write_text(
        "[tool.remit]\nwebhook_url = 'https://evil.example/'\n", encoding="utf-8"
    )
    assert daemon_settings(project / "remit/envelope.yaml").webhook_url == ""
    assert main(["hooks", "install"]) == 0
    assert "put webhook_url into" in capsys.readouterr().err

    (project / "remit.toml").write_text("webhook_url = 'https://hooks.example/'\n", encoding="utf-8")
    assert daemon_settings(project / "remit/envelope.yaml").webhook_url == "https://hooks.example/"


DOUBTFUL = {
    "hooks twice": '{"hooks": {}, "hooks": {}}',
    "an event twice": '{"hooks": {"PreToolUse": [], "PreToolUse": []}}',
    "a number that is none": '{"a": NaN}',
    "a comment": '{"a": 1} // really',
}


@pytest.mark.parametrize("text", DOUBTFUL)
def test_settings_that_claude_code_reads_otherwise_are_refused(text):
    with pytest.raises(BadInput):
        installed(DOUBTFUL[text], BLOCK)


BYTES = {
    **{name: text for name, text in TEXTS.items() if "no hooks in" not in name and "middle" not in name},
    "other line ends": '{\r\n  "model": "opus"\r\n}\r\n',
}


@pytest.mark.parametrize("text", BYTES)
def test_taken_out_again_the_file_is_byte_for_byte_what_it_was(project, text):
    place = project / ".claude/settings.json"
    place.parent.mkdir()
    place.write_bytes(BYTES[text].encode())

    assert main(["hooks", "install", "--yes"]) == 0
    assert main(["hooks", "install", "--yes"]) == 0
    assert main(["hooks", "uninstall", "--yes"]) == 0
    assert place.read_bytes() == (BYTES[text] or "{}\n").encode()
