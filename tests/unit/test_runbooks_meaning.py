"""A plan does what its playbook says: a walker of the tree and a walker of the flat plan do the same steps.

Hypothesis makes trees of parallel, if, switch and plain steps with guards; each yields a choice. What the tree means is
said here once more in a few lines, and the plan, walked as the engine walks it, must come to the same.
"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.plans.schema import Document
from runbooks.plans.guards import holds
from runbooks.playbooks.lint import lint
from tests.language_world import VAULT, compiled

Tree = list[dict[str, Any]]
HEAD = {
    "playbook": "tree",
    "title": "A tree",
    "summary": "Whatever Hypothesis makes.",
    "inputs": {"vault": {"type": "contract"}},
}
FIRST = {"id": "first", "decide": {"question": "Begin at ${{ inputs.vault.name }}?", "options": ["a", "b", "c"]}}


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> Tree:
    """Steps without ids and conditions yet: those depend on what stands above them."""
    kinds = ["plain", "plain", "parallel", "if", "switch"] if depth < 3 else ["plain"]
    found: Tree = []
    for _ in range(draw(st.integers(1, 3 if depth else 4))):
        kind = draw(st.sampled_from(kinds))
        inner = [draw(trees(depth + 1)) for _ in range({"plain": 0, "parallel": 1, "if": 2, "switch": 3}[kind])]
        found.append({"kind": kind, "inner": inner, "guard": draw(st.integers(0, 3)), "pick": draw(st.integers(0, 99))})
    return found


class Writer:
    """Gives ids in order, and conditions over `first` or over a step that is certain where they stand."""

    def __init__(self) -> None:
        self.count = 0

    def row(self, tree: Tree, sure: list[str], together: bool = False) -> Tree:
        steps: Tree = []
        known = list(sure)
        for node in tree:
            steps.append(self.step(node, sure if together else known))
            if node["kind"] == "plain" and "if" not in steps[-1]:
                known.append(steps[-1]["id"])
        return steps

    def step(self, node: dict[str, Any], sure: list[str]) -> dict[str, Any]:
        self.count += 1
        name, kind, inner = f"s{self.count}", node["kind"], node["inner"]
        condition = f"steps.{sure[node['pick'] % len(sure)]}.choice == '{'ab'[node['guard'] % 2]}'"
        guard = {"if": condition} if node["guard"] > 1 and kind != "if" else {}
        if kind == "plain":
            return {"id": name, **guard, "decide": {"question": "Which one?", "options": ["a", "b", "c"]}}
        if kind == "parallel":
            return {"id": name, **guard, "parallel": {"steps": self.row(inner[0], sure, together=True)}}
        if kind == "if":
            then, other = self.row(inner[0], sure), self.row(inner[1], sure)
            return {"id": name, "if": {"that": condition, "then": then, "else": other}}
        on = f"steps.{sure[node['pick'] % len(sure)]}.choice"
        cases = {"a": self.row(inner[0], sure), "c": self.row(inner[1], sure)}
        return {"id": name, **guard, "switch": {"on": on, "cases": cases, "default": self.row(inner[2], sure)}}


def choice_of(step: str, seed: int) -> str:
    return "ab"[(int(step.removeprefix("s") or 0) * 7 + seed) % 2] if step != "first" else "ab"[seed % 2]


def true(condition: str, seed: int) -> bool:
    name, _, rest = condition.removeprefix("steps.").partition(".")
    return choice_of(name, seed) == rest[-2]


def meant(steps: Tree, seed: int) -> set[str]:
    """Which plain steps the tree says are done."""
    done: set[str] = set()
    for step in steps:
        if isinstance(step.get("if"), str) and not true(step["if"], seed):
            continue
        if "decide" in step:
            done.add(step["id"])
        elif "parallel" in step:
            done |= meant(step["parallel"]["steps"], seed)
        elif "switch" in step:
            chosen = choice_of(step["switch"]["on"].split(".")[1], seed)
            done |= meant(step["switch"]["cases"].get(chosen, step["switch"]["default"]), seed)
        else:
            done |= meant(step["if"]["then" if true(step["if"]["that"], seed) else "else"], seed)
    return done


def walked(plan: Document, seed: int) -> set[str]:
    """Which are done when steps begin once what they need is settled, in some order; guards are judged at that time."""
    outputs: dict[str, dict[str, Any]] = {}
    waiting = list(plan.steps)
    while waiting:
        ready = [step for step in waiting if all(need in outputs for need in step.needs)]
        assert ready, "something waits for ever"
        step = ready[seed % len(ready)]
        waiting.remove(step)
        needed = all(holds(guard, outputs) for guard in step.params["rules"]["if"])
        yielded = {"choice": choice_of(step.id, seed)} if step.type == "decide" else {}
        outputs[step.id] = {"status": "done", **yielded} if needed else {"status": "skipped"}
    return {step.id for step in plan.steps if step.type == "decide" and outputs[step.id]["status"] == "done"}


@settings(deadline=None, max_examples=60)
@given(trees(), st.integers(0, 50))
def test_a_plan_does_what_its_playbook_says(tree: Tree, seed: int) -> None:
    steps = [FIRST, *Writer().row(tree, ["first"])]
    text = json.dumps({**HEAD, "steps": steps})
    linted = lint(text)
    if linted.playbook is None:
        assert all("more than 200 steps" in one.message or "too long" in one.message for one in linted.problems)
        return
    plan = compiled(text, {"vault": VAULT})
    assert walked(plan, seed) == meant(steps, seed)
    assert len({step.id for step in plan.steps}) == len(plan.steps)
