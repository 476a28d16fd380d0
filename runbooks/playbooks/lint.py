"""Lint: every mistake at once, each with its line, its column, what is wrong and what would be right."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from runbooks.playbooks.expressions import ExpressionError, is_template, names_in, template_expressions
from runbooks.playbooks.reader import Document, NotReadable, Path, Problem, read
from runbooks.playbooks.schema import Playbook, StepBase
from runbooks.steps import STEPS


@dataclass(frozen=True, slots=True)
class Linted:
    """`playbook` is None exactly when there are problems."""

    playbook: Playbook | None
    problems: tuple[Problem, ...]


def lint(text: str) -> Linted:
    try:
        document = read(text)
    except NotReadable as error:
        return Linted(None, (error.problem,))
    problems = list(_shape(document))
    playbook: Playbook | None = None
    if not problems:
        playbook = Playbook.model_validate(document.data)
        problems = [*_needs(document, playbook), *_configs(document, playbook), *_names(document, playbook)]
    if problems:
        return Linted(None, tuple(sorted(set(problems))))
    return Linted(playbook, ())


def _shape(document: Document) -> Iterator[Problem]:
    if not isinstance(document.data, dict):
        yield Problem(1, 1, "a playbook is a mapping", "start with `playbook: my-playbook`")
        return
    yield from _kinds(document)
    try:
        Playbook.model_validate(document.data)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            echo = item["type"] == "too_short" and item["input"]  # an item's own error is listed by itself
            if not echo and not _is_kind_error(item["loc"], item["type"]):
                yield _explain(document, tuple(item["loc"]), item, _known_keys(tuple(item["loc"])))


def _is_kind_error(place: tuple[Any, ...], kind: str) -> bool:
    """Errors that `_kinds` tells better: a step without type, or with unknown words beside it."""
    return len(place) == 3 and place[0] == "steps" and (place[2] in ("type", "config") or kind == "extra_forbidden")


def _kinds(document: Document) -> Iterator[Problem]:
    """Each step has exactly one key that names its type, and no key that nobody knows."""
    steps = document.data.get("steps")
    if not isinstance(steps, list):
        return
    common, kinds = set(StepBase.model_fields), set(STEPS)
    for index, step in enumerate(steps):
        if not isinstance(step, dict):
            continue
        found = [key for key in step if key in kinds]
        for key in step:
            if key not in common | kinds:
                place = document.place(("steps", index, key), key=True)
                yield Problem(*place, f"`{key}` is not known here", _did_you_mean(key, common | kinds))
        if not found:
            place = document.place(("steps", index))
            yield Problem(*place, "this step does not say what it does", f"add one of {', '.join(sorted(kinds))}")
        for key in found[1:]:
            place = document.place(("steps", index, key), key=True)
            yield Problem(*place, f"a step does one thing: `{found[0]}` is there already", "make it a step of its own")
        for key in found:
            if not isinstance(step[key], dict):
                yield Problem(*document.place(("steps", index, key)), f"`{key}` wants a mapping")


def _known_keys(place: tuple[Any, ...]) -> Iterable[str]:
    if len(place) == 1:
        return Playbook.model_fields
    if place[0] == "inputs":
        from runbooks.playbooks.inputs import InputSpec

        return InputSpec.model_fields
    return ("detect", "acknowledge", "safe", "restored", "required", "role", "needs", "attempts", "delay")


def _needs(document: Document, playbook: Playbook) -> Iterator[Problem]:
    seen: list[str] = []
    for index, step in enumerate(playbook.steps):
        if step.id in seen:
            yield Problem(*document.place(("steps", index, "id")), f"the id `{step.id}` is used twice", "rename one")
        for position, need in enumerate(step.needs or ()):
            if need not in seen:
                place = document.place(("steps", index, "needs", position))
                hint = _did_you_mean(need, seen) or "a step can only need steps that stand above it"
                yield Problem(*place, f"no step above is called `{need}`", hint)
        seen.append(step.id)


def _configs(document: Document, playbook: Playbook) -> Iterator[Problem]:
    for index, step in enumerate(playbook.steps):
        config = STEPS[step.type].Config
        base: Path = ("steps", index, step.type)
        try:
            config.model_validate(step.config)
        except ValidationError as error:
            for item in _one_a_place(error):
                yield _explain(document, (*base, *item["loc"]), item, _fields(config, item["loc"]))


def _one_a_place(error: ValidationError) -> list[Any]:
    """A field that may also be a `${{ … }}` fails twice: keep the error that names what is wanted."""
    items = list(error.errors(include_url=False))
    templates = [item for item in items if TEMPLATE_BRANCH in item["loc"]]
    others = [item for item in items if item not in templates]
    bases = {item["loc"][: item["loc"].index(TEMPLATE_BRANCH)] for item in templates}
    covered = {base for base in bases if any(item["loc"][: len(base)] == base for item in others)}
    return others + [item for item in templates if item["loc"][: item["loc"].index(TEMPLATE_BRANCH)] not in covered]


def _fields(model: type[BaseModel], place: tuple[Any, ...]) -> Iterable[str]:
    return model.model_fields if len(place) <= 1 else ()


def _names(document: Document, playbook: Playbook) -> Iterator[Problem]:
    """Every `${{ … }}` must be an expression over inputs that exist."""
    known = {f"inputs.{name}" for name in playbook.inputs}
    used: set[str] = set()
    for index, step in enumerate(playbook.steps):
        if is_template(step.title) or is_template(step.text):
            used |= set().union(*(_safe_names(text) for text in (step.title, step.text)))
        places: list[tuple[Path, str]] = list(_texts(step.config, ("steps", index, step.type)))
        places += [(("steps", index, key), getattr(step, key)) for key in ("title", "text")]
        for path, text in places:
            for problem, names in _check_template(document, path, text, known):
                used |= names
                if problem:
                    yield problem
    for name in playbook.inputs:
        if f"inputs.{name}" not in used:
            place = document.place(("inputs", name), key=True)
            yield Problem(*place, f"the input `{name}` is never used", f"use ${{{{ inputs.{name} }}}} or remove it")


def _safe_names(text: str) -> set[str]:
    try:
        return {name for source in template_expressions(text) for name in names_in(source)}
    except ExpressionError:
        return set()


def _check_template(
    document: Document, path: Path, text: str, known: set[str]
) -> Iterator[tuple[Problem | None, set[str]]]:
    if not is_template(text):
        return
    place = document.place(path)
    try:
        sources = template_expressions(text)
        names = {name for source in sources for name in names_in(source)}
    except ExpressionError as error:
        yield Problem(*place, str(error), "for example ${{ inputs.vault }}"), set()
        return
    roots = {".".join(name.split(".")[:2]) for name in names}
    for name in sorted(roots - known - FACTS):
        yield Problem(*place, f"`{name}` is not known here", _did_you_mean(name, known | FACTS)), set()
    yield None, roots


FACTS = {"run.environment", "run.protocol"}


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    options = sorted(known)
    near = difflib.get_close_matches(word, options, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known are {', '.join(options)}" if options else ""


TEMPLATE_BRANCH = "constrained-str"
HINTS = {
    "string_type": "text is wanted",
    "int_type": "a whole number is wanted",
    "bool_type": "true or false is wanted",
    "dict_type": "a mapping is wanted",
    "tuple_type": "a list is wanted",
    "list_type": "a list is wanted",
    "model_type": "a mapping is wanted",
    "model_attributes_type": "a mapping is wanted",
}


def _explain(document: Document, place: tuple[Any, ...], item: Any, known: Iterable[str]) -> Problem:
    """A pydantic error in the words of someone who writes YAML."""
    kind, last = str(item["type"]), str(place[-1]) if place else ""
    path = _in_document(document, place)
    last = str(path[-1]) if path else last
    dotted = ".".join(str(part) for part in path)
    if kind == "missing":
        parent = path[:-1] if path and path[-1] == last else path
        return Problem(*document.place(parent), f"`{last}` is missing", f"add `{last}: …`", dotted)
    if kind == "extra_forbidden":
        at = document.place(path, key=True)
        return Problem(*at, f"`{last}` is not known here", _did_you_mean(last, set(known) - {last}), dotted)
    if kind in HINTS:
        return Problem(*document.place(path), f"`{last}`: {HINTS[kind]}", "", dotted)
    message = str(item["msg"]).removeprefix("Value error, ")
    context = item.get("ctx") or {}
    if kind == "literal_error":
        return Problem(*document.place(path), f"`{item['input']}` is not one of {context['expected']}", "", dotted)
    if kind == "string_pattern_mismatch":
        hint = "lower-case letters, digits and - or _, starting with a letter"
        return Problem(*document.place(path), f"`{str(item['input'])[:60]}` has the wrong form", hint, dotted)
    return Problem(*document.place(path), message[:1].lower() + message[1:], "", dotted)


def _in_document(document: Document, place: tuple[Any, ...]) -> Path:
    """A pydantic location holds names of union members and models that do not stand in the YAML: leave those out."""
    path: Path = ()
    for part in place:
        if (*path, part) in document.values or (part == place[-1] and "-" not in str(part)):
            path = (*path, part)
    return path
