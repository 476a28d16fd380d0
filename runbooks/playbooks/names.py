"""Lint, second half: does every name mean something where it stands, and is it known by then?"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ValidationError

from integrations.expressions import TEMPLATE, ExpressionError, bare, names_in, template_expressions
from runbooks.plans.later import mark, secret_mark
from runbooks.plans.scope import SECRET_VALUE
from runbooks.playbooks.flow import Flow, Spot
from runbooks.playbooks.form import did_you_mean, one_a_place, templates_in
from runbooks.playbooks.kinds import OF_INPUT, OF_OUTPUT, WORDS, Kind, asserted_done, faults, kind_of, never_equal
from runbooks.playbooks.reader import Document, Path, Problem
from runbooks.playbooks.samples import sampled, samples_of
from runbooks.playbooks.schema import Playbook, Step
from runbooks.steps import OPEN, STEPS, Output

FACTS = ("run.environment", "run.protocol")
ENVIRONMENTS = ("live", "drill", "rehearsal")
STATUSES = ("done", "failed", "skipped")
EXAMPLE = "for example ${{ inputs.vault }}"


@dataclass(frozen=True, slots=True)
class At:
    """Where an expression stands, and what may be named there."""

    spot: Spot
    place: tuple[int, int]
    guards: tuple[str, ...]  # what is known to hold there
    later: bool = True  # what steps yield
    status: bool = False
    own: bool = False  # what this very step yields
    secret: bool = False
    alone: bool = True  # what steps yield must stand alone: it cannot be computed with


class Names:
    """All names of one playbook. `problems` yields what is wrong; afterwards `used` holds the inputs that are named."""

    def __init__(self, document: Document, playbook: Playbook) -> None:
        self.document, self.playbook, self.flow = document, playbook, Flow(playbook)
        self.used: set[str] = set()

    def problems(self) -> Iterator[Problem]:
        for spot in self.flow.spots:
            yield from self._spot(spot)
        for name in self.playbook.inputs:
            if name not in self.used:
                place = self.document.place(("inputs", name), key=True)
                yield Problem(*place, f"the input `{name}` is never used", f"use ${{{{ inputs.{name} }}}} or remove it")

    @cached_property
    def outputs(self) -> Mapping[str, Mapping[str, Output]]:
        """What each step yields, as far as its config tells before it is filled in."""
        return {spot.id: dict(_outputs(spot.step)) for spot in self.flow.spots}

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """What kind of value stands under each known name."""
        found: dict[str, Kind] = dict.fromkeys(FACTS, "text")
        for name, spec in self.playbook.inputs.items():
            found |= {f"inputs.{name}.{part}".rstrip("."): kind for part, kind in OF_INPUT[spec.type].items()}
        for step, outputs in self.outputs.items():
            found[f"steps.{step}.status"] = "text"
            found |= {f"steps.{step}.{name}": OF_OUTPUT.get(output.type, "text") for name, output in outputs.items()}
        return found

    @cached_property
    def options(self) -> dict[str, tuple[str, ...]]:
        """The names that have only some values, with these."""
        found: dict[str, tuple[str, ...]] = {"run.environment": ENVIRONMENTS}
        found |= {f"inputs.{name}": spec.choices for name, spec in self.playbook.inputs.items() if spec.choices}
        for step, outputs in self.outputs.items():
            found[f"steps.{step}.status"] = STATUSES
            found |= {f"steps.{step}.{name}": one.one_of for name, one in outputs.items() if one.one_of}
        return {name: values for name, values in found.items() if not any("${{" in value for value in values)}

    @cached_property
    def samples(self) -> dict[str, Any]:
        return samples_of(self.playbook.inputs)

    def _at(self, spot: Spot, path: Path, **more: Any) -> At:
        return At(spot, self.document.place(path), spot.guards, **more)

    def _spot(self, spot: Spot) -> Iterator[Problem]:
        step, path = spot.step, spot.path
        yield from self._conditions(spot)
        for key in ("title", "text"):
            yield from self._templates(spot, getattr(step, key), (*path, key), later=False)
        lock = step.lock if isinstance(step.lock, str) else ""
        yield from self._templates(spot, lock, (*path, "lock"), later=False)
        for name, bound in step.bounds.items():
            yield from self._bound(spot, name, bound.model_dump(), (*path, "bounds", name))
        if not step.kind.control:
            yield from self._config(spot, step.type, step.config, (*path, step.type))
        elif step.type == "playbook":
            inputs = step.config.get("inputs", {})
            yield from self._templates(spot, inputs, (*path, "playbook", "inputs"), later=False)
        for key, checks in (("before", step.before), ("after", step.after)):
            for index, config in enumerate(checks):
                many: Path = (*path, key) if (*path, key, index) not in self.document.values else (*path, key, index)
                yield from self._config(spot, "check", config, many)
        if step.rollback is not None:
            undo = step.rollback
            for key in ("title", "text"):
                yield from self._templates(spot, getattr(undo, key), (*path, "rollback", key), later=False)
            yield from self._config(spot, undo.type, undo.config, (*path, "rollback", undo.type), own=True)

    def _conditions(self, spot: Spot) -> Iterator[Problem]:
        """The step's guard, and the condition of a control step over what is inside it."""
        step = spot.step
        around = spot.guards[:-1] if step.if_ else spot.guards
        found: list[tuple[str, Path, tuple[str, ...], bool]] = []
        if step.if_:
            found.append((step.if_, (*spot.path, "if"), around, True))
        if step.type == "if":
            found.append((bare(str(step.config["that"])), (*spot.path, "if", "that"), spot.guards, True))
        if step.type == "switch":
            found.append((bare(str(step.config["on"])), (*spot.path, "switch", "on"), spot.guards, False))
        for source, path, guards, truth in found:
            at = At(spot, self.document.place(path), guards, status=True, alone=False)
            wrong = list(self._source(source, at))
            yield from wrong or self._kind(source, at, truth)
        if step.type == "switch" and not any(self._switch_kinds(spot)):
            yield from self._cases(spot)

    def _switch_kinds(self, spot: Spot) -> Iterator[Problem]:
        at = self._at(spot, (*spot.path, "switch", "on"), status=True, alone=False)
        yield from self._source(bare(str(spot.step.config["on"])), at)

    def _cases(self, spot: Spot) -> Iterator[Problem]:
        for branch, _ in spot.step.inside:
            for guard in branch.guards[:1]:
                at = self._at(spot, (*spot.path, "switch", *branch.path))
                yield from self._kind(guard, at, True)

    def _kind(self, source: str, at: At, truth: bool) -> Iterator[Problem]:
        try:
            kind = kind_of(source, self.kinds)
        except ExpressionError as error:
            yield Problem(*at.place, str(error), "compare numbers with numbers, text with text")
            return
        if truth and kind not in ("truth", "any"):
            yield Problem(
                *at.place, f"a condition is true or false, and this is {WORDS[kind]}", "write for example `… == …`"
            )
        for name, text in never_equal(source, self.options):
            hint = did_you_mean(text, self.options[name])
            yield Problem(*at.place, f"`{name}` is never '{text[:60]}'", hint)
        if not truth and kind == "record":
            yield Problem(*at.place, "this is a record", "name one of its parts")

    def _bound(self, spot: Spot, name: str, bound: Mapping[str, Any], path: Path) -> Iterator[Problem]:
        outputs = self.outputs[spot.id]
        if name not in outputs:
            place = self.document.place(path, key=True)
            hint = did_you_mean(name, outputs) or f"it yields nothing that could be bounded: remove `{name}`"
            yield Problem(*place, f"`{spot.step.type}` does not yield `{name}`", hint)
        yield from self._templates(spot, bound, path, later=False)

    def _config(
        self, spot: Spot, kind: str, config: Mapping[str, Any], path: Path, own: bool = False
    ) -> Iterator[Problem]:
        """Every `${{ … }}` of a step's config, and whether what is not known yet may stand where it does."""
        yield from self._dollars(config, path)
        secrets = STEPS[kind].secret_fields
        wrong: list[Problem] = []
        for key, value in config.items():
            wrong += self._templates(spot, value, (*path, key), own=own, secret=key in secrets)
        yield from wrong
        if not wrong:
            yield from self._inputs_fit(STEPS[kind].Config, config, path)
            yield from self._later_fits(STEPS[kind].Config, config, path)

    def _dollars(self, value: Any, path: Path) -> Iterator[Problem]:
        if isinstance(value, Mapping):
            for key, item in value.items():
                if key.startswith("$"):
                    place = self.document.place((*path, key), key=True)
                    yield Problem(*place, f"no key may begin with `$`: `{key[:40]}`", "plans use such keys themselves")
                yield from self._dollars(item, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._dollars(item, (*path, index))

    def _inputs_fit(self, model: type[BaseModel], config: Mapping[str, Any], path: Path) -> Iterator[Problem]:
        """A contract is no duration and a number no contract: told now, rather than when a run starts."""
        filled = sampled(config, self.samples)
        if filled == config:
            return
        try:
            model.model_validate(filled)
        except ValidationError as error:
            for item in one_a_place(error, filled)[:1]:
                place = self.document.place((*path, *item["loc"]))
                what = item["input"]
                named = [name for name, sample in self.samples.items() if sample is what]
                if named:
                    kind = self.playbook.inputs[named[0].split(".")[1]].type
                    yield Problem(
                        *place, f"`{named[0]}` cannot stand here", f"it is of type {kind}: name another input"
                    )
                else:
                    yield Problem(*place, str(item["msg"]).removeprefix("Value error, "), "name another input")

    def _later_fits(self, model: type[BaseModel], config: Mapping[str, Any], path: Path) -> Iterator[Problem]:
        """What an earlier step yields can stand only in fields that allow for it, and only as long as they are."""
        marked = self._marked(config)
        if marked == config:
            return
        try:
            model.model_validate(marked)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                if not isinstance(item["input"], str) or OPEN not in item["input"]:
                    continue
                inside = tuple(part for part in item["loc"] if (*path, part) in self.document.values)
                place = self.document.place((*path, *inside))
                if "too_long" in item["type"]:
                    most = item["ctx"]["max_length"]
                    hint = "shorten it, or set `bounds: {…: {max_length: …}}` on the step that yields it"
                    yield Problem(*place, f"this can become longer than {most} characters", hint)
                else:
                    hint = "this must be known before the run begins"
                    yield Problem(*place, "what a step yields cannot stand here", hint)
                return

    def _marked(self, value: Any) -> Any:
        """A config in which what steps yield is marked as the compiler marks it, as long as it can become."""
        if isinstance(value, Mapping):
            return {key: self._marked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._marked(item) for item in value]
        return TEMPLATE.sub(self._mark, value) if isinstance(value, str) and "${{" in value else value

    def _mark(self, found: "re.Match[str]") -> str:
        parts = found[1].strip().split(".")
        if parts[0] == "secrets":
            return secret_mark(parts[-1])
        output = self.outputs.get(parts[1], {}).get(parts[2]) if len(parts) == 3 and parts[0] == "steps" else None
        return mark(".".join(parts[1:]), output) if output else found[0]

    def _templates(self, spot: Spot, value: Any, path: Path, **may: Any) -> Iterator[Problem]:
        for where, text in templates_in(value, path):
            at = self._at(spot, where, **may)
            try:
                sources = template_expressions(text)
            except ExpressionError as error:
                yield Problem(*at.place, str(error), EXAMPLE)
                continue
            whole = len(sources) == 1 and bare(text) == sources[0]
            for source in sources:
                yield from self._source(source, at if whole else replace(at, secret=False))

    def _source(self, source: str, at: At) -> Iterator[Problem]:
        try:
            names = sorted(names_in(source))
        except ExpressionError as error:
            yield Problem(*at.place, str(error), EXAMPLE)
            return
        wrong: list[Problem] = []
        for name in names:
            wrong += self._name(name, source, at)
        wrong += [
            Problem(*at.place, fault, "correct it: as it is, it can never be worked out") for fault in faults(source)
        ]
        yield from wrong
        if not wrong and at.alone:
            yield from self._kind(source, at, False) if len(names) > 1 else ()

    def _name(self, name: str, source: str, at: At) -> Iterator[Problem]:
        root, _, rest = name.partition(".")
        if root == "steps":
            yield from self._step_name(name, source, at)
        elif root == "secrets":
            if not at.secret or source != name or not SECRET_VALUE.fullmatch(name):
                hint = "only whole values of fields that take one: ${{ secrets.pager }}, in lower-case letters"
                yield Problem(*at.place, f"a secret cannot stand here: `{name}`", hint)
        elif root == "inputs":
            first = rest.split(".")[0]
            self.used.add(first)
            if name not in self.kinds:
                known = (
                    self.kinds if first in self.playbook.inputs else [f"inputs.{one}" for one in self.playbook.inputs]
                )
                options = [
                    one for one in known if one.startswith(f"inputs.{first}" if known is self.kinds else "inputs.")
                ]
                yield Problem(*at.place, f"`{name}` is not known here", did_you_mean(name, [*options, *FACTS]))
        elif name not in FACTS:
            options = [f"inputs.{one}" for one in self.playbook.inputs]
            yield Problem(*at.place, f"`{name}` is not known here", did_you_mean(name, [*options, *FACTS]))

    def _step_name(self, name: str, source: str, at: At) -> Iterator[Problem]:
        parts = name.split(".")
        if len(parts) != 3:
            hint = "steps.<id>.<output>, or steps.<id>.status in a condition"
            yield Problem(*at.place, f"`{name}` names no output of a step", hint)
            return
        _, step, output = parts
        if not at.later:
            yield Problem(*at.place, f"`{name}` is not known when the plan is made", "name only inputs here")
            return
        if at.alone and source != name:
            yield Problem(
                *at.place, f"`{name}` cannot be computed with: it is not known yet", f"write ${{{{ {name} }}}} alone"
            )
            return
        yield from _one(self._reach(step, output, source, at), at)

    def _reach(self, step: str, output: str, source: str, at: At) -> tuple[str, str] | None:
        """What is wrong with naming an output there, and what would be right."""
        spot = at.spot
        found, outputs = self.flow.get(step), self.outputs.get(step, {})
        if found is None:
            return f"no step is called `{step}`", did_you_mean(step, self.flow.position)
        if output == "status":
            if not at.status:
                return "`status` can be asked only in conditions (`if`)", "name an output of the step"
        elif output not in outputs:
            if not outputs:
                return (
                    f"`{found.step.type}` steps yield nothing that could be named",
                    "only its `status`, in a condition",
                )
            return f"`{step}` does not yield `{output}`", did_you_mean(output, outputs)
        if found.id == spot.id and not at.own:
            return f"`{step}` is this very step", "name a step above"
        if found.id != spot.id and self.flow.position[step] > self.flow.position[spot.id]:
            return f"`{step}` stands below; nothing is known of it here", "name a step above"
        if found.phase == spot.phase and found.id != spot.id and step not in self.flow.before[spot.id]:
            return f"this step does not wait for `{step}`", f"add `needs: [{step}]`"
        if output == "status" or found.id == spot.id:
            return None
        why = self.doubt(found, spot, (*at.guards, *((source,) if at.status else ())))
        hint = (
            f"add `if: steps.{step}.status == 'done'`"
            if not at.status
            else f"begin with `steps.{step}.status == 'done' and`"
        )
        return (f"`{step}` {why}, and would yield nothing", hint) if why else None

    def doubt(self, found: Spot, spot: Spot, guards: Iterable[str]) -> str:
        """Why a step may not be done although another one that waits for it begins; "" if it is certain."""
        known = tuple(guards)
        if any(found.id in _done(guard) for guard in known):
            return ""
        if found.phase != spot.phase:
            return "may not have been done when this step runs"
        if not set(found.guards) <= set(known):
            return "may have been skipped, by its `if` or in another branch"
        if found.said("on_failure").on_failure == "continue":
            return "may have failed (`on_failure: continue`)"
        here, there = self.flow.position[spot.id], self.flow.position[found.id]
        for jump, target in self.flow.jumps:
            from_, to = self.flow.position[jump.id], self.flow.position[target.id]
            if from_ <= there < to <= here:
                return f"may be left out when `{jump.id}` fails"
        return ""


def _outputs(step: Step) -> Iterator[tuple[str, Output]]:
    for name, output in step.kind.outputs(step.typed_config()).items():
        length = step.bounds[name].max_length if name in step.bounds else None
        yield name, replace(output, max_length=length) if length and output.type == "text" else output


def _done(guard: str) -> tuple[str, ...]:
    try:
        return asserted_done(guard)
    except ExpressionError:
        return ()


def _one(found: tuple[str, str] | None, at: At) -> Iterator[Problem]:
    if found is not None:
        yield Problem(*at.place, *found)
