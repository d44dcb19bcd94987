"""Secrets become stable tokens before anything is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.redact import Redactor

KEY = b"k" * 32
PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + ("Qk" * 32 + "\n") * 3
SECRETS = {
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
    "github": "ghp_" + "a1B2" * 9,
    "key": "sk-proj-" + "Zz9" * 12,
    "slack": "xoxb-123456789012-abcdefghij",
    "google": "AIza" + "Sy0" * 11 + "ab",
    "bearer": "Bearer abcdef0123456789abcdef",
    "url": "postgres://app:hunter2@",
    "pem": PEM + "-----END RSA PRIVATE KEY-----",
}


def text(value: str, *masks: str) -> str:
    return Redactor(KEY, masks).text(value)


@pytest.mark.parametrize(("family", "secret"), SECRETS.items())
@pytest.mark.parametrize(
    "around", ["%s", "the key is %s, keep it", '{"note": "%s"}', "https://x.example/?q=%s"]
)
def test_a_known_format_becomes_a_token_of_its_family(family: str, secret: str, around: str) -> None:
    shown = text(around % secret)

    assert secret not in shown and f"[secret:{family}:" in shown


def test_a_private_key_without_its_end_is_hidden_too() -> None:
    headed = PEM.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n")
    assert "QkQk" not in text(headed + "-----END RSA PRIVATE KEY-----")
    assert "QkQk" not in text(PEM.replace("\n", "\\n"))
    assert "QkQk" not in text(
        PEM.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n") + "-----END RSA PRIVATE KEY-----"
    )


@pytest.mark.parametrize(
    "assigned",
    [
        "password=hunter22",
        "DB_PASSWORD=hunter22",
        "password: 'hunter22'",
        '{"password": "hunter22"}',
        '{\\"password\\": \\"hunter22\\"}',
        "Api-Key = hunter22",
        "client_secret:hunter22",
    ],
)
def test_what_is_assigned_to_a_secrets_name_becomes_a_token(assigned: str) -> None:
    assert "hunter22" not in text(assigned)


def test_a_long_assigned_secret_is_hidden_whole() -> None:
    assert "z" not in text("password=" + "z" * 5000)


def test_equal_secrets_get_equal_tokens_and_other_stores_other_ones() -> None:
    one, two = text("a " + SECRETS["key"]), text("b " + SECRETS["key"])

    assert one[2:] == two[2:]
    assert Redactor(b"other" * 7).text("a " + SECRETS["key"]) != one


@pytest.mark.parametrize("secret", [*SECRETS.values(), "password=hunter22"])
def test_a_redacted_text_stays_as_it_is(secret: str) -> None:
    once = text(secret)
    assert text(once) == once


def test_a_token_beside_a_secret_hides_nothing_of_it() -> None:
    assert "hunter22" not in text("[secret:key:0123456789]password=hunter22")


def test_masks_of_the_envelope_apply_to_short_texts_and_may_name_groups() -> None:
    assert text("1234", r"\b[0-9]{4}\b").startswith("[secret:mask:")
    assert "1234" not in text("pin 1234", r"(?P<pin>[0-9]{4})", r"(?P<pin>[a-z]{40})")
    assert text("plain text", "z*") == "plain text"


def test_ordinary_text_stays_as_it_is() -> None:
    for plain in ("", "O-1 cost 1200", "my secret is out", "Überweisung an Bob", "see section 4: keys"):
        assert text(plain) == plain


def test_a_lone_surrogate_becomes_an_escape() -> None:
    assert text("a\ud800b") == "a\\ud800b"


def test_fields_with_a_secrets_name_are_hidden_whatever_they_hold() -> None:
    hidden = Redactor(KEY).value(
        {
            "dbPassword": 123456,
            "API-Key": ["a", {"x": "y"}],
            "client_secret": {"value": "v", "none": None, "on": True, "empty": ""},
            "password": "[secret:field:0123456789]",
            "amount": 5,
        }
    )

    assert str(hidden["dbPassword"]).startswith("[secret:field:")
    assert all("[secret:field:" in str(leaf) for leaf in hidden["API-Key"])
    assert hidden["client_secret"]["value"].startswith("[secret:field:")
    assert hidden["client_secret"] | {"value": 0} == {"value": 0, "none": None, "on": True, "empty": ""}
    assert (hidden["password"], hidden["amount"]) == ("[secret:field:0123456789]", 5)


def test_a_secret_as_a_key_is_hidden() -> None:
    assert SECRETS["aws"] not in str(
        Redactor(KEY).value({SECRETS["aws"]: [SECRETS["aws"], (SECRETS["aws"],)]})
    )


@given(st.text(max_size=60), st.sampled_from(sorted(SECRETS)), st.text(max_size=60))
def test_no_text_around_a_secret_brings_it_through(before: str, family: str, after: str) -> None:
    secret = SECRETS[family]
    shown = text(f"{before} {secret} {after}")

    assert secret not in shown
    assert text(shown) == shown


def test_what_is_remembered_as_clean_is_only_what_has_no_secret() -> None:
    redactor = Redactor(b"k" * 32)
    for _ in range(2):
        assert redactor.text("password=hunter22") == redactor.text("password=hunter22") != "password=hunter22"
        assert redactor.text("a plain word") == "a plain word"
    for number in range(10_000):
        redactor.text(f"word number {number}")
    assert redactor.text("AKIAIOSFODNN7EXAMPLE").startswith("[secret:aws:")
    masked = redactor.masking(["word"])
    assert masked.text("a plain word").startswith("a plain [secret:mask:")


def test_what_a_mask_changes_is_changed_every_time_also_as_a_name_of_a_field() -> None:
    redactor = Redactor(KEY, masks=["or?d"])
    for _ in range(2):
        assert redactor.text("word") != "word"
        assert redactor.text("od") != "od"
        assert redactor.value({"order": "plain", "border": "x"}) == {
            redactor.text("order"): "plain",
            redactor.text("border"): "x",
        }
        assert redactor.value({"wOrd_password": "hunter22"}) != {"wOrd_password": "hunter22"}
