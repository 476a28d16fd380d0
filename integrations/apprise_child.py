"""The process in which one notification of Apprise is sent; see integrations/channels/apprise.py. Knows no Django.

Reads JSON from its input (url, title, body, allow), writes one line of JSON. Before Apprise is asked for anything, an
audit hook is set that nothing can take away again: sockets are connected to public addresses alone, and no programs
are started.
"""

import ipaddress
import json
import logging
import re
import socket
import sys
from typing import Any

TUNNELS = (ipaddress.ip_network("2001::/32"), ipaddress.ip_network("2002::/16"), ipaddress.ip_network("64:ff9b::/96"))
CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
    "socket.bind",
)
GONE = (401, 403, 404, 410)


class Refused(OSError):
    """Where a user's address may not lead."""


def is_public(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False  # a name, or a path: nothing that was looked at
    if found.version == 6 and any(found in network for network in TUNNELS):
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped is None and found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def guard(allowed: set[tuple[str, int]]) -> list[str]:
    """From here on. What was refused is listed."""
    refused: list[str] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in STARTS:
            raise Refused(f"{event} is not allowed here")
        if event in CONNECTS:
            where = args[1]
            host, port = (str(where[0]), int(where[1])) if isinstance(where, tuple) else (str(where), 0)
            if (host, port) not in allowed and not is_public(host):
                refused.append(host)
                raise Refused(f"{host} is not a public address")

    sys.addaudithook(hook)
    return refused


def places(allow: list[str]) -> set[tuple[str, int]]:
    """`host:port` as OUTGOING_ALLOW has them, by address."""
    found = set()
    for place in allow:
        host, _, port = place.rpartition(":")
        try:
            answers = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except (OSError, ValueError):
            continue
        found |= {(str(answer[4][0]), int(port)) for answer in answers}
    return found


class Heard(logging.Handler):
    """The last status that a plugin complained of; its words may hold an address with its secrets."""

    status = 0

    def emit(self, record: logging.LogRecord) -> None:
        if match := re.search(r"error=(\d{3})", record.getMessage()):
            self.status = int(match[1])


def deliver(asked: dict[str, Any]) -> dict[str, Any]:
    refused = guard(places(asked["allow"]))
    import apprise  # after the hook: what it does while it is imported is looked at too

    heard = Heard()
    log = logging.getLogger("apprise")
    log.addHandler(heard)
    log.propagate = False
    service = apprise.Apprise.instantiate(asked["url"], suppress_exceptions=True)
    if service is None:
        return {"delivered": False, "permanent": True, "reason": "this is not a URL that it understands"}
    if asked["url"].lower().startswith("syslog:"):  # of this machine, past every socket that the hook sees
        return {"delivered": False, "permanent": True, "reason": "this machine's own log is not for messages"}
    if _notified(service, asked):
        return {"delivered": True}
    if refused:
        return {"delivered": False, "permanent": True, "reason": f"{refused[0]} is not a public address"}
    if heard.status:
        reason = f"the service answered {heard.status}"
        return {"delivered": False, "permanent": heard.status in GONE, "reason": reason}
    return {"delivered": False, "permanent": False, "reason": "the service did not take it"}


def _notified(service: Any, asked: dict[str, Any]) -> bool:
    try:
        return bool(service.notify(body=asked["body"], title=asked["title"], body_format="text"))
    except Exception:  # a plugin's own, or what the hook raised into it: its words may hold secrets
        return False


def main() -> None:
    said = deliver(json.loads(sys.stdin.read()))
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
