"""Scripts in an argument: whether sed or awk would run a program for them.

A closed list for sed: a script of any command but those that only edit is taken for one that runs something. In awk,
a pipe, ``system`` and an indirect call in code, outside of strings and regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

_BRACKET: Final = r"\[\^?+\]?+(?:\[[:.=][^\]]*[:.=]\]|[^\]])*+\]"
_SED_REGEX: Final = rf"/(?:\\.|{_BRACKET}|[^/\\\[])*+/[IM]*"
_SED_ADDRESS: Final = rf"(?:\d+(?:~\d+)?|\$|{_SED_REGEX})"
_SED_PREFIX: Final = re.compile(
    rf"[\s;]*(?:{_SED_ADDRESS}(?:\s*,\s*(?:{_SED_ADDRESS}|[+~]\d+))?)?\s*(?:!\s*)*"
)
_SED_PLAIN: Final = re.compile(r"(?:[=dDgGhHnNpPxFz{}]|[lqQL]\s*\d*|[btT]\s*\w*|:\s*\w+)\s*(?=[;}#]|\Z)|[{}]")
_SED_TEXT: Final = re.compile(r"[aic](?s:.*)|#.*|[rRwW]\s*\S.*")
_SED_FLAGS: Final = re.compile(r"[gpiIMm0-9]*(?:\s*(?=[;}]|\Z)|w\s*\S.*)")

_AWK_STRING: Final = r'"(?:[^"\\]|\\.)*+"'
_AWK_REGEX: Final = r"(?:\A|[(,~!{};]|&&|\|\|)\s*+/(?:[^/\\\[]|\\.|\[\^?+\]?+[^\]/]*+\])++/"
_AWK_INERT: Final = re.compile(rf"(?P<string>{_AWK_STRING})|(?P<regex>{_AWK_REGEX})")
_AWK_RUNS: Final = re.compile(r"\|\s*&|(?<!\|)\|(?!\|)|\bsystem\s*\(|@|\\")


def sed_runs(args: Sequence[str]) -> str:
    """Return the script that could run a program; empty if none.

    >>> sed_runs(["-n", "s/e/E/;p", "f"]), sed_runs(["s/a/id/e", "f"])
    ('', 's/a/id/e')
    """
    return next((script for script in _sed_scripts(args) if not _edits_only(script)), "")


def awk_runs(args: Sequence[str]) -> str:
    """Return the program text that could run a program; empty if none.

    >>> awk_runs(['{print $1 "|" $2}', "f"]), awk_runs(['{print | "sh"}'])
    ('', '{print | "sh"}')
    """
    return next((text for text in _awk_texts(args) if _AWK_RUNS.search(_awk_code(text))), "")


def _sed_scripts(args: Sequence[str]) -> Iterator[str]:
    """Yield what sed could take for a script: the values of -e, and without any the first plain word."""
    given, plain, words = False, "", iter(args)
    for word in words:
        short = re.match(r"-[nEruszb]*(?P<option>[efl])(?P<value>.*)", word, re.DOTALL)
        if short or word.startswith(("--e", "--fi")):
            option, value = (short["option"], short["value"]) if short else (word[2], word.partition("=")[2])
            value = value or next(words, "")
            given = given or option in "ef"
            if option == "e":
                yield value
        elif not word.startswith("-"):
            plain = plain or word
    if not given:
        yield plain


def _edits_only(script: str) -> bool:
    at = 0
    while at < len(script):
        found = _SED_PREFIX.match(script, at)
        at = found.end() if found else at
        if at == len(script):
            return True
        if script[at] in "sy":
            at = _substitution(script, at)
        else:
            command = _SED_PLAIN.match(script, at) or _SED_TEXT.match(script, at)
            at = command.end() if command else -1
        if at < 0:
            return False
    return True


def _substitution(script: str, at: int) -> int:
    """Return where ``s/../../flags`` ends; -1 if it cannot be read, or has a flag that runs something."""
    sign = script[at + 1 : at + 2]
    if not sign or sign.isalnum() or sign.isspace() or sign in "\\[]":
        return -1
    quoted = re.escape(sign)
    parts = rf"[sy]{quoted}(?:\\.|{_BRACKET}|[^\\\[{quoted}])*+{quoted}(?:\\.|[^\\{quoted}])*+{quoted}"
    found = re.compile(parts, re.DOTALL).match(script, at)
    flags = _SED_FLAGS.match(script, found.end()) if found else None
    return flags.end() if flags else -1


def _awk_texts(args: Sequence[str]) -> Iterator[str]:
    """Yield what may be program text: all but the values of -F and -v, which are data."""
    words = iter(args)
    for word in words:
        if word in {"-F", "-v"}:
            next(words, "")
        elif not word.startswith(("-F", "-v", "--field-separator=", "--assign=")):
            yield word


def _awk_code(text: str) -> str:
    """Return the text without its strings and regular expressions; as it is where a slash could be two things."""
    code = _AWK_INERT.sub(_kept, text)
    return text if "/" in code else code


def _kept(found: re.Match[str]) -> str:
    """Replace a string or a regular expression by nothing that acts."""
    return '""' if found["string"] else found.group().partition("/")[0] + '""'
