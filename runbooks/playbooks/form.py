"""Lint, first half: is everything a playbook says known, and of the right form? Told in the words of YAML."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from integrations.expressions import is_template
from runbooks.playbooks.flow import DEEPEST
from runbooks.playbooks.inputs import InputSpec
from runbooks.playbooks.reader import Document, Path, Problem
from runbooks.playbooks.schema import (
    Bound,
    Playbook,
    RetryRule,
    RunApproval,
    StepBase,
    Targets,
    Undo,
    hidden_keys,
    kinds_in,
    written_keys,
)
from runbooks.steps import STEPS

CONTROL_SAYS = {"id", "title", "text", "needs", "if", "lock", "on_failure", "role", "marks"}
"""What means something on a step that only stands for others; the rest belongs on the steps inside."""
HINTS = {
    "string_type": "text is wanted",
    "int_type": "a whole number is wanted",
    "int_parsing": "a whole number is wanted",
    "bool_type": "true or false is wanted",
    "bool_parsing": "true or false is wanted",
    "dict_type": "a mapping is wanted",
    "tuple_type": "a list is wanted",
    "list_type": "a list is wanted",
    "model_type": "a mapping is wanted",
    "model_attributes_type": "a mapping is wanted",
}

EXAMPLES = {
    "retry": "for example retry: {attempts: 3, delay: 5s}",
    "approval": "for example approval: {required: 2, role: commander}",
    "targets": "for example targets: {detect: 30s, safe: 10m}",
    "inputs": "for example vault: {type: contract}",
    "needs": "ids of steps above, for example needs: [look]",
    "bounds": "for example price: {minimum: 1}",
    "rollback": "one step that undoes this one, for example manual: {instruction: …}",
    "before": "what a check holds, for example reads: and that:",
    "after": "what a check holds, for example reads: and that:",
    "reads": "for example paused: {on: ${{ inputs.vault }}, call: paused() returns (bool)}",
    "steps": "each begins with `- id: …`",
    "finally": "each begins with `- id: …`",
    "then": "steps, each beginning with `- id: …`",
    "else": "steps, each beginning with `- id: …`",
    "cases": "under each value a list of steps",
    "lock": "for example ${{ inputs.vault }}",
    "on": "for example ${{ inputs.vault }}",
    "safe": "for example ${{ inputs.guardian }}",
    "timelock": "for example ${{ inputs.timelock }}",
    "feed": "for example ${{ inputs.feed }}",
    "if": "for example inputs.mode == 'fast'",
    "that": "for example paused == true",
}


def form(document: Document) -> Iterator[Problem]:
    """Every mistake of form. Without one, `Playbook.model_validate` and every step's config are sound."""
    data = document.data
    if not isinstance(data, dict):
        yield Problem(1, 1, "a playbook is a mapping", "start with `playbook: my-playbook`")
        return
    top = {key: value for key, value in data.items() if key not in ("steps", "finally")}
    steps = data.get("steps")
    stand_in = {"steps": [{"id": "a", next(iter(STEPS)): {}}]} if "steps" in data else {}
    yield from _explained(document, Playbook, {**top, **stand_in}, ())
    if "steps" in data:
        yield from _list(document, steps, ("steps",), 0, Playbook.MOST_STEPS)
        if steps == []:
            yield Problem(*document.place(("steps",)), "`steps` is empty", "write at least one step")
    if "finally" in data:
        yield from _list(document, data["finally"], ("finally",), 0, Playbook.MOST_FINALLY)


def _list(document: Document, steps: Any, path: Path, depth: int, most: int) -> Iterator[Problem]:
    if not isinstance(steps, list):
        yield Problem(*document.place(path), f"`{path[-1]}`: a list is wanted", "each begins with `- id: …`")
        return
    if len(steps) > most:
        yield Problem(*document.place((*path, most)), f"more than {most} steps", "split the playbook")
        return
    for index, raw in enumerate(steps):
        if isinstance(raw, dict):
            yield from _step(document, raw, (*path, index), depth)
        else:
            yield Problem(*document.place((*path, index)), "a step is a mapping", "write `- id: …`")


def _step(document: Document, raw: dict[str, Any], path: Path, depth: int) -> Iterator[Problem]:
    common = written_keys(StepBase)
    kinds = yield from _kinds(document, raw, path, common)
    said = {key: value for key, value in raw.items() if key in common and not (key in kinds and key == "if")}
    undo = said.pop("rollback", None) if isinstance(said.get("rollback"), dict) else None
    yield from _explained(document, StepBase, said, path)
    if undo is not None:
        yield from _undo(document, undo, (*path, "rollback"))
    for name in ("before", "after"):
        yield from _checks(document, raw.get(name), (*path, name))
    for kind in kinds[:1]:
        if isinstance(raw[kind], dict):
            yield from _config(document, kind, raw[kind], (*path, kind))
            if STEPS[kind].control:
                yield from _control(document, raw, kind, path, depth)


def _kinds(document: Document, raw: dict[str, Any], path: Path, common: set[str]) -> Any:
    """Exactly one key names the type, and no key is one that nobody knows."""
    kinds, types = kinds_in(raw), set(STEPS)
    for key in raw:
        if key not in common | types:
            place = document.place((*path, key), key=True)
            yield Problem(*place, f"`{key}` is not known here", did_you_mean(key, common | types))
    if not kinds:
        hint = f"add one of {', '.join(sorted(types))}"
        yield Problem(*document.place(path), "this step does not say what it does", hint)
    for key in kinds[1:]:
        place = document.place((*path, key), key=True)
        yield Problem(*place, f"a step does one thing: `{kinds[0]}` is there already", "make it a step of its own")
    for key in kinds:
        if not isinstance(raw[key], dict):
            hint = f"its keys are {', '.join(sorted(written_keys(STEPS[key].Config)))}"
            yield Problem(*document.place((*path, key)), f"`{key}` wants a mapping", hint)
    return kinds


def _undo(document: Document, raw: dict[str, Any], path: Path) -> Iterator[Problem]:
    common = written_keys(Undo)
    kinds = yield from _kinds(document, raw, path, common)
    yield from _explained(
        document, Undo, {**{k: v for k, v in raw.items() if k in common}, "type": "", "config": {}}, path
    )
    for kind in kinds[:1]:
        if STEPS[kind].control:
            place = document.place((*path, kind), key=True)
            yield Problem(*place, f"`{kind}` cannot undo a step", "what undoes a step is one step")
        elif isinstance(raw[kind], dict):
            yield from _config(document, kind, raw[kind], (*path, kind))


def _checks(document: Document, raw: Any, path: Path) -> Iterator[Problem]:
    """Conditions before and after are configs of `check`: one, or a list."""
    if isinstance(raw, dict):
        yield from _config(document, "check", raw, path)
    elif isinstance(raw, list):
        for index, one in enumerate(raw):
            if isinstance(one, dict):
                yield from _config(document, "check", one, (*path, index))


def _config(document: Document, kind: str, raw: dict[str, Any], path: Path) -> Iterator[Problem]:
    model = STEPS[kind].Config
    for key in sorted(set(raw) & hidden_keys(model)):
        place = document.place((*path, key), key=True)
        yield Problem(
            *place, f"`{key}` is not known here", did_you_mean(key, written_keys(model)), "", "extra_forbidden"
        )
    yield from _explained(document, model, raw, path)


def _control(document: Document, raw: dict[str, Any], kind: str, path: Path, depth: int) -> Iterator[Problem]:
    for key in raw:
        if key != kind and key in written_keys(StepBase) - CONTROL_SAYS:
            place = document.place((*path, key), key=True)
            yield Problem(*place, f"`{key}` has no meaning on `{kind}`", "write it on the steps inside")
    if depth >= DEEPEST:
        hint = "move the inner steps to a playbook of their own"
        yield Problem(*document.place(path), f"steps stand inside one another more than {DEEPEST} deep", hint)
        return
    for inner, steps in _inside(STEPS[kind].Config, raw[kind]):
        yield from _list(document, steps, (*path, kind, *inner), depth + 1, 50)


def _inside(model: type[BaseModel], raw: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Where steps stand in the config of a control step, sound or not."""
    for key in ("steps", "then", "else", "default"):
        if isinstance(raw.get(key), list) and key in written_keys(model):
            yield (key,), raw[key]
    cases = raw.get("cases")
    if isinstance(cases, dict) and "cases" in written_keys(model):
        for case, steps in cases.items():
            if isinstance(steps, list):
                yield ("cases", case), steps


def _explained(document: Document, model: type[BaseModel], raw: Any, base: Path) -> Iterator[Problem]:
    try:
        model.model_validate(raw)
    except ValidationError as error:
        for item in one_a_place(error, raw):
            path = _in_document(document, base, tuple(item["loc"]))
            if not _told_elsewhere(model, item, path):
                yield _explain(document, path, item, _known_keys(model, base, path), base)


def _told_elsewhere(model: type[BaseModel], item: Any, path: Path) -> bool:
    """Steps inside a step are looked at one by one."""
    inside = model in [STEPS[name].Config for name in STEPS if STEPS[name].control]
    return inside and item["type"] == "dict_type" and bool(path) and isinstance(path[-1], int)


def one_a_place(error: ValidationError, raw: Any) -> list[Any]:
    """Where a field may be one of several things, only why it is not the one that it looks most like."""
    items: list[Any] = list(error.errors(include_url=False))
    for _ in range(DEEPEST):
        items = _chosen(items, raw)
    return items


def _chosen(items: list[Any], raw: Any) -> list[Any]:
    """Pydantic names what it tried (`Place`, `constrained-str`) in a place where nothing is called so."""
    found: list[Any] = []
    tried: dict[tuple[Any, ...], dict[Any, list[Any]]] = {}
    for item in items:
        place = tuple(item["loc"])
        there = _reaches(raw, place)
        if len(place) == there or place[there] == "[key]" or (item["type"] == "missing" and len(place) == there + 1):
            found.append(item)
        else:
            shorter = {**item, "loc": (*place[:there], *place[there + 1 :])}
            tried.setdefault(place[:there], {}).setdefault(place[there], []).append(shorter)
    for base, ways in tried.items():
        near = [way for way in ways.values() if not all(_of_another_kind(item, base) for item in way)]
        near = near or [
            way for way in ways.values() if isinstance(way[0]["input"], int) and way[0]["type"] == "int_type"
        ]
        first: dict[Any, Any] = {}
        for item in (near or list(ways.values()))[0]:
            first.setdefault(item["loc"], item)
        found += first.values()
    return found


def _of_another_kind(item: Any, base: tuple[Any, ...]) -> bool:
    return item["loc"] == base and str(item["type"]).endswith("_type")


def _reaches(raw: Any, place: tuple[Any, ...]) -> int:
    """How many parts of a place lead to something that is written."""
    for depth, part in enumerate(place):
        in_list = isinstance(raw, list) and isinstance(part, int) and part < len(raw)
        if not in_list and not (isinstance(raw, Mapping) and part in raw):
            return depth
        raw = raw[part]
    return len(place)


def _known_keys(model: type[BaseModel], base: Path, path: Path) -> Iterable[str]:
    """The keys that may stand where one is not known."""
    inside = path[len(base) : -1]
    if not inside:
        return written_keys(model)
    parts: dict[Any, type[BaseModel]] = {"inputs": InputSpec, "targets": Targets, "approval": RunApproval}
    parts |= {"retry": RetryRule, "bounds": Bound}
    return written_keys(parts[inside[0]]) if inside[0] in parts else _inner_keys(model)


@lru_cache(maxsize=64)
def _inner_keys(model: type[BaseModel]) -> frozenset[str]:
    """The keys of everything inside a config: one that is near is what was meant."""
    inner = model.model_json_schema().get("$defs", {}).values()
    return frozenset(key for one in inner for key in one.get("properties", {}))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    options = sorted(known)
    near = difflib.get_close_matches(word[:80], options, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known are {', '.join(options)}" if options else ""


def _explain(document: Document, path: Path, item: Any, known: Iterable[str], base: Path) -> Problem:
    """A pydantic error in the words of someone who writes YAML."""
    kind = str(item["type"])
    last = next((part for part in reversed(path) if isinstance(part, str)), "playbook")
    dotted = ".".join(str(part) for part in path)
    if kind == "missing":
        missing = str(item["loc"][-1])
        parent = path[:-1] if path and str(path[-1]) == missing else path
        return Problem(*document.place(parent), f"`{missing}` is missing", f"add `{missing}: …`", dotted, kind)
    if kind == "extra_forbidden":
        at = document.place(path, key=True)
        return Problem(*at, f"`{last}` is not known here", did_you_mean(last, set(known) - {last}), dotted, kind)
    place = document.place(path)
    if kind in HINTS:
        return Problem(*place, f"`{last}`: {HINTS[kind]}", EXAMPLES.get(last, ""), dotted, kind)
    context = item.get("ctx") or {}
    if kind == "literal_error":
        return Problem(*place, f"`{str(item['input'])[:60]}` is not one of {context['expected']}", "", dotted, kind)
    if kind == "string_pattern_mismatch":
        return Problem(
            *place, f"`{str(item['input'])[:60]}` has the wrong form", _wanted_form(item, path), dotted, kind
        )
    message = str(item["msg"]).removeprefix("Value error, ").partition(" after validation")[0]
    return Problem(*place, message[:1].lower() + message[1:], "", dotted, kind)


def _wanted_form(item: Any, path: Path) -> str:
    pattern = str((item.get("ctx") or {}).get("pattern", ""))
    if r"\$\{\{" in pattern:
        return "for example ${{ inputs.vault }}"
    if "0x" in pattern:
        return "0x and hex digits"
    if "[0-9]{1," in pattern:
        return "a whole number in quotes"
    if path and path[-1] == "path":
        return "for example data.items[0].price"
    if pattern.endswith("$]+$"):
        return "words without `$` and control characters"
    if path and path[-1] == "on_failure":
        return "stop, continue, rollback, or the id of a step further down"
    return "lower-case letters, digits and - or _, starting with a letter"


def _in_document(document: Document, base: Path, place: tuple[Any, ...]) -> Path:
    """A pydantic location holds names of union members and models that do not stand in the YAML: leave those out."""
    path = base
    for part in place:
        last = part == place[-1] and isinstance(part, str | int) and _plain_word(part)
        if (*path, part) in document.values or last:
            path = (*path, part)
    return path


def _plain_word(part: str | int) -> bool:
    return isinstance(part, int) or (part != "Place" and not any(sign in part for sign in "-[(:"))


def templates_in(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text with `${{ … }}`, with where it stands."""
    if isinstance(value, str):
        if is_template(value):
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from templates_in(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from templates_in(item, (*path, index))
