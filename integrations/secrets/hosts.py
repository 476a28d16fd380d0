"""Where a secret may be sent: hosts that an admin named, such as `api.example.com` or `hooks.example.com:8443`.

Whoever writes a playbook chooses its addresses; without this list they could send any secret to a server of their own.
"""

import re
from collections.abc import Iterable, Sequence

from integrations.outgoing import OutgoingError, Target, read_url
from ledger.errors import Invalid

MOST = 20
HINT = "hosts alone, such as api.example.com or hooks.example.com:8443; without a port it is 443"
_PLACE = re.compile(r"[a-z0-9._:\[\]-]{1,255}")


def read_hosts(given: Iterable[str]) -> list[str]:
    """As they are kept: in lower case, each once, the port told unless it is 443. Invalid where one is no host."""
    found = sorted({_read(text) for text in given})
    if len(found) > MOST:
        raise Invalid("hosts", "These are too many hosts.", f"at most {MOST}")
    return found


def _read(text: str) -> str:
    wrong = Invalid("hosts", f"{text[:80]!r} is not a host.", HINT)
    if any(char in text for char in "/\\?#@"):
        raise wrong
    try:
        place = _place(read_url(f"https://{text}"))
    except OutgoingError:
        raise wrong from None
    if not _PLACE.fullmatch(place):
        raise wrong
    return place


def _place(target: Target) -> str:
    return target.place.removesuffix(":443")


def why_not(name: str, hosts: Sequence[str], url: str) -> str:
    """Why this secret may not be sent to this address, or "". OutgoingError when that is no address.

    Only what stands before the path is looked at: while a plan is made, the rest need not be known yet.
    """
    place = _place(read_url("/".join(url.split("/", 3)[:3])))
    if place in hosts:
        return ""
    if not hosts:
        return f"the secret {name} may be sent nowhere yet: an admin sets it anew under Secrets, with its hosts"
    return f"the secret {name} may not be sent to {place}, only to {', '.join(hosts)}"
