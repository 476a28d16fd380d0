"""One step of a playbook → the steps it becomes in the plan: resolved, with the rules by which each is run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from runbooks.plans.context import PlanContext
from runbooks.plans.later import in_words, is_marked, narrowed, settle
from runbooks.plans.scope import Scope
from runbooks.playbooks.flow import WORDS, Spot, target_of
from runbooks.playbooks.schema import Deed, Step, Undo
from runbooks.steps import STEPS, Asked, Kind, Part, Place

RULES = "rules"
"""Under this key of a step's params stands how it is run: who, how long, how often, what when it fails."""
LONGEST_ID = 64


@dataclass(slots=True)
class Draft:
    """A step of the plan while it is made. `jump`: the plan id that `on_failure` names, or ""."""

    id: str
    type: str
    title: str
    needs: tuple[str, ...]
    params: dict[str, Any]
    rules: dict[str, Any] = field(default_factory=dict)
    jump: str = ""


def draft_step(
    spot: Spot,
    scope: Scope,
    context: PlanContext,
    *,
    needs: tuple[str, ...],
    guards: tuple[Mapping[str, Any], ...],
) -> list[Draft]:
    """The step, or the parts it expands into; then what undoes it."""
    step, own = spot.step, scope.plan_id(spot.id)
    rules = {**_rules(step, scope), **_shared(spot, scope, guards)}
    jump = _jump(spot, scope)
    if step.kind.control:
        asked = Asked(config=step.typed_config(), inputs=scope.names["inputs"], context=context)
        parts: tuple[Part, ...] | None = None
        rules |= {"expect": 0, "lock": None}
    else:
        asked = Asked(config=filled(step.kind, scope.fill(step.config)), inputs=scope.names["inputs"], context=context)
        parts = step.kind.expand(asked)
        rules |= _own_time(step, step.kind, asked.config)
    title = scope.fill_words(step.title)
    one = _draft(own, step.kind, asked, title, needs) if parts is None else None
    drafts = [one] if one else _parts(own, parts or (), asked, title, needs)
    for draft in drafts:
        draft.rules, draft.jump = {**rules, **draft.rules}, jump
    drafts[0].rules["before"] = _checks(step.before, scope, context)
    drafts[-1].rules |= {"after": _checks(step.after, scope, context), "marks": step.marks}
    _yield(step, own, asked.config, scope)
    if step.rollback is not None:
        drafts.append(_undo(step.rollback, f"{own}.rollback", scope, context, rules))
        drafts[-2].rules["undo"] = drafts[-1].id
    return drafts


def _draft(own: str, kind: Kind, asked: Asked, title: str, needs: tuple[str, ...]) -> Draft:
    if len(own) > LONGEST_ID:
        raise ValueError(f"its id in the plan, {own}, is longer than {LONGEST_ID} characters; use shorter ids")
    params = kind.resolve(asked)
    return Draft(own, kind.name, title or in_words(kind.describe(params)), needs, settle(params))


def _parts(own: str, parts: tuple[Part, ...], asked: Asked, title: str, needs: tuple[str, ...]) -> list[Draft]:
    """One after the other; the last has the step's own id."""
    drafts: list[Draft] = []
    for part in parts:
        kind = STEPS[part.type]
        inner = Asked(config=filled(kind, part.config), inputs=asked.inputs, context=asked.context)
        words = part.title or (title if part is parts[-1] else "")
        draft = _draft(f"{own}.{part.suffix}" if part.suffix else own, kind, inner, words, needs)
        draft.rules = dict(part.rules)
        drafts.append(draft)
        needs = (draft.id,)
    if drafts[-1].id != own:
        raise ValueError("the last part of a step has the step's own id")
    return drafts


def filled(kind: Kind, config: Any) -> BaseModel:
    """The config with every `${{ … }}` replaced, checked once more: now each value must have its real type."""
    try:
        return kind.Config.model_validate(config)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"] if "[" not in str(part) and "-" not in str(part))
        if is_marked(first["input"]) and "too_long" in first["type"]:
            most = first["ctx"]["max_length"]
            raise ValueError(f"{where}: it can become longer than {most} characters; set `bounds`") from None
        if is_marked(first["input"]):
            raise ValueError(f"{where}: a value that is not known yet cannot stand here") from None
        raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def _rules(deed: Deed, scope: Scope) -> dict[str, Any]:
    return {
        "text": scope.fill_words(deed.text),
        "role": deed.role,
        "expect": deed.expect,
        "timeout": deed.timeout,
        "attempts": deed.retry.attempts,
        "delay": deed.retry.delay,
        "phase": "main",
        "undo": "",
        "on_failure": "stop",
        "if": [],
        "before": [],
        "after": [],
        "lock": None,
        "marks": None,
    }


def _own_time(deed: Deed, kind: Kind, config: Any) -> dict[str, int]:
    """What takes long by itself is expected to, and is not late before: unless the playbook says otherwise."""
    least, found = kind.lasts(config), dict[str, int]()
    if least > deed.expect and not deed.says("expect"):
        found["expect"] = least
    if least >= deed.timeout and not deed.says("timeout"):
        found["timeout"] = least + deed.timeout
    return found


def _shared(spot: Spot, scope: Scope, guards: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    """What holds for every part of the step, some of it said by the control step around it."""
    said = _said(spot, scope)
    return {
        "role": said["role"],
        "phase": spot.phase,
        "on_failure": "stop" if spot.step.kind.control else said["on_failure"],
        "if": [dict(guard) for guard in guards],
        "lock": said["lock"],
    }


def said_for_all(spot: Spot, scope: Scope) -> dict[str, Any]:
    """What a step that uses a playbook says for everything in there that does not say its own."""
    found = {key: value for key, value in _said(spot, scope).items() if key in scope.said or spot.said(key).says(key)}
    return {**found, "jump": _jump(spot, scope, of_control=True)} if "on_failure" in found else found


def _said(spot: Spot, scope: Scope) -> dict[str, Any]:
    """By itself, else by a control step around it, else by the step that uses its playbook."""
    found = {
        "role": spot.said("role").role,
        "on_failure": spot.said("on_failure").on_failure,
        "lock": _lock(spot.said("lock"), scope),
    }
    return found | {key: scope.said[key] for key in found if _left_to_user(spot, scope, key)}


def _left_to_user(spot: Spot, scope: Scope, key: str) -> bool:
    """A no is no, and what always runs has its own end: neither is told by others what follows its failure."""
    if key == "on_failure" and spot.phase != "main":
        return False
    if key == "on_failure" and spot.step.type == "approve" and scope.said.get(key) not in ("stop", "rollback"):
        return False
    return key in scope.said and not spot.said(key).says(key)


def _jump(spot: Spot, scope: Scope, of_control: bool = False) -> str:
    """The plan id of the step that `on_failure` names, or ""."""
    if _left_to_user(spot, scope, "on_failure"):
        return "" if spot.step.kind.control and not of_control else str(scope.said["jump"])
    word = spot.said("on_failure").on_failure if of_control else target_of(spot)
    return scope.plan_id(word) if word and word not in WORDS else ""


def _lock(step: Step, scope: Scope) -> dict[str, Any] | None:
    if step.lock is None:
        return None
    if isinstance(step.lock, Place):
        place = step.lock
    else:
        value = scope.fill(step.lock)
        if not isinstance(value, Mapping) or is_marked(value):
            raise ValueError("`lock` wants a contract, such as ${{ inputs.vault }}")
        try:
            place = Place.model_validate(value)
        except ValidationError:
            raise ValueError("`lock` wants a contract, such as ${{ inputs.vault }}") from None
    return {"chain_id": place.chain_id, "address": place.address, "name": place.name}


def _checks(configs: tuple[dict[str, Any], ...], scope: Scope, context: PlanContext) -> list[Any]:
    kind = STEPS["check"]
    asked = (Asked(filled(kind, scope.fill(one)), scope.names["inputs"], context) for one in configs)
    return [settle(kind.resolve(one)) for one in asked]


def _yield(step: Step, own: str, config: Any, scope: Scope) -> None:
    """Tell what later steps may name; what has bounds is a reference of the plan whether they do or not."""
    outputs = step.kind.outputs(config)
    for name, output in outputs.items():
        scope.yields.known[f"{own}.{name}"] = output
    for name, bound in step.bounds.items():
        if name not in outputs:
            raise ValueError(f"`bounds`: this step does not yield {name}")
        scope.yields.known[f"{own}.{name}"] = narrowed(
            outputs[name],
            minimum=scope.fill(bound.minimum),
            maximum=scope.fill(bound.maximum),
            one_of=tuple(scope.fill(item) for item in bound.one_of),
            max_length=bound.max_length,
        )
        scope.yields.use(f"{own}.{name}")


def _undo(undo: Undo, own: str, scope: Scope, context: PlanContext, rules: Mapping[str, Any]) -> Draft:
    kind = undo.kind
    asked = Asked(filled(kind, scope.fill(undo.config)), scope.names["inputs"], context)
    if kind.control or kind.expand(asked) is not None:
        raise ValueError(f"`{undo.type}` takes several steps; what undoes a step is one")
    draft = _draft(own, kind, asked, scope.fill_words(undo.title), ())
    draft.rules = {
        **_rules(undo, scope),
        **_own_time(undo, kind, asked.config),
        "phase": "rollback",
        "lock": rules["lock"],
    }
    return draft
