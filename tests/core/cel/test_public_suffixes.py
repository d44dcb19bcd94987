"""Domains that would let anybody in are refused, in the text and in lists that only a call brings."""

from __future__ import annotations

import pytest

from remit.core.cel import ConditionError
from remit.core.cel.functions.suffix import public_suffix
from remit.core.errors import BadInput

SHARED = [
    *["com", "io", "uk", "co.uk", "com.br", "co.jp", "kawasaki.jp", "foo.ck", "xn--p1ai", "internal", "corp"],
    *[
        "github.io",
        "herokuapp.com",
        "cloudfront.net",
        "s3.amazonaws.com",
        "amazonaws.com",
        "core.windows.net",
    ],
    *[
        "blob.core.windows.net",
        "nip.io",
        "sslip.io",
        "ngrok.io",
        "trycloudflare.com",
        "workers.dev",
        "r2.dev",
    ],
    *[
        "duckdns.org",
        "appspot.com",
        "xn--55qx5d.cn",
        "fly.dev",
        "oastify.com",
        "lhr.life",
    ],
]
OWN = ["corp.com", "corp.co.uk", "www.ck", "city.kawasaki.jp", "corp.github.io", "corp.internal", "localhost"]


@pytest.mark.parametrize("domain", SHARED)
def test_a_domain_for_everybody_is_refused(load, answer, domain):
    with pytest.raises(BadInput, match="is a public suffix; name the domain below it"):
        load(f"domain_in(args.order_id, ['{domain}'])")
    with pytest.raises(ConditionError, match="is a public suffix"):
        answer("domain_in(args.order_id, session.allowed)", session={"allowed": [domain]}, order_id="a.b.c")
    with pytest.raises(ConditionError, match="is a public suffix"):
        answer("domain_in('a.corp.com', ['corp.com', args.order_id])", order_id=domain.upper())


@pytest.mark.parametrize("domain", [*OWN, "10.0.0.1", "::1"])
def test_a_domain_of_ones_own_is_not(load, domain):
    assert load(f"domain_in('{domain}', ['{domain}'])").evaluate({}) is True


def test_a_broken_international_name_has_no_answer():
    with pytest.raises(ConditionError, match="not a valid international domain"):
        public_suffix("xn--999999999.com")
