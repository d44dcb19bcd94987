"""The hooks block in Claude Code's settings: made, put in, taken out, and looked at for what would undo it.

Hooks are started without a shell (`args`), by the interpreter that has remit, isolated from the environment: a shell's
start-up file that prints one line would make Claude Code take a refusal for no opinion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit.core.errors import BadInput

HOOK_FILE = Path(__file__).with_name("claude_hook.py")
FLOOR = (2, 1, 330)
"""The oldest Claude Code that these hooks were tested with: an older one may not know `args` or `onFailure`."""
TIMEOUT_S = 330
TOOL_EVENTS = ("PreToolUse", "PostToolUse", "PostToolUseFailure")
EVENTS = (
    *TOOL_EVENTS,
    "PostToolBatch",
    "UserPromptSubmit",
    "SessionStart",
    "SubagentStop",
    "Stop",
    "SessionEnd",
)
NOT_SEEN = (
    "commands that the user runs with a leading !, and those in the text of slash commands and skills",
    "files that the user mentions with @, CLAUDE.md, and MCP resources and prompts that the user picks",
    "tools that the model's provider runs by itself",
    "hooks, status lines, MCP servers and language servers: Claude Code starts them as programs",
    "what a program that Bash started does by itself, now or later",
)
"""What runs in Claude Code, and no hook is asked about."""
_ALL = ("", "*", ".*", None)
_OURS = re.compile(r"""(^|[\\/\s'"])(claude_hook\.py|remit-hook)(['"\s]|$)""")


@dataclass(frozen=True, slots=True)
class SettingsFinding:
    """Something in the settings that weakens the guard."""

    certain: bool
    """Whether calls go past it for sure; else they may."""
    told: str
    remedy: str


def hooks_block(python: str, options: Mapping[str, str], file: str | Path = HOOK_FILE) -> dict[str, Any]:
    """The value of `hooks` with nothing but ours.

    Args:
        python: the interpreter that has remit.
        options: for the hook: `envelope` and `store`, absolute; others with an empty value are switches.
        file: the hook program.

    >>> block = hooks_block("/venv/bin/python", {"envelope": "/p/e.yaml", "store": "sqlite:////p/remit.db"})
    >>> block["PreToolUse"][0]["matcher"], block["PreToolUse"][0]["hooks"][0]["onFailure"]
    ('*', 'block')
    """
    words = [
        word for name, value in options.items() for word in ([f"--{name}", value] if value else [f"--{name}"])
    ]
    hook = {
        "type": "command",
        "command": python,
        "args": ["-I", "-S", "-B", str(file), *words],
        "timeout": TIMEOUT_S,
        "onFailure": "block",
    }
    return {
        event: [{**({"matcher": "*"} if event in TOOL_EVENTS else {}), "hooks": [hook]}] for event in EVENTS
    }


def is_ours(hook: object) -> bool:
    """Whether a single hook is remit's."""
    if not isinstance(hook, Mapping):
        return False
    args = hook.get("args")
    words = [hook.get("command"), *(args if isinstance(args, list) else [])]
    return any(isinstance(word, str) and _OURS.search(word) for word in words)


def without_ours(hooks: Mapping[str, Any]) -> dict[str, Any]:
    """All hooks but ours; what becomes empty by that goes too."""
    left: dict[str, Any] = {}
    for event, groups in hooks.items():
        if not isinstance(groups, list):
            left[event] = groups
            continue
        kept = [one for group in groups if (one := _group_without(group)) is not None]
        if kept or not groups:
            left[event] = kept
    return left


def _group_without(group: Any) -> Any:
    if not isinstance(group, Mapping) or not isinstance(group.get("hooks"), list):
        return group
    kept = [hook for hook in group["hooks"] if not is_ours(hook)]
    if len(kept) == len(group["hooks"]):
        return group
    return {**group, "hooks": kept} if kept else None


def with_ours(hooks: Mapping[str, Any], block: Mapping[str, Any]) -> dict[str, Any]:
    """Ours in the place of an older one of ours, behind all others."""
    merged = without_ours(hooks)
    for event, groups in block.items():
        before = merged.get(event, [])
        if not isinstance(before, list):
            raise BadInput(f"hooks.{event}", f"found {type(before).__name__}", "write a list of hooks")
        merged[event] = [*before, *groups]
    return merged


# ------------------------------------------------------------------------------------------ the file
def installed(text: str, block: Mapping[str, Any], where: str = "settings.json") -> str:
    """Settings with our hooks in them; everything else stays as it is written.

    Args:
        text: of the file; empty where there is none.
        block: of `hooks_block`.
        where: the file's name, for errors.

    Raises:
        BadInput: it is not a JSON object.
    """
    hooks = read(text, where).get("hooks", {})
    merged = with_ours(hooks, block)
    return text if merged == hooks else _with_hooks(text or "{}\n", merged)


def uninstalled(text: str, where: str = "settings.json") -> str:
    """Settings without our hooks."""
    hooks = read(text, where).get("hooks", {})
    left = without_ours(hooks)
    return text if left == hooks else _with_hooks(text, left)


def read(text: str, where: str) -> dict[str, Any]:
    """The settings in a file.

    Raises:
        BadInput: it is not a JSON object, or its `hooks` are not one.
    """
    try:
        settings = json.loads(text or "{}", object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadInput(where, f"not JSON: {error}", "mend it first") from None
    if not isinstance(settings, dict) or not isinstance(settings.get("hooks", {}), dict):
        raise BadInput(where, "found no object of settings", "mend it first")
    return settings


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key that stands twice, Claude Code takes one, and ours may be in the other."""
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a key stands twice in one object")
    return found


def _no_number(word: str) -> float:
    """Claude Code reads nothing at all of a file with such a word, no hooks either."""
    raise ValueError(f"{word} is no JSON")


def _with_hooks(text: str, hooks: Mapping[str, Any]) -> str:
    """The text with another value of the top-level key `hooks`; the rest is copied as it stands."""
    found = re.search(r"\n([ \t]+)\S", text)
    indent = found[1] if found else "  "
    value = _laid_out(hooks, indent, f"\n{indent}")
    members = list(_members(text))
    for at, (name, start, end) in enumerate(members):
        if name == "hooks" and hooks:
            return text[:start] + value + text[end:]
        if name == "hooks" and len(members) == 1:
            return text[: text.index("{") + 1] + text[text.rindex("}") :]
        if name == "hooks":
            before = members[at - 1][2] if at else text.index("{") + 1
            after = text.index(",", end) + 1 if not at and len(members) > 1 else end
            return text[:before] + text[after:]
    if not hooks:
        return text
    last = members[-1][2] if members else text.index("{") + 1
    rest = text[last:] if members else "\n" + text[last:].lstrip()
    return f'{text[:last]}{"," if members else ""}\n{indent}"hooks": {value}{rest}'


def _laid_out(value: Any, indent: str, line: str) -> str:
    """JSON as `json.dumps` indents it, but each of our hooks on one line, so that people see at once what is added."""
    if not isinstance(value, dict | list) or not value or is_ours(value):
        return json.dumps(value, ensure_ascii=False)
    inner = line + indent
    if isinstance(value, list):
        return f"[{inner}{f',{inner}'.join(_laid_out(one, indent, inner) for one in value)}{line}]"
    members = (
        f"{json.dumps(k, ensure_ascii=False)}: {_laid_out(v, indent, inner)}" for k, v in value.items()
    )
    return f"{{{inner}{f',{inner}'.join(members)}{line}}}"


def _members(text: str) -> list[tuple[str, int, int]]:
    """Each top-level member: its name, and where its value begins and ends."""
    decoder, blank = json.JSONDecoder(), re.compile(r"[ \t\r\n]*")
    at, found = blank.match(text, text.index("{") + 1).end(), []  # type: ignore[union-attr]
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        start = blank.match(text, blank.match(text, at).end() + 1).end()  # type: ignore[union-attr]
        _, end = decoder.raw_decode(text, start)
        found.append((name, start, end))
        at = blank.match(text, end).end()  # type: ignore[union-attr]
        if text[at] == ",":
            at = blank.match(text, at + 1).end()  # type: ignore[union-attr]
    return found


# ------------------------------------------------------------------------------------------ looking
def findings(settings: Mapping[str, Any], *, managed: bool = False) -> list[SettingsFinding]:
    """What in one settings file, with our hooks or without, lets calls go past them.

    Args:
        settings: of one file, or merged.
        managed: whether it is the organisation's own file.
    """
    found = []
    hooks = settings.get("hooks") or {}
    ours = {event: _ours_in(hooks.get(event)) for event in EVENTS}
    if settings.get("disableAllHooks") is True:
        found.append(SettingsFinding(True, "disableAllHooks is set: no hook is asked", "take it out"))
    if settings.get("allowManagedHooksOnly") is True and not (managed and ours["PreToolUse"]):
        told = "allowManagedHooksOnly is set: hooks of users and projects are not asked"
        found.append(SettingsFinding(True, told, "put the hooks into the managed settings"))
    if not any(ours.values()):
        return [*found, SettingsFinding(True, "remit's hooks are not there", "remit hooks install")]
    for event in EVENTS:
        found += _of_event(event, ours[event])
    for event in ("PreToolUse", "PostToolUse", "PermissionRequest"):
        found += _of_others(event, hooks.get(event))
    if any((settings.get("enabledPlugins") or {}).values()):
        told = "plugins are enabled: they may bring hooks that change arguments or results, and servers"
        found.append(SettingsFinding(False, told, "look at the hooks of each plugin"))
    return found


def _ours_in(groups: Any) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    listed = groups if isinstance(groups, list) else []
    return [(g, h) for g in listed if isinstance(g, Mapping) for h in g.get("hooks") or [] if is_ours(h)]


def _of_event(
    event: str, ours: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> list[SettingsFinding]:
    again = "remit hooks install"
    if not ours:
        return [SettingsFinding(event == "PreToolUse", f"remit's hook is missing at {event}", again)]
    found = []
    if len(ours) > 1:
        found.append(SettingsFinding(False, f"remit's hook is there twice at {event}", again))
    for group, hook in ours:
        if group.get("matcher") not in _ALL:
            told = f"the matcher {group['matcher']!r} at {event} leaves tools out"
            found.append(SettingsFinding(event in TOOL_EVENTS, told, "write the matcher '*'"))
        if hook.get("onFailure") != "block":
            told = f"onFailure at {event} is not 'block': a hook that fails is passed over"
            found.append(SettingsFinding(False, told, again))
        loose = [key for key in ("async", "asyncRewake", "once", "if") if hook.get(key)]
        told = "at {} lets calls go on without an answer"
        found += [
            SettingsFinding(True, f"{key!r} {told.format(event)}", f"take {key!r} out") for key in loose
        ]
        gone = [path for path in _paths(hook) if not Path(path).exists()]
        found += [
            SettingsFinding(False, f"{p} is not there: {event} is blocked each time", again) for p in gone
        ]
    return found


def _paths(hook: Mapping[str, Any]) -> list[str]:
    """The program and the hook's file, where the hook is started without a shell."""
    words = hook.get("args") if isinstance(hook.get("args"), list) else []
    own = [w for w in words or [] if isinstance(w, str) and w.endswith("claude_hook.py")]
    return [str(hook.get("command")), *own] if own else []


def _of_others(event: str, groups: Any) -> list[SettingsFinding]:
    listed = groups if isinstance(groups, list) else []
    others = [h for g in listed if isinstance(g, Mapping) for h in g.get("hooks") or [] if not is_ours(h)]
    what = {
        "PreToolUse": "may change arguments after remit has judged them",
        "PostToolUse": "may put back a result that remit withheld",
        "PermissionRequest": "answers permission prompts, and may change arguments",
    }[event]
    return [
        SettingsFinding(False, f"another hook at {event} {what}", "look at what it does") for _ in others[:1]
    ]
