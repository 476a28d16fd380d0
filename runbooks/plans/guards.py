"""Guards: the conditions under which a step of a plan is done at all. Each holds everything it is judged by."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from integrations.expressions import ExpressionError, evaluate, names_in
from runbooks.playbooks.inputs import input_names

if TYPE_CHECKING:
    from runbooks.plans.scope import Scope

STATUS = "status"
BEGUN = ("running", "waiting", "unknown", "done", "failed")


def guard_of(source: str, scope: "Scope") -> dict[str, Any]:
    """A condition with the inputs it names, and where in the plan the steps stand that it names."""
    guard: dict[str, Any] = {"that": source, "inputs": {}, "run": {}, "steps": {}, "types": {}}
    for name in sorted(names_in(source)):
        match name.split("."):
            case ["inputs", one, *_] if one in scope.inputs:
                guard["inputs"][one] = scope.inputs[one]
            case ["run", one] if one in scope.names["run"]:
                guard["run"][one] = scope.names["run"][one]
            case ["steps", step, output]:
                guard["steps"][step] = scope.plan_id(step)
                if output != STATUS:
                    guard["types"].setdefault(step, {})[output] = scope.use(step, output).type
            case _:
                raise ExpressionError(f"`{name}` is not known here")
    return guard


def begun(step: str, plan_ids: list[str]) -> dict[str, Any]:
    """The guard of what a used playbook does finally: needed only once one of its steps has begun."""
    steps = {f"s{number}": plan_id for number, plan_id in enumerate(plan_ids)}
    return {"that": f"{step} has begun", "inputs": {}, "run": {}, "steps": steps, "types": {}, "begun": True}


def holds(guard: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a guard is true. `outputs`: plan id → what the step yielded, with its `status`.

    ExpressionError (a ValueError) says why it cannot be judged, for example since a step was skipped whose output it
    names. A step's guards are judged in their order, and later ones only when the earlier ones hold.
    """
    if guard.get("begun"):
        return any(outputs.get(plan_id, {}).get(STATUS) in BEGUN for plan_id in guard["steps"].values())
    names = {
        "inputs": input_names(guard.get("inputs", {})),
        "run": guard.get("run", {}),
        "steps": {
            local: _step(outputs.get(plan_id, {}), guard.get("types", {}).get(local, {}))
            for local, plan_id in guard.get("steps", {}).items()
        },
    }
    answer = evaluate(guard["that"], names)
    if not isinstance(answer, bool):
        raise ExpressionError(f"`{guard['that']}` is neither true nor false")
    return answer


def _step(found: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    status = found.get(STATUS)
    known = {name: typed(kind, found[name]) for name, kind in types.items() if found.get(name) is not None}
    return {**({STATUS: str(status)} if status else {}), **known}


def typed(kind: str, value: Any) -> Any:
    """A value as it is recorded, for an expression: numbers are whole numbers there."""
    if kind in ("uint256", "int256"):
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ExpressionError(f"{str(value)[:80]!r} is not a whole number") from None
    if kind == "bool":
        return value is True or value == "true"
    return str(value)
