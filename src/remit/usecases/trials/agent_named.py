"""An agent under test as it is named on a command line: a function, an address, or a command."""

from __future__ import annotations

import re
import shlex
import shutil

from remit.core.errors import BadInput
from remit.core.trial.suite import AgentSpec

_FUNCTION = re.compile(r"[^\s:]+:[A-Za-z_][A-Za-z0-9_.]*")
HOW = "write file.py:function, module:function, http://…, or a command in quotes"


def agent_named(text: str, where: str) -> AgentSpec:
    """The agent that *text* names; nothing of it is loaded or started.

    Args:
        text: `file.py:function` or `module:function`; `http://…` or `https://…`; else a command with its arguments.
        where: the option, for errors.

    Raises:
        BadInput: it names none, or a program that is not there.

    >>> agent_named("agent.py:answer", "--candidate").python, agent_named("env A=1 agent --v2", "--candidate").command
    ('agent.py:answer', ('env', 'A=1', 'agent', '--v2'))
    >>> agent_named("http://127.0.0.1:8080/run", "--candidate").http
    'http://127.0.0.1:8080/run'
    """
    name = text.strip()
    if name.startswith(("http://", "https://")):
        return AgentSpec(http=name)
    if _FUNCTION.fullmatch(name):
        return AgentSpec(python=name)
    try:
        command = tuple(shlex.split(name))
    except ValueError as error:
        raise BadInput(where, f"found {name[:60]!r}: {error}", HOW) from None
    if not command:
        raise BadInput(where, "found an empty name", HOW)
    if shutil.which(command[0]) is None:
        raise BadInput(where, f"there is no program {command[0][:60]!r}", HOW)
    return AgentSpec(command=command)
