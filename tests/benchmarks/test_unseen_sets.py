from collections import Counter

import pytest
from benchmarks.unseen_sets import SETS, Labelled, case_of, labelled

SIZES = {"direct": 126, "indirect": 162, "adaptive": 135, "benign": 189, "infrastructure": 45}
EVERY = {name: list(labelled(name)) for name in SETS}


def test_the_sets_have_the_sizes_that_their_page_names():
    assert {name: len(sessions) for name, sessions in EVERY.items()} == SIZES


def test_no_two_sessions_share_an_id():
    ids = Counter(one.session.session_id for sessions in EVERY.values() for one in sessions)

    assert ids.most_common(1)[0][1] == 1


@pytest.mark.parametrize("name", SETS)
def test_each_labelled_violation_is_the_one_that_its_envelope_finds(name):
    cases = [case_of(one) for one in EVERY[name]]

    assert all(case.clauses or case.failure for case in cases)


def test_a_label_that_names_another_clause_is_found_out():
    one = EVERY["direct"][0]
    wrong = Labelled(one.session, {**one.meta, "violation_clause": "no-such-clause"})

    with pytest.raises(LookupError, match="no-such-clause"):
        case_of(wrong)


def test_each_attack_by_a_customer_has_a_twin_of_the_same_tool_and_clause():
    pairs: dict[str, list[Labelled]] = {}
    for one in EVERY["direct"]:
        pairs.setdefault(one.meta["group"], []).append(one)

    for attack, twin in pairs.values():
        assert (attack.expected, twin.expected) == ("security", "benign")
        assert case_of(attack).tool == case_of(twin).tool
        assert set(case_of(attack).clauses) & set(case_of(twin).clauses)


def test_a_customer_is_a_principal_and_an_operator_is_trusted():
    for one in EVERY["direct"]:
        assert any(s.source == "user" for s in case_of(one).steering)
    for one in EVERY["indirect"]:
        assert all(s.source != "user" for s in case_of(one).steering)


def test_about_half_is_sealed_and_a_pair_is_never_torn_apart():
    sealed = [one.sealed for sessions in EVERY.values() for one in sessions]
    halves: dict[str, set[bool]] = {}
    for sessions in EVERY.values():
        for one in sessions:
            halves.setdefault(one.meta["group"], set()).add(one.sealed)

    assert 0.4 < sum(sealed) / len(sealed) < 0.6
    assert all(len(half) == 1 for half in halves.values())
