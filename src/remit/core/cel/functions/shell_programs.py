"""Commands that run another command: by their nature, or by an option of an otherwise harmless one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from remit.core.cel.functions.shell_scripts import awk_runs, sed_runs
from remit.core.cel.functions.words import words

WRAPPERS: Final = words("""
    . alias bg builtin busybox bwrap caffeinate capsh cgexec choom chpst chronic chroot chrt command coproc cpulimit
    daemonize dbus-run-session direnv doas dtach dumb-init eatmydata enable entr env eval exec expect fakechroot fakeroot
    faketime fg firejail flock gosu hyperfine ionice ld.so linux32 linux64 ltrace machinectl newgrp nice nohup nsenter
    numactl parallel perf pkexec prlimit proot proxychains proxychains4 rlwrap run-parts runuser screen script setarch
    setpriv setsid sg source sshpass start-stop-daemon stdbuf strace su su-exec sudo systemd-inhibit systemd-nspawn
    systemd-run taskset time timeout tini tmux torify torsocks toybox trap trickle uclampset unbuffer unshare valgrind
    watch xargs xvfb-run
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
    "apt": _Options(long=("--option",), short="o"),
    "awk": _Options(long=("--load", "--include"), words=("-l", "-i")),
    "cpio": _Options(long=("--rsh-command",)),
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
            "--template",
            "--smtp-server",
            "--sendmail-cmd",
            "--to-cmd",
            "--cc-cmd",
            "--header-cmd",
            "--access-hook",
            "--httpd",
        ),
        words=(
            "difftool",
            "filter-branch",
            "foreach",
            "for-each-repo",
            "instaweb",
            "mergetool",
            "remote-ext",
            "web--browse",
        ),
        parts=("ext::", "-callback="),
    ),
    "man": _Options(long=("--pager", "--html", "--preprocessor"), short="PH"),
    "less": _Options(parts=("+!", "+|", "+&!")),
    "mysql": _Options(long=("--pager",), parts=("\\!",)),
    "ncat": _Options(long=("--exec", "--sh-exec", "--lua-exec"), short="ec"),
    "psql": _Options(parts=("\\!", "\\g|", "\\g |", "\\o|", "\\o |", "program '")),
    "rg": _Options(long=("--pre", "--hostname-bin")),
    "rsync": _Options(long=("--rsh", "--rsync-path"), short="e"),
    "scp": _Options(short="oSFD", parts=("proxycommand",)),
    "sed": _Options(),
    "sort": _Options(long=("--compress-program",)),
    "sqlite3": _Options(
        parts=(".shell", ".system", ".import |", "load_extension", ".load", ".once |", ".output |")
    ),
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
    "tcpdump": _Options(short="z"),
    "wget": _Options(long=("--use-askpass",)),
    "zip": _Options(long=("--unzip-command",), words=("-TT",)),
}
_HARMLESS: Final = frozenset({"--checkpoint", "--exec-path", "--pretty", "--prefix"})
_SAME: Final = {
    "apt-get": "apt",
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
    "nc": "ncat",
    "sftp": "scp",
}
_GIT_SHORT: Final = {
    "bisect": re.compile(r"run\Z"),
    "clone": re.compile(r"-[^-bjo]*[cu]"),
    "grep": re.compile(r"-[^-ABCefm]*O"),
    "rebase": re.compile(r"-[^-CsX]*x"),
}
_GIT_SETTINGS: Final = re.compile(
    r"(?:advice|branch|color|column|fetch|i18n|log|pull|push|rebase|status|tag|user)\..*"
    r"|init\.defaultbranch|core\.(?:autocrlf|eol|filemode|ignorecase|longpaths|quotepath|safecrlf)|commit\.gpgsign",
    re.IGNORECASE,
)
"""What may be set: settings that name no program, file or address."""
_GIT_READS: Final = ("--get", "--list", "--show", "--unset", "-l")
_CHANGES: Final = {
    "find": re.compile(r"-(?:delete|fls|fprint0?|fprintf)\Z"),
    "git": re.compile(r"--outp(?:u|ut)?(?:=|\Z)"),
}
"""Options by which a program that reads deletes or writes a file of any name."""


def runs_a_program(argv: Sequence[str]) -> str:
    """Return why the command runs another one, or reads no more; empty if it is not known to.

    >>> runs_a_program(["find", ".", "-exec", "rm", "x"])
    'find -exec runs a program'
    >>> runs_a_program(["find", ".", "-name", "x"])
    ''
    """
    name = argv[0].rpartition("/")[2]
    if name in WRAPPERS:
        return f"{name} runs another command: give that one"
    if name.startswith(("ld-linux", "ld-musl")):
        return f"{name} runs another command: give that one"
    if name in _SHELLS:
        return f"{name} is a shell: give the command itself"
    name = _SAME.get(name, name)
    if name not in _PROGRAMS:
        return ""
    found = next((word for word in argv[1:] if _matches(word, _PROGRAMS[name])), None) or _special(name, argv)
    if found:
        return f"{name} {found[:40]} runs a program"
    writes = next((word for word in argv[1:] if name in _CHANGES and _CHANGES[name].match(word)), "")
    return f"{name} {writes[:40]} deletes or writes files" if writes else ""


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
    scripts = {"awk": awk_runs, "sed": sed_runs}.get(name)
    return scripts(argv[1:]) if scripts is not None else ""


def _git(args: Sequence[str]) -> str:
    takes_value = False
    for at, word in enumerate(args):
        if takes_value:
            takes_value = False
        elif not word.startswith("-"):
            if word == "config":
                return _git_config(args[at + 1 :])
            short = _GIT_SHORT.get(word)
            return next((w for w in args[at + 1 :] if short.match(w)), "") if short else ""
        elif word.startswith("-c"):
            return word
        else:
            takes_value = word in {"-C", "--git-dir", "--work-tree", "--namespace"}
    return ""


def _git_config(args: Sequence[str]) -> str:
    """Return the setting that may name a program, such as ``core.pager``; empty if it is read, or harmless."""
    if args[:1] in (["get"], ["list"], ["unset"]) or any(word.startswith(_GIT_READS) for word in args):
        return ""
    words = [word for word in args if not word.startswith("-") and word != "set"]
    harmless = len(words) < 2 or (len(words) == 2 and _GIT_SETTINGS.fullmatch(words[0]))
    return "" if harmless else f"config {words[0]}"
