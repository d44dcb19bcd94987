"""`remit reviews`: who acts alone is looked at by somebody else."""

from __future__ import annotations

import pytest


@pytest.fixture
def review(place, run, hire, hold):
    """One approval that ann gave alone, breaking the glass."""
    held = hold()
    hire("ann", "finance")
    hire("ben", "finance")
    line = run("approvals", "approve", held, "--as", "ann", "--break-glass", "the bank closes at five")
    return line, held


def passphrase(monkeypatch, name):
    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", name)


def test_nobody_reviews_what_they_did_alone(review, run, monkeypatch):
    passphrase(monkeypatch, "ann")
    _approve_alone(review, run, monkeypatch)
    (waiting,) = run("reviews", "ls", "--json").told["reviews"]
    passphrase(monkeypatch, "ann")

    assert run("reviews", "close", waiting["id"], "--note", "fine", "--as", "ann").code == 1
    assert len(run("reviews", "ls", "--json").told["reviews"]) == 1


def test_somebody_else_reviews_it_and_signs(review, run, monkeypatch):
    _approve_alone(review, run, monkeypatch)
    (waiting,) = run("reviews", "ls", "--json").told["reviews"]
    passphrase(monkeypatch, "ben")

    line = run(
        "reviews",
        "close",
        waiting["id"][:12] if waiting["id"][:12] else "",
        "--note",
        "checked",
        "--as",
        "ben",
    )

    assert line.code == 0, line.err
    assert run("reviews", "ls", "--json").told["reviews"] == []
    (done,) = run("reviews", "ls", "--all", "--json").told["reviews"]
    assert (done["by"], done["reviewed_by"]) == ("ann", "ben")
    assert "nothing waits for a review" in run("reviews", "ls").out


def test_a_reviewer_without_a_key_here_is_refused(review, run, monkeypatch):
    _approve_alone(review, run, monkeypatch)
    (waiting,) = run("reviews", "ls", "--json").told["reviews"]

    assert run("reviews", "close", waiting["id"], "--note", "x", "--as", "carl").code == 3


def test_a_new_version_begins_in_probation_and_an_unknown_one_is_supervised(place, run):
    place.guard().close()
    assert run("breaker", "register", "clerk", "v1").code == 0
    assert "probation" in run("breaker", "register", "clerk", "v2").out

    with place.guard(agent_version="v3") as guard, guard.session() as session:
        assert session.check("note", {"text": "x"}).clauses == ("breaker.supervised",)


def _approve_alone(review, run, monkeypatch):
    line, held = review
    if line.code:
        passphrase(monkeypatch, "ann")
        line = run("approvals", "approve", held, "--as", "ann", "--break-glass", "the bank closes at five")
    assert line.code == 0, line.err
