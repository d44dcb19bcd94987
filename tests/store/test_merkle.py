from __future__ import annotations

import pytest

from remit.store.merkle import (
    EMPTY_ROOT,
    add_leaf,
    consistency_proof,
    extends,
    includes,
    inclusion_proof,
    leaf_hash,
    root,
    root_of_peaks,
)

# The reference inputs and results of the Certificate Transparency project for RFC 6962.
_INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in _INPUTS]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size]


def test_an_inclusion_proof_is_that_of_the_reference() -> None:
    assert [step.hex() for step in inclusion_proof(0, LEAVES)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_a_consistency_proof_is_that_of_the_reference() -> None:
    assert [step.hex() for step in consistency_proof(6, LEAVES)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_leaf_of_every_small_tree_is_proved_and_no_other() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(21)]
    for size in range(1, 21):
        top = root(leaves[:size])
        for index in range(size):
            proof = inclusion_proof(index, leaves[:size])
            assert includes(top, size, index, leaves[index], proof)
            assert not includes(top, size, index, leaves[20], proof)
            assert not includes(top, size, index, leaves[index], [*proof, top])
            assert size == 1 or not includes(top, size, (index + 1) % size, leaves[index], proof)


def test_every_small_tree_is_proved_to_extend_every_smaller_one_and_no_other() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(21)]
    for size in range(21):
        for old in range(size + 1):
            proof = consistency_proof(old, leaves[:size])
            assert extends(root(leaves[:old]), old, root(leaves[:size]), size, proof)
            if 0 < old < size:
                assert not extends(leaves[20], old, root(leaves[:size]), size, proof)
                assert not extends(root(leaves[:old]), old, leaves[20], size, proof)


def test_peaks_give_the_same_root_as_the_whole_tree() -> None:
    peaks: list[bytes] = []
    for size, leaf in enumerate(LEAVES):
        assert len(peaks) == size.bit_count()
        add_leaf(peaks, size, leaf)
        assert root_of_peaks(peaks).hex() == ROOTS[size + 1]
    assert root_of_peaks([]) == EMPTY_ROOT
