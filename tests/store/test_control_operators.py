"""People and their keys."""

import pytest

from remit.core.errors import BadInput
from remit.store import operators
from remit.testing.control import ControlTables


@pytest.fixture
def world() -> ControlTables:
    return ControlTables()


def test_a_key_signs_for_who_knows_its_passphrase():
    pem, public = operators.new_key("correct horse")
    signature = operators.sign(pem, "correct horse", b"message")
    ann = operators.Operator("ann", (), public, 0.0)

    assert b"ENCRYPTED" in pem
    assert operators.verified(ann, signature, b"message")
    assert not operators.verified(ann, signature, b"massage")
    assert not operators.verified(ann, b"short", b"message")


def test_a_wrong_passphrase_opens_nothing():
    pem, _ = operators.new_key("correct horse")

    with pytest.raises(BadInput, match="check the passphrase"):
        operators.sign(pem, "wrong", b"")
    with pytest.raises(BadInput, match="choose one"):
        operators.new_key("")


def test_only_ed25519_keys_sign():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    pem = X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pass"),
    )
    with pytest.raises(BadInput, match="not an Ed25519 key"):
        operators.sign(pem, "pass", b"")


def test_an_operator_is_known_with_roles_and_recorded(world: ControlTables):
    added = world.run(
        lambda tx: operators.add(tx, "ann", ["support", "finance"], b"k" * 32, act="a1", by="root")
    )

    assert operators.find(world.connection, "ann") == added
    assert added.roles == ("finance", "support")
    (event,) = world.journal.values()
    assert (event.kind, event.body["by"]) == ("operator.added", "root")


def test_adding_again_changes_key_and_roles(world: ControlTables):
    for act, key in (("a1", b"1"), ("a2", b"2")):
        world.run(lambda tx, act=act, key=key: operators.add(tx, "ann", [], key * 32, act=act))

    assert [one.public_key for one in operators.everyone(world.connection)] == [b"2" * 32]


@pytest.mark.parametrize("name", ["", " ann", "an\x00n", "a" * 201])
def test_a_name_must_be_visible(world: ControlTables, name: str):
    with pytest.raises(BadInput, match=r"operator\.name"):
        world.run(lambda tx: operators.add(tx, name, [], b"k" * 32, act="a"))


def test_a_key_must_be_a_key(world: ControlTables):
    with pytest.raises(BadInput, match="32 bytes"):
        world.run(lambda tx: operators.add(tx, "ann", [], b"short", act="a"))


def test_one_key_is_not_two_people(world: ControlTables):
    world.run(lambda tx: operators.add(tx, "ann", [], b"k" * 32, act="a1"))

    with pytest.raises(BadInput, match="two people have two keys"):
        world.run(lambda tx: operators.add(tx, "bob", [], b"k" * 32, act="a2"))


def test_who_is_removed_is_not_found_and_not_forgotten(world: ControlTables):
    world.hire("ann")
    world.run(lambda tx: operators.remove(tx, "ann", act="r", by="root"))

    assert operators.find(world.connection, "ann") is None
    assert [one.removed_at for one in operators.everyone(world.connection)] == [world.now]
    with pytest.raises(BadInput, match="nobody is called"):
        world.run(lambda tx: operators.remove(tx, "ann", act="r2"))
