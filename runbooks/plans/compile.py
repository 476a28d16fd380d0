"""Playbook and inputs → plan document: everything that will be done, resolved. Pure: same in, same bytes out."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from governance.plans.canonical import hash_of
from governance.plans.schema import Document, Source
from governance.plans.schema import Step as PlanStep
from ledger.errors import Invalid
from runbooks.plans.context import PlanContext
from runbooks.playbooks.expressions import ExpressionError, fill, fill_all, is_template
from runbooks.playbooks.inputs import input_names, read_inputs
from runbooks.playbooks.schema import Playbook, Step
from runbooks.steps import STEPS, Asked

RULES = "rules"
"""Under this key of a step's params stands how it is run: who, how long, how often, what when it fails."""


def compile_plan(
    *, playbook: Playbook, yaml: str, version: int, inputs: Mapping[str, Any], context: PlanContext
) -> Document:
    """The document that people approve. Raises Invalid with the field (an input, or a step) that cannot be resolved."""
    resolved = read_inputs(playbook.inputs, inputs, context)
    names = {"inputs": input_names(resolved), "run": {"environment": context.environment, **context.facts}}
    steps = tuple(_step(playbook, index, names, context) for index in range(len(playbook.steps)))
    chains = {item["chain_id"] for item in resolved.values() if "chain_id" in item}
    chains |= {step.params["chain_id"] for step in steps if "chain_id" in step.params}
    return Document(
        kind="playbook",
        environment=context.environment,
        chains=tuple(sorted(chains)),
        source=Source(playbook=playbook.playbook, version=version, sha256=hash_of(yaml.encode())),
        inputs=resolved,
        steps=steps,
    )


def _step(playbook: Playbook, index: int, names: Mapping[str, Any], context: PlanContext) -> PlanStep:
    step = playbook.steps[index]
    kind = STEPS[step.type]
    try:
        config = _filled(step, names)
        params = kind.resolve(Asked(config=config, inputs=names["inputs"], context=context))
        title = _words(step.title, names) or kind.describe(params)
        rules = _rules(step, _words(step.text, names))
    except ExpressionError as error:
        raise Invalid(f"steps.{step.id}", str(error), "change the input, or correct the playbook") from None
    except ValueError as error:
        raise Invalid(f"steps.{step.id}", str(error), "change the input, or correct the playbook") from None
    return PlanStep(
        id=step.id, type=step.type, title=title[:200], needs=playbook.needs_of(index), params={**params, RULES: rules}
    )


def _filled(step: Step, names: Mapping[str, Any]) -> BaseModel:
    """The config with every `${{ … }}` replaced, checked once more: now each value must have its real type."""
    try:
        return step.typed_config(fill_all(step.config, names))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"] if "[" not in str(part))
        raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def _words(text: str, names: Mapping[str, Any]) -> str:
    return str(fill(text, names)) if is_template(text) else text


def _rules(step: Step, text: str) -> dict[str, Any]:
    return {
        "text": text,
        "role": step.role,
        "expect": step.expect,
        "timeout": step.timeout,
        "attempts": step.retry.attempts,
        "delay": step.retry.delay,
        "on_failure": step.on_failure,
        "marks": step.marks,
    }
