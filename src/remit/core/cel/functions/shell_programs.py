"""Commands that run another command: by their nature, or by an option of an otherwise harmless one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from remit.core.cel.functions.words import words

WRAPPERS: Final = words("""
    . alias bg builtin busybox chroot chrt command coproc doas dtach enable env eval exec fg firejail flock ionice ltrace
    nice nohup nsenter parallel pkexec proot rlwrap runuser screen script setarch setpriv setsid source
    start-stop-daemon stdbuf strace su sudo systemd-run taskset time timeout tmux toybox trap unbuffer unshare watch xargs
    """)
"""What they run stands in their arguments, so the first word says nothing."""

_SHELLS: Final = words("ash bash csh dash elvish fish ksh mksh nu pwsh rbash sh tcsh zsh")


class _Options(NamedTuple):
    """The options by which a program runs another one."""

    long: tuple[str, ...] = ()
    """An abbreviation counts, too."""
    short: str = ""
    """Letters that may stand in a cluster such as ``-xI``."""
    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    """Anywhere in an argument, in lower case."""


_PROGRAMS: Final[dict[str, _Options]] = {
    "ag": _Options(long=("--pager",)),
    "awk": _Options(),
    "fd": _Options(long=("--exec", "--exec-batch"), short="xX"),
    "find": _Options(words=("-exec", "-execdir", "-ok", "-okdir")),
    "git": _Options(
        long=(
            "--config-env",
            "--exec-path=",
            "--upload-pack",
            "--receive-pack",
            "--ext-diff",
            "--extcmd",
            "--open-files-in-pager",
            "--exec",
        ),
        words=("difftool", "filter-branch", "foreach", "mergetool"),
        parts=("ext::",),
    ),
    "man": _Options(long=("--pager", "--html", "--preprocessor"), short="PH"),
    "rg": _Options(long=("--pre", "--hostname-bin")),
    "rsync": _Options(long=("--rsh", "--rsync-path"), short="e"),
    "scp": _Options(short="oSFD", parts=("proxycommand",)),
    "sed": _Options(),
    "sort": _Options(long=("--compress-program",)),
    "split": _Options(long=("--filter",)),
    "ssh": _Options(short="oF", parts=("proxycommand", "localcommand", "knownhostscommand")),
    "tar": _Options(
        long=(
            "--checkpoint-action",
            "--to-command",
            "--use-compress-program",
            "--info-script",
            "--new-volume-script",
            "--rsh-command",
            "--rmt-command",
        ),
        short="IF",
    ),
    "zip": _Options(long=("--unzip-command",), words=("-TT",)),
}
_HARMLESS: Final = frozenset({"--checkpoint", "--exec-path", "--pretty", "--prefix"})
_SAME: Final = {
    "bsdtar": "tar",
    "fdfind": "fd",
    "gawk": "awk",
    "gfind": "find",
    "gsed": "sed",
    "gsort": "sort",
} | {
    "gtar": "tar",
    "mawk": "awk",
    "nawk": "awk",
    "sftp": "scp",
}
_GIT_SHORT: Final = {"bisect": ("run",), "rebase": ("-x",), "clone": ("-c", "-u"), "grep": ("-O",)}
_AWK: Final = re.compile(r"system\s*\(|\|&?\s*(?:getline|\")|print[^;}|]*(?<!\|)\|(?!\|)|@load")
_SED: Final = re.compile(
    r"(?:^|[;{}0-9$!,])\s*e(?:\s|$|;)|(?:^|[;{}0-9$/ ])s([^\w\s]).*?\1.*?\1[gpiIMm0-9]*e"
)


def runs_a_program(argv: Sequence[str]) -> str:
    """Return why the command runs another one; empty if it is not known to.

    >>> runs_a_program(["find", ".", "-exec", "rm", "x"])
    'find -exec runs a program'
    >>> runs_a_program(["find", ".", "-name", "x"])
    ''
    """
    name = argv[0].rpartition("/")[2]
    if name in WRAPPERS:
        return f"{name} runs another command: give that one"
    if name in _SHELLS:
        return f"{name} is a shell: give the command itself"
    name = _SAME.get(name, name)
    if name not in _PROGRAMS:
        return ""
    found = next((word for word in argv[1:] if _matches(word, _PROGRAMS[name])), None) or _special(name, argv)
    return f"{name} {found[:40]} runs a program" if found else ""


def _matches(word: str, options: _Options) -> bool:
    if word in options.words or any(part in word.lower() for part in options.parts):
        return True
    if word.startswith("--"):
        given = word.partition("=")[0]
        long = len(given) > 3 and given not in _HARMLESS and any(o.startswith(given) for o in options.long)
        return long or any(o.endswith("=") and word.startswith(o) for o in options.long)
    return word.startswith("-") and any(letter in word for letter in options.short)


def _special(name: str, argv: Sequence[str]) -> str:
    """Return the argument by which git, tar, awk or sed runs a program in a way of its own."""
    if name == "git":
        return _git(argv[1:])
    if name == "tar" and len(argv) > 1 and not argv[1].startswith("-") and set(argv[1]) & set("IF"):
        return argv[1]  # the old style: tar xIf
    scripts = {"awk": _AWK, "sed": _SED}.get(name)
    if scripts is None:
        return ""
    return next((word for word in argv[1:] if scripts.search(word)), "")


def _git(args: Sequence[str]) -> str:
    takes_value = False
    for at, word in enumerate(args):
        if takes_value:
            takes_value = False
        elif not word.startswith("-"):
            short = _GIT_SHORT.get(word, ())
            return next((w for w in args[at + 1 :] if w.startswith(short)), "") if short else ""
        elif word.startswith("-c"):
            return word
        else:
            takes_value = word in {"-C", "--git-dir", "--work-tree", "--namespace"}
    return ""
