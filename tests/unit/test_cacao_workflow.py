"""Any playbook's workflow, carried out by somebody who reads only CACAO: every step once, none before what it needs."""

from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.cacao.ids import EXTENSION, Ids
from runbooks.cacao.variables import Variables
from runbooks.cacao.workflow import Workflow
from runbooks.playbooks.schema import Playbook
from runbooks.playbooks.shape import Branch, Flow, Node, flow_of

Raw = dict[str, Any]


class Chance:
    """Manual steps, parallel, if and switch, nested and tied in any way."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.names = (f"s{number}" for number in count(1))

    def steps(self, depth: int) -> list[Raw]:
        kinds = ["manual"] * 3 + (["parallel", "if", "switch"] if depth else [])
        wanted = self.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
        made = [{"id": next(self.names), **self.content(kind, depth)} for kind in wanted]
        for position, step in enumerate(made):
            self.tie(step, [one["id"] for one in made[:position]], [one["id"] for one in made[position + 1 :]])
        return made

    def tie(self, step: Raw, above: list[str], below: list[str]) -> None:
        if above and self.draw(st.booleans()):
            step["needs"] = self.draw(st.lists(st.sampled_from(above), unique=True))
        if "if" not in step and self.draw(st.integers(0, 5)) == 0:
            step["if"] = "inputs.size > 3"
        step["on_failure"] = self.draw(st.sampled_from(["stop", "continue", "rollback", *below]))

    def content(self, kind: str, depth: int) -> Raw:
        match kind:
            case "parallel":
                return {"parallel": {"steps": self.steps(depth - 1)}}
            case "if":
                other = {"else": self.steps(depth - 1)} if self.draw(st.booleans()) else {}
                return {"if": {"that": "inputs.size > 5", "then": self.steps(depth - 1), **other}}
            case "switch":
                cases = {case: self.steps(depth - 1) for case in self.draw(st.sampled_from([["7"], ["7", "8"]]))}
                return {"switch": {"on": "inputs.size", "cases": cases, "default": self.steps(depth - 1)}}
        undo = {"rollback": {"manual": {"instruction": "Undo."}}} if self.draw(st.booleans()) else {}
        return {"manual": {"instruction": "Do ${{ inputs.size }}."}, **undo}


@st.composite
def playbooks(draw: st.DrawFn) -> Raw:
    chance = Chance(draw)
    return {
        "playbook": "any",
        "title": "Any playbook",
        "summary": "Drawn by chance from all there are.",
        "inputs": {"size": {"type": "uint256", "default": 7}},
        "steps": chance.steps(2),
        "finally": chance.steps(0) if draw(st.booleans()) else [],
    }


def workflow_of(raw: Raw) -> tuple[Flow, Workflow]:
    document = Playbook.model_validate(raw)
    flow = flow_of(document)
    variables = Variables(document, {node.id: node.step for node in flow.walk()})
    return flow, Workflow(Ids("https://desk.example.org"), "any", flow, variables)


class Reader:
    """Carries a workflow out, each step a success, one way at every condition. `over`: done for certain before."""

    def __init__(self, workflow: Workflow, yes: bool) -> None:
        self.steps, self.yes = workflow.steps, yes
        self.over: dict[str, set[str]] = {}

    def run(self, key: str, over: set[str]) -> set[str]:
        """From a step to the end of its branch; what is done then."""
        step = self.steps[key]
        if step["type"] == "end":
            return over
        done = over
        for lane in self._lanes(step):
            done = done | self.run(lane, over)
        own = step.get("step_extensions", {}).get(EXTENSION, {}).get("id")
        if own:
            assert own not in self.over, f"{own} is done twice"
            self.over[own] = over
            done = done | {own}
        return self.run(step.get("on_success") or step["on_completion"], done)

    def _lanes(self, step: Raw) -> list[str]:
        match step["type"]:
            case "parallel":
                return list(step["next_steps"])
            case "if-condition":
                return [step["on_true"]] if self.yes else [step[side] for side in ("on_false",) if side in step]
            case "switch-condition":
                cases = step["cases"]
                return [cases["7"] if self.yes else cases["default"]]
        return []


def expected(flow: Flow, yes: bool) -> dict[str, set[str]]:
    """Which steps are done that way, and the needs of each among them, worked out from the playbook itself."""
    found: dict[str, set[str]] = {}

    def taken(branch: Branch) -> bool:
        return branch.label in ("", "then", "7") if yes else branch.label in ("", "else", "default")

    def visit(nodes: tuple[Node, ...], around: set[str]) -> set[str]:
        inside: dict[str, set[str]] = {}
        for node in nodes:
            before = around.union(*(inside[need] for need in node.needs))
            mine: set[str] = set()
            if not node.guard or yes:
                found[node.id] = before
                mine = {node.id}
                for branch in node.branches:
                    if taken(branch):
                        mine |= visit(branch.nodes, before)
            inside[node.id] = mine | set().union(*(inside[need] for need in node.needs))
        return set().union(*inside.values())

    done = visit(flow.main, set())
    visit(flow.last, done)
    return found


@given(playbooks(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_reader_of_cacao_does_what_the_playbook_says(raw: Raw, yes: bool) -> None:
    flow, workflow = workflow_of(raw)
    reader = Reader(workflow, yes)
    reader.run(workflow.start, set())
    wanted = expected(flow, yes)
    named = {name for name in reader.over if workflow_has(workflow, name)}
    assert {name for name in wanted if workflow_has(workflow, name)} == named
    for name, over in reader.over.items():
        assert {need for need in wanted[name] if workflow_has(workflow, need)} <= over, name


def workflow_has(workflow: Workflow, name: str) -> bool:
    """A `parallel` whose insides are one chain has no step of its own."""
    return any(s.get("step_extensions", {}).get(EXTENSION, {}).get("id") == name for s in workflow.steps.values())


@given(playbooks())
@settings(max_examples=100, deadline=None)
def test_every_way_out_of_a_step_ends(raw: Raw) -> None:
    """Failures too: from any step, whatever happens, an end is reached without going round."""
    _, workflow = workflow_of(raw)
    names = ("on_completion", "on_success", "on_failure", "on_true", "on_false")
    closed: set[str] = set()

    def visit(key: str, path: tuple[str, ...]) -> None:
        assert key not in path, "a circle"
        if key in closed:
            return
        step = workflow.steps[key]
        ways = [step[name] for name in names if name in step]
        ways += [*step.get("next_steps", ()), *step.get("cases", {}).values()]
        assert ways or step["type"] == "end"
        for way in ways:
            visit(way, (*path, key))
        closed.add(key)

    for key in workflow.steps:
        visit(key, ())


@given(playbooks())
@settings(max_examples=40, deadline=None)
def test_the_same_playbook_gives_the_same_workflow(raw: Raw) -> None:
    assert workflow_of(raw)[1].steps == workflow_of(raw)[1].steps
