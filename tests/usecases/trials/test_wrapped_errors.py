"""Whose failure an exception is: clients of models wrap what went wrong, each in its own way."""

from __future__ import annotations

import socket
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from remit.core.errors import Unavailable
from remit.core.refusals import AgentHalted
from remit.core.types import Mode
from remit.usecases.trials.infrastructure import tries_again, world_failed


class ClientError(Exception):
    """As clients have their own."""


class ConnectFailed(OSError):
    """As other clients have theirs."""


class Limited(ClientError):
    status_code = 429


def caught(raised: Exception, inner: Exception, *, named: bool = True) -> Exception:
    """What is raised where *inner* is caught: with `from`, or without."""
    try:
        try:
            raise inner
        except Exception as error:
            if named:
                raise raised from error
            raise raised  # noqa: B904 - as some clients do
    except Exception as error:
        return error


NO_CONNECTION = (
    ConnectionRefusedError("refused"),
    ConnectionResetError("reset"),
    ConnectionAbortedError("aborted"),
    socket.gaierror("unknown host"),
)


@pytest.mark.parametrize("inner", NO_CONNECTION, ids=lambda one: type(one).__name__)
def test_no_connection_is_the_worlds_however_a_client_wraps_it(inner: Exception):
    assert world_failed(inner)
    assert world_failed(caught(ClientError("Connection error."), inner))
    assert world_failed(caught(ClientError("tried twice"), caught(ConnectFailed("first"), inner)))
    assert world_failed(caught(ConnectFailed("no connection"), inner, named=False))
    assert tries_again(caught(ClientError("Connection error."), inner))


def test_the_standard_library_that_reaches_nobody_says_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        with pytest.raises(URLError) as raised:
            urlopen(f"http://127.0.0.1:{taken.getsockname()[1]}/", timeout=30)

    assert world_failed(raised.value)


def test_a_status_within_and_a_world_that_is_unavailable_count_too():
    assert world_failed(caught(ClientError("gave up"), Limited("slow down")))
    assert world_failed(caught(ClientError("gave up"), Unavailable("503")))


def test_an_agent_that_errs_while_it_makes_up_for_a_lost_connection_has_erred():
    assert not world_failed(caught(KeyError("no answer kept for this"), NO_CONNECTION[0], named=False))
    assert not world_failed(caught(ClientError("mine"), ValueError("mine too")))
    assert not world_failed(BrokenPipeError("a program of the agent's own ended"))


def test_who_was_stopped_is_not_tried_again_however_that_is_said():
    halted = AgentHalted("refunds", Mode.HALTED, "a person stopped it")

    assert world_failed(caught(ClientError("stopped"), halted)) and not tries_again(
        caught(ClientError(""), halted)
    )


def test_an_exception_that_is_its_own_cause_is_looked_at_once():
    round_ = ClientError("round")
    round_.__cause__ = round_

    assert not world_failed(round_)
