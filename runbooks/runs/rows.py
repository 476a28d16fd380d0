"""The rows that every turn of every step reads, by statements that are composed once."""

from typing import Any

from governance.plans.models import Plan
from ledger.models import Scope
from ledger.statements import Shape, say
from runbooks.runs.models import Run, StepRun

STEP, RUN, PLAN, SCOPE = Shape(StepRun), Shape(Run), Shape(Plan), Shape(Scope)
LOAD = """
SELECT $STEP, $RUN, $PLAN, $SCOPE FROM runbooks_steprun step JOIN runbooks_run run ON run.id = step.run_id
JOIN governance_plan plan ON plan.id = run.plan_id JOIN ledger_scope scope ON scope.id = run.scope_id
WHERE step.id = %s
""".replace("$STEP", STEP.columns("step")).replace("$RUN", RUN.columns("run"))
LOAD = LOAD.replace("$PLAN", PLAN.columns("plan")).replace("$SCOPE", SCOPE.columns("scope"))
HOLD = "SELECT $RUN FROM runbooks_run run WHERE id = %s FOR NO KEY UPDATE".replace("$RUN", RUN.columns("run"))
LINES = "SELECT $COLUMNS FROM runbooks_steprun WHERE run_id = %s ORDER BY position"


def load(pk: int) -> StepRun:
    """A step with its run, the run's plan and its scope."""
    found = say(LOAD, [pk])
    if not found:
        raise StepRun.DoesNotExist(f"there is no step {pk}")
    row = iter(found[0])
    step, run = STEP.build(row), RUN.build(row)
    run.plan, run.scope = PLAN.build(row), SCOPE.build(row)
    step.run = run
    return step


def hold(step: StepRun) -> Run:
    """The step's run, locked; its plan and scope, which never change, are those that were loaded."""
    (row,) = say(HOLD, [step.run_id])
    run = RUN.build(iter(row))
    run.plan, run.scope = step.run.plan, step.run.scope
    step.run = run
    return run


def lines(run: Run, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Of all its steps in their order what is asked for."""
    columns = ", ".join("id" if name == "pk" else name for name in names)
    return say(LINES.replace("$COLUMNS", columns), [run.pk])
