"""What an action tells its agent: words that a person can follow, or an HTTP request."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from runbooks.cacao.variables import Variables
from runbooks.playbooks.shape import Node
from runbooks.steps import STEPS

ACTIVITIES = {
    "safe": "configure-systems",
    "send": "configure-systems",
    "timelock": "configure-systems",
    "http": "execute-operation",
    "notify": "deliver-content",
    "check": "analyze-collected-data",
}
NESTED = {"parallel": ("steps",), "if": ("then", "else"), "switch": ("cases", "default")}
URL = re.compile(r"[(http(s)?):/(www.)?a-zA-Z0-9@:%._+~#=]{2,256}\.[a-z]{2,6}\b([-a-zA-Z0-9@:%_+.~#?&//=]*)")
"""What the official schema takes for a URL, kept as it is; other machines are named by their address or name."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Whom an HTTP request goes to, as a target."""

    name: str
    address: dict[str, list[str]]
    port: str = ""


def config_of(node: Node, variables: Variables) -> dict[str, Any]:
    """What the step does, as it may leave the house, without the steps inside it."""
    left_out = NESTED.get(node.type, ())
    own = {key: value for key, value in node.step.config.items() if key not in left_out}
    if node.type != "http":
        return dict(variables.plain(own))
    return {**variables.guarded(own), "url": variables.address(str(own.get("url", "")))}


def command_of(node: Node, variables: Variables) -> dict[str, Any]:
    activity = ACTIVITIES.get(node.type)
    extra = {"playbook_activity": activity} if activity else {}
    if node.type == "http":
        return {**_http(node, variables), **extra}
    words = [variables.text(node.step.text)] if node.step.text else []
    words += _instructions(node, variables)
    return {"type": "manual", "command": "\n".join(words), **extra}


def _instructions(node: Node, variables: Variables) -> Iterator[str]:
    """A step in words, for who has nothing but this file."""
    config = config_of(node, variables)
    if node.type == "manual":
        yield str(config.get("instruction", ""))
        return
    yield f"{STEPS[node.type].label}:"
    yield from _lines(config, "  ")


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping | list) and item:
                yield f"{indent}{key}:"
                yield from _lines(item, indent + "  ")
            else:
                yield f"{indent}{key}: {_word(item)}"
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping | list):
                first, *rest = _lines(item, indent + "  ")
                yield f"{indent}- {first.strip()}"
                yield from rest
            else:
                yield f"{indent}- {_word(item)}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).strip()


def _http(node: Node, variables: Variables) -> dict[str, Any]:
    config = config_of(node, variables)
    method = str(config.get("method", "GET"))
    parts = urlsplit(config["url"])
    # With a known machine as target the path is enough; else the request names the whole address.
    path = (
        (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if machine_of(node, variables)
        else config["url"]
    )
    command: dict[str, Any] = {"type": "http-api", "command": f"{method} {path} HTTP/1.1"}
    headers = config.get("headers") or {}
    if headers:
        command["headers"] = {name: [_word(value)] for name, value in sorted(headers.items())}
    if config.get("body") is not None:
        body = json.dumps(config["body"], ensure_ascii=False, sort_keys=True)
        command["content_b64"] = base64.b64encode(body.encode()).decode()
    return command


def machine_of(node: Node, variables: Variables) -> Machine | None:
    """None where the host is only known when a run starts."""
    url = str(node.step.config.get("url", ""))
    parts = urlsplit(url)
    if "$" in parts.netloc or "{" in parts.netloc or not parts.hostname:
        return None
    base = f"{parts.scheme}://{parts.netloc}"
    port = str(parts.port or (443 if parts.scheme == "https" else 80))
    try:
        number = ip_address(parts.hostname)
    except ValueError:
        address = {"url": [base]} if URL.search(base) else {"dname": [parts.hostname]}
    else:
        address = {"ipv6" if isinstance(number, IPv6Address) else "ipv4": [parts.hostname]}
    return Machine(parts.hostname, address, port)
