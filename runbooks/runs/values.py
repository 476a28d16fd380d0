"""What steps yield: recorded where the plan names it, and put before the guards of later steps."""

from collections.abc import Iterable, Mapping
from typing import Any

from governance.plans.services import known_values, record_value
from ledger import Invalid, Refused, record
from runbooks.runs.models import Run, StepRun
from runbooks.runs.outline import Rule, outline_of
from runbooks.steps import STEPS


def yielded(output: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a step by name. Those of a check's reads stand together under `values`."""
    inner = output.get("values")
    return {**(inner if isinstance(inner, Mapping) else {}), **output}


class NotYielded(Exception):
    """A value that the plan names cannot be recorded; the text says why."""


def record_outputs(run: Run, step: StepRun, *, actor: str) -> None:
    """Bind every reference of the plan that this step yields."""
    found = yielded(step.output)
    for reference, name, kind in outline_of(run.plan).references.get(step.step_id, ()):
        if name not in found:
            raise NotYielded(f"it did not yield {name}, which later steps need")
        value = found[name]
        plain = value if isinstance(value, bool) or not isinstance(value, int) or kind == "bool" else str(value)
        try:
            record_value(plan=run.plan, reference=reference, value=plain, actor=actor)
        except Refused as error:
            if error.code != "value-fixed" or not STEPS[step.type].acts:
                raise NotYielded(error.message) from None
            _tell_kept(run, step, reference, plain, actor)
        except Invalid as error:
            raise NotYielded(error.message) from None


def _tell_kept(run: Run, step: StepRun, reference: str, now: object, actor: str) -> None:
    """The same deed once more, after a reorg say: what was recorded, used and approved stays as it was recorded."""
    after = {"reference": reference, "recorded": known_values(run.plan)[reference], "now": now, "step": step.step_id}
    record("plan.value.kept", actor=actor, scope=run.scope, subject=run.plan.subject, after=after)


def unmet(rule: Rule, run: Run, statuses: Mapping[str, str]) -> str | None:
    """Why a step is not needed, by its guards; None if it is. ValueError says what cannot be judged."""
    from runbooks.plans.guards import holds

    named = {name for guard in rule.guards for name in guard.get("steps", {}).values()}
    outputs = _outputs(run, named, statuses)
    for guard in rule.guards:
        if not holds(guard, outputs):
            return f"not needed: {guard['that']}"
    return None


def _outputs(run: Run, names: Iterable[str], statuses: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    wanted = list(names)
    if not wanted:
        return {}
    rows = dict(StepRun.objects.filter(run=run, step_id__in=wanted).values_list("step_id", "output"))
    return {name: {**yielded(rows.get(name, {})), "status": statuses.get(name, "")} for name in wanted}
