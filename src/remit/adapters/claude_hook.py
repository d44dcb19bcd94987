"""`remit-hook`: asks the local daemon about one hook event of Claude Code, and answers in Claude Code's words.

It runs once for each event, so it imports little, nothing outside the standard library and nothing of remit: it is
started as a file, by `python -I -S`, and no PYTHONPATH, site folder or module of the project can change what it does.

The rule is that silence lets a call run. Claude Code takes an exit code of 0 without a readable document for "no
opinion", also with `"onFailure": "block"`. So there are two ways out, and no third:

- exit 0, after one whole JSON document went to stdout;
- exit 2, with the reason on stderr, which blocks: when the daemon refuses, and whenever anything at all goes wrong.

Where blocking would do harm instead (a `Stop` that is blocked makes the model go on), a failure exits with 1.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is imported by nothing else here
    from typing import Any, NoReturn

MOST_BYTES = 32 * 1024 * 1024
"""Of one event, and of one answer."""
START_S = 30.0
"""How long a daemon may take to start."""
ANSWER_S = 300.0
"""How long an answer may take: a held call may wait for a person that long."""
UNBLOCKABLE = ("Stop", "SubagentStop", "SessionEnd", "SessionStart", "SubagentStart")
"""Events whose failure is told and blocks nothing."""
GATES = ("PreToolUse", "PostToolUse", "PostToolBatch", "UserPromptSubmit")
"""Events at which the exit code 1 is no decision: without `onFailure`, Claude Code would go on."""
_SAYS = (
    "continue",
    "stopReason",
    "suppressOutput",
    "systemMessage",
    "decision",
    "reason",
    "hookSpecificOutput",
)


class Blocked(Exception):
    """No decision was reached; the text says why."""


# ------------------------------------------------------------------------------------------ where the daemon is
def version() -> str:
    """The version of the remit that this file belongs to."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(here, "_version.py"), encoding="utf-8") as file:
        return next(line.split('"')[1] for line in file if line.startswith("__version__"))


def private_folder() -> str:
    """This user's folder of sockets: nobody else may look into it.

    Raises:
        Blocked: it belongs to somebody else, or others can reach into it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    fits = len(os.fsencode(base)) < 70  # a socket's address has a hundred bytes or so
    path = os.path.join(base, "remit") if fits and os.path.isabs(base) and os.path.isdir(base) else ""
    path = path or f"/tmp/remit-{os.geteuid()}"  # noqa: S108 - checked below
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise Blocked(f"{path} cannot be made: {error.strerror}") from None
    found = os.lstat(path)
    if found.st_uid != os.geteuid() or found.st_mode & 0o170000 != 0o040000 or found.st_mode & 0o077:
        raise Blocked(f"{path} is not a folder that only this user can reach; remove it")
    return path


def socket_path(envelope: str, store: str) -> str:
    """Where the daemon for an envelope and a store listens. That it is the right one is checked by name."""
    import zlib

    told = f"{envelope}\0{store}".encode("utf-8", "surrogateescape")
    return os.path.join(private_folder(), f"{zlib.crc32(told):08x}{zlib.adler32(told):08x}.sock")


def peer_of(connection: Any) -> int | None:
    """The user at the other end of a Unix socket; None where the system does not say."""
    import socket
    import struct

    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    size = struct.calcsize("3i")
    uid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, size))[1]
    return uid


# ------------------------------------------------------------------------------------------ messages
def send(connection: Any, message: dict[str, Any]) -> None:
    """Send one JSON object, behind its length."""
    import json

    body = json.dumps(message).encode("utf-8", "surrogatepass")
    connection.sendall(len(body).to_bytes(4, "big") + body)


def receive(connection: Any) -> dict[str, Any]:
    """Receive one JSON object.

    Raises:
        Blocked: it is cut off, too long, or not a JSON object.
    """
    import json

    length = int.from_bytes(_exactly(connection, 4), "big")
    if length > MOST_BYTES:
        raise Blocked(f"a message of {length} bytes is too long")
    try:
        found = json.loads(_exactly(connection, length).decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise Blocked("a message that is not JSON") from None
    if not isinstance(found, dict):
        raise Blocked("a message that is not an object")
    return found


def _exactly(connection: Any, count: int) -> bytes:
    parts = []
    while count:
        part = connection.recv(min(count, 1 << 20))
        if not part:
            raise Blocked("the other end went away in the middle of a message")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


# ------------------------------------------------------------------------------------------ asking
def main(arguments: list[str], out: int) -> int:
    """Ask about the event on stdin; the exit code."""
    options = _options(arguments)
    event = _event()
    answer = _answer(options, event)
    return _say(answer, str(event.get("hook_event_name")), out)


def _options(arguments: list[str]) -> dict[str, str]:
    """`--name value` and `--name`, as the daemon takes them."""
    found: dict[str, str] = {}
    for at, word in enumerate(arguments):
        if word.startswith("--"):
            after = arguments[at + 1] if at + 1 < len(arguments) else "--"
            found[word[2:]] = "" if after.startswith("--") else after
    for needed in ("envelope", "store"):
        if not found.get(needed):
            raise Blocked(f"--{needed} is missing; run: remit hooks install")
    return found


def _event() -> dict[str, Any]:
    import json

    with os.fdopen(0, "rb", closefd=False) as stdin:
        raw = stdin.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise Blocked("the event is longer than 32 MiB")
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError):
        raise Blocked("what came on stdin is not JSON") from None
    if not isinstance(event, dict) or not isinstance(event.get("hook_event_name"), str):
        raise Blocked("what came on stdin is no hook event")
    _Now.event = event["hook_event_name"]
    return event


class _Now:
    event = ""


def _answer(options: dict[str, str], event: dict[str, Any]) -> dict[str, Any]:
    import time

    told = {k: os.environ.get(k, "") for k in ("CLAUDE_PROJECT_DIR", "CLAUDE_CODE_ENTRYPOINT")}
    told["CLAUDE_CODE_SESSION_ATTENDED"] = os.environ.get("CLAUDE_CODE_SESSION_ATTENDED", "")
    nonce = os.urandom(12).hex()
    request = {"id": nonce, "version": version(), "options": options, "env": told, "event": event}
    path, ends, started = socket_path(options["envelope"], options["store"]), time.monotonic() + START_S, 0.0
    failed, ended = 0, -1
    while True:
        answer = _asked(path, request)
        if answer is not None and answer.get("id") == nonce and "retry" not in answer:
            return answer
        if answer is not None and "retry" not in answer:
            raise Blocked("the daemon answered another question")
        if time.monotonic() >= ends:
            why = str(answer["retry"]) if answer else f"see {path[:-5]}.log, or run: remit hooks serve"
            raise Blocked(f"the daemon did not start within {START_S:.0f} s: {why}")
        if ended >= 0 and (last := _last(ended)) is not None:
            os.close(ended)
            ended = -1
            if not last:
                failed, started = failed + 1, 0.0
                if failed > 1:  # once may be bad luck: two that begin at once
                    raise Blocked(f"the daemon does not start: {_last_words(path)}")
        # Not while one is on its way: on a busy machine a second one would only keep the first from starting.
        if ended < 0 and time.monotonic() - started > 3.0:
            ended, started = _start(options, path), time.monotonic()
        time.sleep(0.02)


def _asked(path: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """The daemon's answer; None where there is no daemon. Once it was asked, nobody else is."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_S)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        if peer_of(connection) not in (None, os.geteuid()):
            raise Blocked(f"{path} belongs to another user")
        send(connection, request)
        return receive(connection)


_DAEMON = """
import os, sys
sys.path.insert(0, sys.argv.pop(1))
from remit.cli.main import main
code = main(sys.argv[1:])
try:
    os.write(3, b"" if code else b"0")
except OSError:  # the hook that started it has its answer
    pass
sys.exit(code)
"""


def _start(options: dict[str, str], path: str) -> int:
    """Start a daemon that outlives this process. Of two that start at once, one serves.

    Returns:
        A pipe that ends with the daemon; before that, a daemon that ended well says so.
    """
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    words = [
        word for name, value in options.items() for word in ([f"--{name}", value] if value else [f"--{name}"])
    ]
    command = [sys.executable, "-I", "-c", _DAEMON, root, "hooks", "serve", "--quiet", *words]
    ended, says = os.pipe()
    os.set_blocking(ended, False)
    child = os.fork()
    if child:
        os.close(says)
        os.waitpid(child, 0)
        return ended
    try:
        os.setsid()
        if os.fork() == 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            os.dup2(os.open(f"{path[:-5]}.log", flags, 0o600), 2)
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(0, 1)
            os.dup2(says, 3)
            os.set_inheritable(3, True)
            os.closerange(4, 1024)
            os.execv(command[0], command)  # noqa: S606 - without a shell is what is meant
    finally:
        os._exit(0)


def _last(ended: int) -> bytes | None:
    """What a daemon said when it ended: nothing where it failed; None while it runs."""
    try:
        return os.read(ended, 1)
    except BlockingIOError:
        return None


def _last_words(path: str) -> str:
    try:
        with open(f"{path[:-5]}.log", encoding="utf-8", errors="replace") as log:
            return log.read(4000).strip()[-1000:] or "it says nothing; run: remit hooks serve"
    except OSError:
        return "run: remit hooks serve"


# ------------------------------------------------------------------------------------------ saying it
def _say(answer: dict[str, Any], event: str, out: int) -> int:
    import json

    code, document = answer.get("exit"), answer.get("out")
    if code not in (0, 1, 2) or isinstance(code, bool) or not isinstance(document, dict):
        raise Blocked("the daemon's answer has no decision")
    if code == 1 and event in GATES:
        raise Blocked("the daemon's answer has no decision")
    if code == 0:
        _check(document, event)
    _write(2, str(answer.get("err", ""))[:20_000])
    if document:
        _write(out, json.dumps(document, allow_nan=False))
    elif code == 0:
        raise Blocked("the daemon's answer is empty")
    return int(code)


def _check(document: dict[str, Any], event: str) -> None:
    """An answer that lets something go on says so in full, and never more than that remit has no objection."""
    specific = document.get("hookSpecificOutput", {})
    if not all(key in _SAYS for key in document) or not isinstance(specific, dict):
        raise Blocked("the daemon's answer is not what Claude Code reads")
    if event == "PreToolUse" and (
        specific.get("hookEventName") != event
        or specific.get("permissionDecision", "defer") != "defer"
        or not isinstance(specific.get("updatedInput", {}), dict)
        or "decision" in document
    ):
        raise Blocked("the daemon's answer has no decision")


def _write(file: int, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(file, data) :]


def _failed(why: str) -> int:
    try:  # noqa: SIM105 - contextlib costs its import
        _write(2, f"remit: no decision, so this is blocked: {why[:2000]}\n")
    except OSError:
        pass  # stderr is closed: the exit code says it
    return 1 if _Now.event in UNBLOCKABLE else 2


def _on_signal(number: int, frame: Any) -> None:  # noqa: ARG001
    os._exit(_failed(f"stopped by signal {number}"))


def run() -> NoReturn:
    """The console script, and the file when it is run. It ends the process itself, so that nothing runs after it."""
    code = 2
    try:
        import signal

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _on_signal)
        out = os.dup(1)
        if out < 3:
            raise Blocked("stdin, stdout or stderr is closed")
        os.dup2(2, 1)  # what anything prints from here on goes to stderr
        if sys.flags.isolated:
            code = main(sys.argv[1:], out)
        else:  # started by name: begin again, where no path of the project is looked at
            os.dup2(out, 1)
            again = [sys.executable, "-I", "-S", "-B", os.path.abspath(__file__), *sys.argv[1:]]
            os.execv(sys.executable, again)  # noqa: S606
    except Blocked as error:
        code = _failed(str(error))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the call must not run
        code = _failed(f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)


if __name__ == "__main__":
    run()
