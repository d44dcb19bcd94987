"""Detection Findings against the published schemas of OCSF."""

from __future__ import annotations

from functools import cache

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema, get_packaged_versions

from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Class, Evidence
from remit.core.types import Severity
from remit.core.withheld import withheld
from remit.sinks.ocsf import VERSIONS, ocsf
from remit.sinks.ocsf_action import ACTIONS, DISPOSITIONS

from .drawn import KINDS, alert, alerts

EVERY = pytest.mark.parametrize("version", VERSIONS)
CHANGE = Evidence(
    "change.rate",
    Class.SRE,
    0.97,
    "send_money.own-recipients correlates with model: a → b",
    {
        "change": "c-1",
        "x0": 3,
        "n0": 400,
        "x1": 31,
        "n1": 402,
        "ratio": 10.3,
        "low": 3.2,
        "high": 52.0,
        "p_corrected": 0.0009,
    },
)


@cache
def validator(version, profiles):
    embedded = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    schema = embedded.get_class_schema(class_name="detection_finding", profiles=list(profiles))
    return jsonschema_rs.validator_for(schema)


def problems(finding):
    found = validator(finding["metadata"]["version"], tuple(finding["metadata"]["profiles"]))
    return [f"{error.instance_path}: {error.message}" for error in found.iter_errors(finding)]


def test_the_default_is_the_newest_version_whose_schema_can_be_had():
    published = sorted(
        (version for version in get_packaged_versions() if "-" not in version),
        key=lambda version: [int(part) for part in version.split(".")],
    )
    assert published[-1] == VERSIONS[0]


@EVERY
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alerts)
def test_every_alert_is_a_valid_finding(version, drawn):
    assert problems(ocsf(drawn, version)) == []
    assert problems(ocsf(withheld(drawn), version)) == []


@EVERY
@pytest.mark.parametrize("kind", KINDS.split())
def test_every_kind_is_valid_enforced_and_watched(version, kind):
    for enforced in (True, False, None):
        for ran in (True, False, None):
            found = ocsf(alert(kind=kind, enforced=enforced, ran=ran, evidence=(CHANGE,)), version)
            assert problems(found) == []
            assert found["action"] == ACTIONS[found["action_id"]]


@EVERY
def test_the_schema_refuses_what_is_wrong(version):
    good = ocsf(alert(), version)
    for broken in (
        {**good, "severity_id": 17},
        {**good, "ai_agent": {"uid": "x"}},
        {**good, "evidences": [{"name": "nothing that the schema asks for"}]},
        {key: value for key, value in good.items() if key != "finding_info"},
    ):
        assert problems(broken)


def test_the_names_of_actions_and_dispositions_are_those_of_the_schema():
    schema = get_ocsf_schema(version=VERSIONS[0])["classes"]["detection_finding"]["attributes"]
    for names, attribute in ((ACTIONS, "action_id"), (DISPOSITIONS, "disposition_id")):
        enum = schema[attribute]["enum"]
        assert {str(key): name for key, name in names.items()} == {
            str(key): enum[str(key)]["caption"] for key in names
        }


@pytest.mark.parametrize(
    ("fields", "action", "disposition"),
    [
        ({"kind": "denied"}, 2, 2),
        ({"kind": "denied", "enforced": False, "ran": True}, 3, 17),
        ({"kind": "denied", "ran": True}, 3, 17),
        ({"kind": "error"}, 2, 27),
        ({"kind": "rejected"}, 2, 25),
        ({"kind": "held"}, 4, 14),
        ({"kind": "flagged", "ran": True}, 3, 17),
        ({"kind": "denied", "ran": None, "enforced": None}, 0, 0),
        ({"kind": "denied", "ran": None, "enforced": True}, 2, 2),
        ({"kind": "denied", "ran": False, "enforced": False}, 3, 17),
        ({"kind": "output", "ran": True, "enforced": True}, 2, 2),
        ({"kind": "output", "ran": True, "enforced": False}, 3, 17),
        ({"kind": "output", "ran": True, "enforced": None}, 0, 0),
        ({"kind": "unknown-outcome", "ran": None}, 0, 0),
        ({"kind": "infrastructure", "ran": True}, 1, 1),
        ({"kind": "tampering"}, 3, 15),
    ],
)
def test_what_was_done_is_told_in_the_words_of_security_control(fields, action, disposition):
    found = ocsf(alert(**fields))
    assert (found["action_id"], found["disposition_id"]) == (action, disposition)


@pytest.mark.parametrize(
    ("action", "type_uid", "status"),
    [
        (Action.TRIGGER, 200401, 1),
        (Action.UPDATE, 200402, 2),
        (Action.ACKNOWLEDGE, 200402, 2),
        (Action.RESOLVE, 200403, 4),
    ],
)
def test_one_finding_is_created_updated_and_closed(action, type_uid, status):
    found = ocsf(alert(action=action))
    assert (found["type_uid"], found["status_id"]) == (type_uid, status)
    assert found["finding_info"]["uid"] == "inc-7f3a"


def test_a_change_is_an_analysis_of_anomalies_from_the_version_that_has_them():
    told = alert(evidence=(CHANGE,))
    (analysis,) = ocsf(told, "1.5.0")["anomaly_analyses"]
    assert analysis["baselines"][0]["observations"] == [{"value": "3 of 400", "count": 3}]
    assert analysis["anomalies"][0]["observations"] == [{"value": "31 of 402", "count": 31}]
    assert analysis["anomalies"][0]["observed_pattern"] == (
        "10.3 times as often, 95 % interval 3.2 to 52, corrected p = 0.0009"
    )
    assert "anomaly_analyses" not in ocsf(told, "1.4.0")
    assert ocsf(told, "1.4.0")["evidences"][1]["data"]["facts"]["x1"] == 31


@pytest.mark.parametrize(
    ("labelled", "verdict"),
    [(Class.SECURITY, 2), (Class.BOTH, 2), (Class.SRE, 5), (Class.UNDETERMINED, 7), (None, None)],
)
def test_a_persons_label_is_a_verdict_in_the_profile_incident(labelled, verdict):
    found = ocsf(alert(labelled=labelled))
    assert found.get("verdict_id") == verdict
    assert ("incident" in found["metadata"]["profiles"]) is (verdict is not None)
    assert problems(found) == []


def test_the_agent_its_model_and_its_envelope_stand_where_the_next_version_has_them():
    found = ocsf(alert(model="gpt-x", envelope="sha256:ab"))["unmapped"]["ai_agent"]
    assert (found["uid"], found["instance_uid"]) == ("bank-agent", "s-1")
    assert found["ai_model"]["name"] == "gpt-x"
    assert found["charter"]["hashes"][0]["value"] == "ab"


def test_what_nobody_can_tell_has_no_confidence():
    found = ocsf(alert(label=Class.UNDETERMINED, confidence=0.98))

    assert (found["confidence_id"], "confidence_score" in found) == (0, False)
    assert not problems(found)


def test_severity_confidence_and_urgency_are_told():
    found = ocsf(alert(severity=Severity.CRITICAL, confidence=0.93, urgency=Urgency.QUEUE))
    assert (found["severity_id"], found["risk_level_id"]) == (5, 4)
    assert (found["confidence_id"], found["confidence_score"], found["is_alert"]) == (3, 93, False)


def test_the_call_is_the_first_evidence_and_has_its_arguments_where_they_may_leave():
    call = ocsf(alert())["evidences"][0]
    assert call["api"]["operation"] == "send_money"
    assert call["api"]["request"]["data"]["amount"] == 100.5
    assert call["actor"] == {
        "app_name": "bank-agent",
        "app_uid": "bank-agent",
        "session": {"uid": "s-1"},
    }
    assert "data" not in ocsf(withheld(alert()))["evidences"][0]["api"]["request"]
