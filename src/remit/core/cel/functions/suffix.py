"""Public suffixes: domains below which anybody may have a name, such as ``com``, ``co.uk`` or ``github.io``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from remit.core.cel.errors import ConditionError

# Everybody gets names below these too, and the public suffix list does not have them: clouds' own domains,
# names that resolve to any address, tunnels, and collectors of requests.
_SHARED: Final = frozenset(
    {
        "amazonaws.com",
        "cloudapp.azure.com",
        "core.windows.net",
        "windows.net",
        "nip.io",
        "sslip.io",
        "xip.io",
        "traefik.me",
        "localtest.me",
        "lvh.me",
        "lhr.life",
        "localhost.run",
        "serveo.net",
        "loca.lt",
        "zrok.io",
        "playit.gg",
        "devtunnels.ms",
        "app.github.dev",
        "webcontainer.io",
        "webhook.site",
        "requestbin.net",
        "pipedream.net",
        "beeceptor.com",
        "burpcollaborator.net",
        "oastify.com",
        "oast.fun",
        "oast.pro",
        "oast.live",
        "oast.site",
        "oast.online",
        "oast.me",
        "interact.sh",
        "dnslog.cn",
    }
)


def public_suffix(name: str) -> bool:
    """Whether anybody may register a name directly below this one.

    Args:
        name: a host name in lower case, or an IP address.

    >>> public_suffix("co.uk"), public_suffix("github.io"), public_suffix("corp.co.uk"), public_suffix("10.0.0.1")
    (True, True, False, False)
    """
    if ":" in name or name.rpartition(".")[2].isdigit() or name == "localhost":
        return False
    if "." not in name or name in _SHARED:
        return True
    spellings = {name, _unicode(name)}
    return any(_list().is_public(spelling) for spelling in spellings)


def _unicode(name: str) -> str:
    if "xn--" not in name:
        return name
    try:
        return name.encode("ascii").decode("idna")
    except UnicodeError:
        raise ConditionError("domain_in: not a valid international domain") from None


@lru_cache(maxsize=1)
def _list() -> Any:
    from publicsuffixlist import PublicSuffixList

    # The names are decoded here instead: encoding the whole list takes four times as long as reading it.
    return PublicSuffixList(accept_encoded_idn=False)
