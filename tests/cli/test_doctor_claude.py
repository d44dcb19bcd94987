"""The canaries of the Claude Code hook hold with the real one, fail with broken ones, and the settings are looked at."""

from __future__ import annotations

import json
import os
import sys

import pytest

pytest.importorskip("fcntl", reason="remit's hooks need Linux or macOS")

from remit.adapters.claude_settings import hooks_block
from remit.cli.canaries_claude import HOOK, canaries

ALLOWED, REFUSED, UNRECORDED, NONSENSE, ENDED, UNREACHABLE = (
    "claude-code: an allowed call goes on",
    "claude-code: a refused call is blocked, in one document",
    "claude-code: a call that cannot be recorded is blocked",
    "claude-code: a daemon that answers nonsense blocks",
    "claude-code: a hook that is ended while it waits blocks",
    "claude-code: a daemon that cannot be reached blocks",
)


def found(hook=HOOK):
    return {check.name: check for check in canaries(hook)}


def failed(hook):
    return {name for name, check in found(hook).items() if not check.ok}


def test_with_the_real_hook_and_daemon_every_canary_holds():
    checks = found()

    assert list(checks) == [ALLOWED, REFUSED, UNRECORDED, NONSENSE, ENDED, UNREACHABLE]
    assert not [check for check in checks.values() if not check.ok]


AROUND = """
import subprocess, sys
done = subprocess.run({hook!r} + sys.argv[1:], stdin=sys.stdin, capture_output=True, text=True)
code, out = done.returncode, done.stdout
{then}
sys.stdout.write(out)
sys.exit(code)
"""


@pytest.fixture
def around(tmp_path):
    """The real hook with something around it that breaks it."""

    def make(then):
        (tmp_path / "hook.py").write_text(AROUND.format(hook=list(HOOK), then=then))
        return [sys.executable, str(tmp_path / "hook.py")]

    return make


def test_a_stray_line_beside_the_refusal_fails(around):
    assert REFUSED in failed(around("out = 'loading…\\n' + out if 'deny' in out else out"))


def test_a_stray_line_beside_an_exit_code_of_0_lets_the_call_run_and_is_told(around):
    checks = found(around("out = out + 'done\\n' if code else out; code = 0"))

    assert "not one JSON document" in checks[REFUSED].told


def test_a_hook_that_says_nothing_proves_nothing_and_fails(around):
    assert failed(around("code, out = 0, ''")) >= {ALLOWED}


def test_a_hook_that_fails_with_another_code_fails(around):
    assert failed(around("code = 1 if code and not out else code")) == {NONSENSE, ENDED, UNREACHABLE}


def test_a_hook_that_lets_go_on_what_nobody_decided_fails(around):
    go_on = json.dumps({"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "allow"}})
    wrong = failed(around(f"code, out = (0, {go_on!r}) if code and not out else (code, out)"))

    assert wrong >= {NONSENSE, UNREACHABLE}
    assert REFUSED not in wrong


def test_a_hook_that_is_ended_by_a_signal_and_does_not_say_2_fails(tmp_path):
    (tmp_path / "hook.py").write_text(
        "import os, signal, sys, subprocess\n"
        f"child = subprocess.Popen({list(HOOK)!r} + sys.argv[1:])\n"
        "signal.signal(signal.SIGTERM, lambda *_: (child.kill(), os._exit(143)))\n"
        "sys.exit(child.wait())\n"
    )

    assert failed([sys.executable, str(tmp_path / "hook.py")]) == {ENDED}


# ---------------------------------------------------------------------------------------------- settings
@pytest.fixture
def project(tmp_path, monkeypatch, place):
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.setattr("remit.cli.canaries_claude.canaries", lambda: iter(()))
    return tmp_path


def block():
    return hooks_block(sys.executable, {"envelope": "/e.yaml", "store": "sqlite:////r.db"})


def write(project, name, **settings):
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings))


def told(line, *names):
    return [check for check in line.told["checks"] if check["name"] in names]


def test_hooks_that_are_installed_are_found_and_nothing_is_wrong(run, project):
    write(project, ".claude/settings.json", hooks=block())

    line = run("doctor", "--json")

    assert line.code == 0
    assert [check["ok"] for check in told(line, "claude-code: hooks")] == [True]
    assert not told(line, "claude-code: settings")
    assert "leading !" in told(line, "claude-code: not governed")[0]["told"]


def test_hooks_that_are_nowhere_are_missed_where_claude_code_is_asked_for(run, project):
    line = run("doctor", "--adapter", "claude-code", "--json")

    (found,) = told(line, "claude-code: hooks")
    assert (found["ok"], found["remedy"], line.code) == (False, "remit hooks install", 0)


@pytest.mark.parametrize(
    ("file", "settings", "word"),
    [
        (".claude/settings.local.json", {"disableAllHooks": True}, "disableAllHooks"),
        ("nobody/.claude/settings.json", {"disableAllHooks": True}, "disableAllHooks"),
        ("nobody/.claude/settings.json", {"allowManagedHooksOnly": True}, "allowManagedHooksOnly"),
    ],
)
def test_what_undoes_the_hooks_in_another_file_fails(run, project, file, settings, word):
    write(project, ".claude/settings.json", hooks=block())
    write(project, file, **settings)

    line = run("doctor", "--json")

    assert line.code == 1
    (found,) = told(line, "claude-code: settings")
    assert word in found["told"]
    assert file.rpartition("/")[2] in found["told"]


def test_a_matcher_that_leaves_tools_out_fails_and_a_hook_that_may_fail_open_is_pointed_out(run, project):
    hooks = block()
    hooks["PreToolUse"][0]["matcher"] = "Bash"
    hooks["PostToolUse"][0]["hooks"] = [{**hooks["PostToolUse"][0]["hooks"][0], "onFailure": "allow"}]
    write(project, ".claude/settings.json", hooks=hooks)

    line = run("doctor", "--json")

    assert line.code == 1
    found = {
        check["told"].partition(": ")[2]: check["level"] for check in told(line, "claude-code: settings")
    }
    assert any("matcher 'Bash'" in one and level == "fail" for one, level in found.items())
    assert any("onFailure" in one and level == "warn" for one, level in found.items())


def test_hooks_in_two_files_are_pointed_out(run, project):
    write(project, ".claude/settings.json", hooks=block())
    write(project, ".claude/settings.local.json", hooks=block())

    found = told(run("doctor", "--json"), "claude-code: hooks")

    assert [check["ok"] for check in found] == [True, False]
    assert "more than one file" in found[1]["told"]


def test_settings_that_cannot_be_read_fail(run, project):
    write(project, ".claude/settings.json", hooks=block())
    (project / ".claude/settings.local.json").write_text("{")

    line = run("doctor", "--json")

    assert line.code == 1
    assert "settings.local.json" in told(line, "claude-code: settings")[0]["told"]


def test_the_version_of_a_claude_on_the_path_is_told(run, project, monkeypatch):
    program = project / "bin/claude"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '2.1.330 (Claude Code)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    write(project, ".claude/settings.json", hooks=block())

    (found,) = told(run("doctor", "--json"), "claude-code: program")

    assert "2.1.330" in found["told"]
