"""Playbook and inputs → plan document: everything that will be done, resolved. Pure: same in, same bytes out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from governance.plans.canonical import hash_of
from governance.plans.schema import Bounds, Document, Reference, Source
from governance.plans.schema import Step as PlanStep
from integrations.expressions import ExpressionError
from ledger.errors import Invalid
from runbooks.plans.context import PlanContext
from runbooks.plans.guards import begun, guard_of
from runbooks.plans.later import Yields, is_marked, yields
from runbooks.plans.scope import Scope
from runbooks.plans.stepping import RULES, Draft, draft_step, said_for_all
from runbooks.playbooks.flow import Flow, Spot
from runbooks.playbooks.inputs import given_inputs, input_names, read_inputs
from runbooks.playbooks.schema import Playbook

__all__ = ["MOST_STEPS", "RULES", "compile_plan"]

MOST_STEPS = 200
MOST_GUARDS = 2_000
DEEPEST = 4
"""So many playbooks may use one another in a row."""
HINT = "change the input, or correct the playbook"


def compile_plan(
    *, playbook: Playbook, yaml: str, version: int, inputs: Mapping[str, Any], context: PlanContext
) -> Document:
    """The document that people approve. Raises Invalid with the field (an input, or a step) that cannot be resolved."""
    resolved = read_inputs(playbook.inputs, inputs, context)
    if is_marked([resolved, context.facts]):
        raise Invalid("inputs", "a name or a text holds a character without meaning (U+E000 or U+E001)", "remove it")
    compiler = Compiler(context)
    with yields(compiler.yields):
        compiler.add(playbook, compiler.scope(resolved, trail=(playbook.playbook,)))
    compiler.check_leaps()
    try:
        return _document(playbook, yaml, version, resolved, compiler)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "plan"
        raise Invalid(place, first["msg"].removeprefix("Value error, "), HINT) from None


def _document(
    playbook: Playbook, yaml: str, version: int, resolved: Mapping[str, Any], compiler: "Compiler"
) -> Document:
    drafts = [*compiler.main, *compiler.last]
    steps = tuple(_plan_step(draft, compiler.first) for draft in drafts)
    return Document(
        kind="playbook",
        environment=compiler.context.environment,
        chains=tuple(sorted(set(_chains([resolved, [step.params for step in steps]])))),
        source=Source(playbook=playbook.playbook, version=version, sha256=hash_of(yaml.encode())),
        inputs=dict(resolved),
        steps=steps,
        references=tuple(_reference(name, compiler.yields) for name in sorted(compiler.yields.used)),
    )


@dataclass(slots=True)
class Compiler:
    """Gathers a plan's steps: the main ones, each followed by what undoes it, and those that always run."""

    context: PlanContext
    main: list[Draft] = field(default_factory=list)
    last: list[Draft] = field(default_factory=list)
    yields: Yields = field(default_factory=lambda: Yields({}, {}))
    guards: int = 0
    first: dict[str, str] = field(default_factory=dict)  # a step's plan id → that of the first it became

    def scope(self, resolved: Mapping[str, Mapping[str, Any]], *, trail: tuple[str, ...]) -> Scope:
        facts = {"environment": self.context.environment, **self.context.facts}
        names = {"inputs": input_names(resolved), "run": facts}
        return Scope(names=names, inputs=resolved, yields=self.yields, trail=trail, secrets=self.context.secrets)

    def add(self, playbook: Playbook, scope: Scope) -> None:
        """All steps of a playbook, those of playbooks that it uses in their places."""
        for spot in Flow(playbook).spots:
            try:
                self._spot(spot, scope)
            except ExpressionError as error:
                raise Invalid(_field(spot, scope), str(error), HINT) from None
            except Invalid:
                raise
            except ValueError as error:
                raise Invalid(_field(spot, scope), str(error), HINT) from None
            if len(self.main) + len(self.last) > MOST_STEPS:
                raise Invalid(_field(spot, scope), f"with it the plan has more than {MOST_STEPS} steps", "use fewer")

    def _spot(self, spot: Spot, scope: Scope) -> None:
        guards = (*scope.guards, *(guard_of(source, scope) for source in spot.guards))
        self.guards += len(guards)
        if self.guards > MOST_GUARDS:
            raise ValueError(f"the plan has more than {MOST_GUARDS} conditions")
        needs = tuple(scope.plan_id(need) for need in spot.needs)
        if spot.phase == "main" and not needs:
            needs = scope.needs
        first = None
        if spot.step.type == "playbook":
            row = self._use(spot, scope, needs, guards)
            first, needs = row[0].id, _leaves(row)
        for _, children in spot.step.inside:
            first = first or self.first[scope.plan_id(children[0].id)]
        drafts = draft_step(spot, scope, self.context, needs=needs, guards=guards)
        self.first[scope.plan_id(spot.id)] = first or drafts[0].id
        (self.main if spot.phase == "main" else self.last).extend(drafts)

    def check_leaps(self) -> None:
        """No failure leads around an approval, also not around one of a playbook that is used in between."""
        place = {draft.id: number for number, draft in enumerate(self.main)}
        for draft in self.main:
            if draft.jump and draft.jump not in self.first:
                raise Invalid(f"steps.{draft.id}", f"no step is called `{draft.jump}`", "name a step further down")
            between = self.main[place[draft.id] + 1 : place[self.first[draft.jump]]] if draft.jump else []
            asked = next((one for one in between if one.type == "approve" and one.rules["phase"] == "main"), None)
            if asked is not None:
                why = f"`on_failure: {draft.jump}` would go around the approval `{asked.id}`"
                raise Invalid(f"steps.{draft.id}", why, f"go on at `{asked.id}`, or above it")

    def _use(
        self, spot: Spot, scope: Scope, needs: tuple[str, ...], guards: tuple[Mapping[str, Any], ...]
    ) -> list[Draft]:
        """The steps of another playbook in this one's place. What it does finally is done with the plan's own."""
        config: Any = spot.step.typed_config()
        known = self.context.playbook(config.use, config.version)
        if known.slug in scope.trail:
            raise ValueError(f"a playbook cannot use itself: {' → '.join((*scope.trail, known.slug))}")
        if len(scope.trail) > DEEPEST:
            raise ValueError(f"playbooks use one another more than {DEEPEST} deep")
        try:
            resolved = read_inputs(known.document.inputs, given_inputs(scope.fill(config.inputs)), self.context)
        except Invalid as error:
            raise Invalid(f"{_field(spot, scope)}.{error.field}", error.message, error.hint) from None
        started, ended = len(self.main), len(self.last)
        inner = self.scope(resolved, trail=(*scope.trail, known.slug))
        said = said_for_all(spot, scope)
        self.add(
            known.document, replace(inner, prefix=f"{scope.plan_id(spot.id)}.", needs=needs, guards=guards, said=said)
        )
        row = self.main[started:]
        for draft in self.last[ended:]:
            draft.rules["if"].insert(0, begun(spot.id, [one.id for one in row if one.rules["phase"] == "main"]))
        return row


def _leaves(row: list[Draft]) -> tuple[str, ...]:
    """Those that no other one waits for: with them all are settled."""
    needed = {need for draft in row for need in draft.needs}
    return tuple(draft.id for draft in row if draft.id not in needed and draft.rules["phase"] == "main")


def _field(spot: Spot, scope: Scope) -> str:
    return f"steps.{scope.plan_id(spot.id)}"


def _plan_step(draft: Draft, first: Mapping[str, str]) -> PlanStep:
    rules = {**draft.rules, "on_failure": first[draft.jump]} if draft.jump else draft.rules
    return PlanStep(
        id=draft.id, type=draft.type, title=draft.title[:200], needs=draft.needs, params={**draft.params, RULES: rules}
    )


def _chains(value: Any) -> Iterator[int]:
    """Every chain that is named anywhere."""
    if isinstance(value, Mapping):
        if isinstance(value.get("chain_id"), int):
            yield value["chain_id"]
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _chains(item)


def _reference(name: str, found: Yields) -> Reference:
    output = found.used[name]
    bounds = Bounds(
        minimum=None if output.minimum is None else str(output.minimum),
        maximum=None if output.maximum is None else str(output.maximum),
        one_of=output.one_of or None,
        max_length=output.max_length,
    )
    return Reference(id=name, type=output.type, rule=f"step:{name}", bounds=bounds)
