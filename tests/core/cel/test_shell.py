"""Shell conditions, compared with what bash itself hands to a program."""

from __future__ import annotations

import json
import shlex
import shutil
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.cel import STRING, ConditionError, ListOf, compile_condition, record
from remit.core.cel.functions.shell import MAX_TEXT, shell_argv

BASH = shutil.which("bash")
SAFE = string.ascii_letters + string.digits + "_./:,+@%-"
PIECES = st.sampled_from(
    [
        "ls",
        " ",
        "'",
        '"',
        "\\",
        "$",
        "`",
        ";",
        "|",
        "&",
        ">",
        "<",
        "a",
        "=",
        "#",
        "(",
        ")",
        "{",
        "}",
        "*",
        "é",
        "\n",
        "!",
        "-x",
        "''",
    ]
)


def accepted(*names: str) -> list[str]:
    lines = [
        json.loads(line)
        for name in names
        for line in (Path(__file__).parent / "corpus" / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]
    return [line["input"] for line in lines if _argv(line["input"]) is not None]


def _argv(text: str) -> list[str] | None:
    try:
        return shell_argv(text)
    except ConditionError:
        return None


def in_bash(text: str) -> list[str]:
    """Return the words that bash would hand to the program, by running a function in the program's place."""
    assert BASH is not None
    first = text.split(maxsplit=1)[0]
    script = "show() { printf '%s\\0' \"$@\"; }; show " + text.lstrip()
    assert first
    done = subprocess.run(
        [BASH, "--norc", "-c", script], capture_output=True, check=True, timeout=10, cwd="/"
    )
    return done.stdout.decode("utf-8").split("\0")[:-1]


@pytest.mark.skipif(BASH is None, reason="no bash here")
@pytest.mark.parametrize("text", accepted("shell", "shell_options"))
def test_bash_finds_the_same_words(text):
    assert in_bash(text) == shell_argv(text)


@pytest.mark.skipif(BASH is None, reason="no bash here")
@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=10).map(lambda parts: "ls " + "".join(parts)))
def test_bash_finds_the_same_words_in_generated_text(text):
    argv = _argv(text)
    if argv is not None:
        assert in_bash(text) == argv


@given(
    st.lists(
        st.text(alphabet=SAFE, min_size=1, max_size=8).filter(lambda word: word[0] not in "=#"), max_size=6
    )
)
def test_joined_words_come_back(words):
    assert shell_argv(shlex.join(["ls", *words])) == ["ls", *words]


@given(st.lists(st.text(alphabet=SAFE + " ;|&<>$`*?[]{}()!~#\\é山", max_size=8), max_size=4))
def test_quoted_words_come_back(words):
    quoted = " ".join("'" + word + "'" for word in words)

    assert shell_argv(f"ls {quoted}") == ["ls", *words]


@settings(max_examples=300, deadline=60_000)  # only a reading that does not end takes so long
@given(st.text(max_size=60) | st.lists(PIECES, max_size=15).map("".join))
def test_any_text_gives_words_or_a_refusal(text):
    argv = _argv(text)

    assert argv is None or (argv and all(isinstance(word, str) for word in argv))


@pytest.mark.parametrize(
    "text", ["ls " * 5000, "ls " + "'" * 7000, 'ls "' + "a" * 7000, "(" * 7000, "ls " + "'a'" * 2000]
)
def test_long_text_is_answered_at_once(text):
    assert _argv(text) is None or len(text) <= MAX_TEXT


def test_the_words_are_a_list_of_strings_for_the_checker():
    rule = "shell_argv(args.x)[0] in ['ls'] && shell_argv(args.x).all(w, !w.startsWith('--'))"
    condition = compile_condition(rule, {"args": record(x=STRING)}, where="doc")

    assert condition.evaluate({"args": {"x": "ls -l"}}) is True
    assert condition.evaluate({"args": {"x": "ls --all"}}) is False
    assert compile_condition(
        "shell_argv(args.x)", {"args": record(x=STRING)}, where="doc", result=ListOf(STRING)
    )
