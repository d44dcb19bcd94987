"""`remit operator`: keys that stay here, names that the store knows."""

from __future__ import annotations

import stat

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from remit.store import operators


@pytest.fixture(autouse=True)
def _store(place):
    place.guard().close()


def test_a_new_operator_has_an_encrypted_key_here_and_a_public_one_in_the_store(place, run, hire):
    hire("ann", "finance", "support")

    pem = place.folder / "home" / "operators" / "ann.pem"
    assert b"ENCRYPTED PRIVATE KEY" in pem.read_bytes()
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    key = load_pem_private_key(pem.read_bytes(), b"ann")
    (listed,) = run("operator", "ls", "--json").told["operators"]
    assert (listed["name"], listed["roles"], listed["key_here"]) == ("ann", ["finance", "support"], True)
    assert listed["public_key"] == key.public_key().public_bytes_raw().hex()


def test_a_passphrase_is_needed_and_nobody_there_to_ask_is_said(run):
    line = run("operator", "add", "ann")

    assert line.code == 3
    assert "REMIT_OPERATOR_PASSPHRASE" in line.err


def test_a_known_name_is_not_taken_over_by_accident(place, run, hire):
    hire("ann", "finance")
    pem = (place.folder / "home" / "operators" / "ann.pem").read_bytes()

    line = run("operator", "add", "ann", "--role", "boss")

    assert line.code == 3
    assert "--new-key" in line.err
    assert (place.folder / "home" / "operators" / "ann.pem").read_bytes() == pem
    assert run("operator", "add", "ann", "--role", "boss", "--new-key").code == 0
    assert run("operator", "ls", "--json").told["operators"][0]["roles"] == ["boss"]


def test_an_operator_that_the_store_refuses_leaves_no_key_behind(place, run, monkeypatch):
    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", "x")

    line = run("operator", "add", " ann")

    assert line.code == 3
    assert list((place.folder / "home" / "operators").glob("*")) == []


@pytest.mark.parametrize("name", ["../../evil", "a/b", "..", "Ünal"])
def test_no_name_leads_out_of_the_folder_of_keys(place, run, monkeypatch, name):
    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", "x")

    assert run("operator", "add", name).code == 0

    (pem,) = (place.folder / "home" / "operators").iterdir()
    assert pem.suffix == ".pem"
    assert not (place.folder / "evil.pem").exists()


def test_a_removed_operator_is_listed_only_on_request(run, hire):
    hire("ann")

    assert run("operator", "remove", "ann").code == 0

    assert run("operator", "ls", "--json").told["operators"] == []
    assert [o["name"] for o in run("operator", "ls", "--all", "--json").told["operators"]] == ["ann"]
    assert run("operator", "remove", "ann").code == 3


def test_adding_and_removing_is_in_the_journal_with_who_did_it(run, hire, monkeypatch):
    monkeypatch.setenv("REMIT_OPERATOR", "root")
    hire("ann", "finance")
    run("operator", "remove", "ann")

    told = run("journal", "export", "--kind", "operator.added", "--kind", "operator.removed").lines
    assert [(line["kind"], line["body"]["operator"], line["body"]["by"]) for line in told] == [
        ("operator.added", "ann", "root"),
        ("operator.removed", "ann", "root"),
    ]


def test_without_a_store_nothing_is_made_unless_it_is_asked_for(place, run, monkeypatch):
    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", "x")
    other = f"sqlite:///{place.folder / 'other.db'}"

    assert run("operator", "add", "ann", "--store", other).code == 3
    assert not (place.folder / "other.db").exists()
    assert run("operator", "add", "ann", "--store", other, "--create").code == 0


def test_the_wrong_passphrase_signs_nothing(place, hire):
    hire("ann")
    pem = (place.folder / "home" / "operators" / "ann.pem").read_bytes()

    with pytest.raises(Exception, match="cannot be opened"):
        operators.sign(pem, "wrong", b"message")


def test_one_key_answers_in_every_store_of_this_machine(place, run, hire, monkeypatch):
    place.guard().close()
    hire("ann", "boss")
    (first,) = run("operator", "ls", "--json").told["operators"]
    other = f"sqlite:///{place.folder / 'other.db'}"

    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", "guessed")
    assert run("operator", "add", "ann", "--create", "--store", other).code == 3
    monkeypatch.setenv("REMIT_OPERATOR_PASSPHRASE", "ann")
    line = run("operator", "add", "ann", "--store", other)
    assert "the one that was on this machine" in line.out
    (second,) = run("operator", "ls", "--json", "--store", other).told["operators"]
    assert second["public_key"] == first["public_key"]
