"""An exported plan, judged by itself: no database, no network, nothing but the file and the approved hash."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.plans.canonical import NotCanonical, hash_of, parse
from governance.plans.schema import Document, Step, references_in
from integrations.expressions import ExpressionError, names_in
from runbooks.plans.stepping import RULES
from runbooks.playbooks.durations import spell
from runbooks.steps import STEPS, Flag, Whole

LARGEST = 8 * 1024 * 1024
WORDS = ("stop", "continue", "rollback")


class GuardForm(BaseModel):
    """What a condition must look like to be read at all; who wrote the file is not known."""

    model_config = ConfigDict(extra="allow")
    that: str
    inputs: dict[str, Any] = Field(default_factory=dict)
    run: dict[str, Any] = Field(default_factory=dict)
    steps: dict[str, str] = Field(default_factory=dict)
    types: dict[str, dict[str, str]] = Field(default_factory=dict)
    begun: Flag = False


class RulesForm(BaseModel):
    """The same of how a step is run."""

    model_config = ConfigDict(extra="allow")
    text: str = ""
    role: str = ""
    expect: Whole = Field(default=0, ge=0)
    timeout: Whole = Field(default=0, ge=0)
    attempts: Whole = Field(default=1, ge=1)
    delay: Whole = Field(default=0, ge=0)
    phase: str = "main"
    undo: str = ""
    on_failure: str = "stop"
    if_: list[GuardForm] = Field(default_factory=list, alias="if")
    before: list[dict[str, Any]] = Field(default_factory=list)
    after: list[dict[str, Any]] = Field(default_factory=list)
    lock: dict[str, Any] | None = None
    marks: str | None = None


def problems(data: bytes, sha256: str = "") -> list[str]:
    """Everything that keeps these bytes from being a plan, or the approved one. Empty: it is."""
    if len(data) > LARGEST:
        return ["larger than any plan"]
    try:
        raw = parse(data)
        document = Document.model_validate(raw)
    except NotCanonical as error:
        return [f"not canonical: {error}"]
    except ValidationError as error:
        return [_schema(item) for item in error.errors(include_url=False)[:20]]
    found = list(_judge(document))
    if document.canonical() != data:
        found.append("it leaves out what every plan says")
    if sha256 and sha256.lower().removeprefix("0x") != hash_of(data).removeprefix("0x"):
        found.append(f"its hash is {hash_of(data)}, not {sha256}")
    return found


def summary(data: bytes) -> Iterator[str]:
    """A sound plan in lines that people read."""
    document = Document.model_validate(parse(data))
    source = document.source
    if source:
        yield f"{source.playbook}, version {source.version}, for {document.environment}, text {source.sha256}"
    for number, step in enumerate(document.steps, start=1):
        rules = step.params.get(RULES, {})
        phase = rules.get("phase", "main")
        where = "" if phase == "main" else f" ({phase})"
        after = f" · after {', '.join(step.needs)}" if step.needs else ""
        yield f"{number}. {step.id} · {step.type}{where}{after} · {step.title}"
        for guard in rules.get("if", ()):
            yield f"     only if {guard['that']}"
        for reference in sorted(set(references_in(step.params))):
            yield f"     uses {reference}"
        yield f"     {rules.get('role', '')}, expected {spell(rules.get('expect', 0))}"
    for known_later in document.references:
        bounds = known_later.bounds.model_dump(exclude_none=True)
        yield f"later: {known_later.id}, {known_later.type}, by {known_later.rule}, within {bounds or 'its type'}"


def _schema(item: Any) -> str:
    return f"{'.'.join(str(part) for part in item['loc']) or 'document'}: {item['msg']}"


def _judge(document: Document) -> Iterator[str]:
    places = {step.id: index for index, step in enumerate(document.steps)}
    for index, step in enumerate(document.steps):
        if step.type not in STEPS:
            yield f"{step.id}: there is no step type {step.type}"
        rules = step.params.get(RULES)
        if not isinstance(rules, dict):
            yield f"{step.id}: it does not say how it is run"
            continue
        try:
            RulesForm.model_validate(rules)
        except ValidationError as error:
            yield from (_odd_rule(step, item) for item in error.errors(include_url=False)[:5])
            continue
        yield from _rules(step, rules, index, places)
    for reference in document.references:
        source, _, output = reference.rule.removeprefix("step:").rpartition(".")
        if reference.rule != f"step:{reference.id}" or source not in places or not output:
            yield f"reference {reference.id}: no step yields it"
    yield from _order(document, places)


def _odd_rule(step: Step, item: Any) -> str:
    in_condition = item["loc"][:1] == ("if",) and len(item["loc"]) > 1
    return f"{step.id}: a condition that cannot be judged" if in_condition else f"{step.id}: rules.{_schema(item)}"


def _order(document: Document, places: dict[str, int]) -> Iterator[str]:
    for index, step in enumerate(document.steps):
        for reference in references_in(step.params):
            source = reference.rpartition(".")[0]
            if source in places and places[source] >= index:
                yield f"{step.id}: uses {reference}, which is only known later"


def _rules(step: Step, rules: dict[str, Any], index: int, places: dict[str, int]) -> Iterator[str]:
    if rules.get("phase", "main") not in ("main", "rollback", "finally"):
        yield f"{step.id}: there is no phase {rules['phase']}"
    undo, jump = rules.get("undo", ""), rules.get("on_failure", "stop")
    if undo and undo not in places:
        yield f"{step.id}: what undoes it, {undo}, is not in the plan"
    if jump not in WORDS and places.get(jump, -1) <= index:
        yield f"{step.id}: when it fails it goes on at {jump}, which does not stand below"
    for guard in rules.get("if", ()):
        try:
            if not guard.get("begun"):
                names_in(guard["that"])
        except (ExpressionError, KeyError, TypeError, AttributeError):
            yield f"{step.id}: a condition that cannot be judged"
            continue
        for plan_id in guard.get("steps", {}).values():
            if plan_id not in places:
                yield f"{step.id}: its condition names {plan_id}, which is not in the plan"
