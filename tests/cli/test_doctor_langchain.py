"""The canaries of the LangChain middleware hold with the real one, and fail when it is taken away or broken."""

from __future__ import annotations

import pytest

pytest.importorskip("langchain", reason="LangChain is not installed")

from remit.adapters.langchain import RemitMiddleware
from remit.cli.canaries_langchain import canaries
from remit.settings import Settings


def found():
    return {check.name: check for check in canaries(Settings())}


def failed():
    return {name for name, check in found().items() if not check.ok}


def test_with_the_real_middleware_every_canary_holds():
    checks = found()

    assert len(checks) == 8
    assert not [check for check in checks.values() if not check.ok]


def test_a_middleware_whose_blocking_hook_lets_calls_through_fails_the_blocking_canaries(monkeypatch):
    monkeypatch.setattr(RemitMiddleware, "wrap_tool_call", lambda self, request, handler: handler(request))

    assert failed() == {
        "langchain: a refused call does not run (invoke)",
        "langchain: a call does not run where it cannot be recorded (invoke)",
        "langchain: a call does not run when the guard crashes (invoke)",
    }


def test_one_whose_awaiting_hook_does_fails_the_awaiting_ones(monkeypatch):
    async def through(self, request, handler):
        return await handler(request)

    monkeypatch.setattr(RemitMiddleware, "awrap_tool_call", through)

    assert failed() == {
        "langchain: a refused call does not run (ainvoke)",
        "langchain: a call does not run where it cannot be recorded (ainvoke)",
        "langchain: a call does not run when the guard crashes (ainvoke)",
    }


def test_one_that_runs_the_tool_where_the_guard_crashed_fails_only_those(monkeypatch):
    real = RemitMiddleware.wrap_tool_call

    def lenient(self, request, handler):
        message = real(self, request, handler)
        return handler(request) if "unavailable" in str(message.content) else message

    monkeypatch.setattr(RemitMiddleware, "wrap_tool_call", lenient)

    assert failed() == {
        "langchain: a call does not run where it cannot be recorded (invoke)",
        "langchain: a call does not run when the guard crashes (invoke)",
    }


def test_one_that_lets_nothing_through_fails_since_it_proves_nothing(monkeypatch):
    def never(self, request, handler):
        raise RuntimeError("broken")

    monkeypatch.setattr(RemitMiddleware, "wrap_tool_call", never)

    assert "langchain: an allowed call runs (invoke)" in failed()
    assert "langchain: a call does not run when the guard crashes (invoke)" in failed()
