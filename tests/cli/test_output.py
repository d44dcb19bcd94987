"""What people read: tables that leave room for words."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from remit.cli import output


@pytest.mark.parametrize(("width", "lines_between"), [(80, False), (160, True)])
def test_a_narrow_terminal_gets_no_lines_between_columns(monkeypatch, width, lines_between):
    written = io.StringIO()
    monkeypatch.setattr(output, "console", lambda: Console(file=written, width=width))

    output.table("", ("id", "clauses"), [("7", "refund_payment.once-per-order")])

    assert ("│" in written.getvalue()) == lines_between
    assert "refund_payment.once-per-order" in written.getvalue()
