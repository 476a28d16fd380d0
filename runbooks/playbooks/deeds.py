"""What a written step will do, in a few lines: read from the names that step types give their fields.

A playbook that nobody started has no plan yet, so this reads the YAML's own words; a type with fields of other names is
simply told by its title and text.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from runbooks.playbooks.graph import plain
from runbooks.playbooks.shape import Node

SENTENCES = ("instruction", "question", "subject")


def deeds_of(node: Node) -> tuple[str, ...]:
    config: Mapping[str, Any] = node.step.config
    return tuple(line for line in (*_said(config), *_calls(config), *_looks(node.type, config), *_rest(config)) if line)


def _said(config: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(config.get("audience"), str):
        yield f"to {plain(config['audience'])}"
    for name in SENTENCES:
        if isinstance(config.get(name), str):
            yield plain(config[name].strip())
    for item in _list(config.get("items")):
        yield f"\u2610 {_words(item)}"
    for option in _list(config.get("options")):
        yield f"\u25cb {_option(option)}"
    if "required" in config and "question" in config:
        needs = {"wallet": ", each with a wallet's signature", "passkey": ", each with a passkey"}
        yield f"{config['required']} of role {config.get('role', 'commander')}{needs.get(str(config.get('needs')), '')}"


def _option(option: Any) -> str:
    """A choice with the words that explain it, where it has any."""
    if isinstance(option, Mapping) and option.get("text") and option.get("choice"):
        return f"{plain(str(option['choice']))}: {plain(str(option['text']))}"
    return _words(option)


def _calls(config: Mapping[str, Any]) -> Iterator[str]:
    calls = _list(config.get("calls"))
    if isinstance(config.get("call"), str):
        calls = [config]
    for call in calls:
        if isinstance(call, Mapping):
            yield _call(call)


def _call(call: Mapping[str, Any]) -> str:
    name = str(call.get("call", "")).split("(", 1)[0]
    arguments = ", ".join(_words(argument) for argument in _list(call.get("args")))
    return f"{_words(call.get('on'))}.{name}({arguments})"


def _looks(kind: str, config: Mapping[str, Any]) -> Iterator[str]:
    reads = config.get("reads")
    for name, read in (reads if isinstance(reads, Mapping) else {}).items():
        if isinstance(read, Mapping):
            yield f"{name} = {_call(read)}"
    if config.get("feed") is not None:
        yield f"{_words(config['feed'])} is {config.get('is', '')}, heartbeat {_words(config.get('heartbeat'))}"
    if isinstance(config.get("that"), str) and kind != "if":
        yield f"holds when {plain(config['that'])}"


def _rest(config: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(config.get("url"), str):
        yield f"{config.get('method', 'GET')} {plain(config['url'])}"
    if config.get("duration") is not None:
        yield f"for {_words(config['duration'])}"
    if config.get("blocks") is not None:
        yield f"for {config['blocks']} blocks"
    if isinstance(config.get("use"), str):
        version = f", version {config['version']}" if config.get("version") else ""
        yield f"the steps of {config['use']}{version}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(value: Any) -> str:
    """A value as it is written, or the name of what stands for it."""
    if isinstance(value, Mapping):
        named = (value.get(key) for key in ("name", "text", "choice", "address"))
        return str(next((name for name in named if name), ""))
    return plain(str(value)) if value is not None else ""
