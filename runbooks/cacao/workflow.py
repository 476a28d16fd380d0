"""The steps of a playbook as a CACAO workflow: chains, forks and conditions, each branch with an end of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from runbooks.cacao.commands import command_of, config_of, machine_of
from runbooks.cacao.ids import EXTENSION, Ids
from runbooks.cacao.structure import Chain, Fork, Tree, structure
from runbooks.cacao.variables import Variables, variable
from runbooks.playbooks.durations import parse_duration, spell
from runbooks.playbooks.shape import Flow, Node
from runbooks.steps import STEPS

AGENTS = {
    "signers": ("group", "Signers", "Owners of the Safe, each with a wallet of their own"),
    "responder": ("group", "Responders", "Whoever is on duty"),
    "commander": ("group", "Commanders", "The incident commander, or who stands in"),
    "admin": ("group", "Administrators", "Who runs the desk"),
    "desk": ("security-category", "Breakglass", "The desk's workers: they execute what was approved, nothing else"),
}


class Workflow:
    """Built from the end to the beginning, since each step names what comes after it."""

    def __init__(self, ids: Ids, slug: str, flow: Flow, variables: Variables) -> None:
        self.ids, self.slug, self.variables = ids, slug, variables
        self.steps: dict[str, dict[str, Any]] = {}
        self.agents: dict[str, dict[str, Any]] = {}
        self.targets: dict[str, dict[str, Any]] = {}
        self.activities: set[str] = set()
        self._entries: dict[str, str] = {}
        self._undoing: dict[str, str] = {}
        self.start = self._id("start", "start")
        self._build(flow)

    def _build(self, flow: Flow) -> None:
        done = self._end("done", "Done")
        if flow.last:
            self.failed = done
            self.failed = done = self._emit(structure(flow.last), done)
        else:
            self.failed = self._end("stopped", "Stopped by a failure")
        self._rollbacks(flow)
        first = self._emit(structure(flow.main), done)
        self.steps[self.start] = {"type": "start", "name": "Start", "on_completion": first}

    def _id(self, kind: str, *names: str) -> str:
        return self.ids.part(kind, self.slug, *names)

    def _end(self, name: str, words: str) -> str:
        key = self._id("end", name)
        self.steps[key] = {"type": "end", "name": words}
        return key

    def _rollbacks(self, flow: Flow) -> None:
        """What undoes the steps, the last one first; whoever rolls back enters at the step that was done last."""
        after = self.failed
        for node in flow.walk():
            self._undoing[node.id] = after  # a failed step is not undone itself
            if node.undo:
                after = self._action(node.undo, after, self.failed)

    def _emit(self, tree: Tree, after: str) -> str:
        """Put a tree in before `after`; the key of its first step."""
        if isinstance(tree, Node):
            return self._node(tree, after)
        if isinstance(tree, Chain):
            for part in reversed(tree.parts):
                after = self._emit(part, after)
            return after
        names = [_first(part).id for part in tree.parts]
        return self._fork(self._id("parallel", *names), tree.parts, {"name": "At the same time"}, after)

    def _fork(self, key: str, parts: Sequence[Tree], head: Mapping[str, Any], after: str) -> str:
        lanes = [self._lane(part, key, _first(part).id) for part in reversed(parts)]
        self.steps[key] = {"type": "parallel", **head, "next_steps": lanes[::-1], "on_completion": after}
        return key

    def _lane(self, tree: Tree, *names: str) -> str:
        """A branch that ends by itself; the step that it belongs to says what comes then."""
        return self._emit(tree, self._end("/".join(("lane", *names)), "End of the branch"))

    def _node(self, node: Node, after: str) -> str:
        if not node.guard:
            key = self._body(node, after)
        else:
            inner = self._body(node, self._end(f"guard/{node.id}", "End of the branch"))
            key = self._id("if-condition", "guard", node.id)
            self.steps[key] = {
                "type": "if-condition",
                "name": f"Is this needed: {self.variables.text(node.title)}",
                "condition": self.variables.condition(node.guard),
                "on_true": inner,
                "on_completion": after,
            }
        self._entries[node.id] = key
        return key

    def _body(self, node: Node, after: str) -> str:
        if node.branches:
            return self._container(node, after)
        if node.type == "playbook":
            return self._other(node, after)
        return self._action(node, after, self._on_failure(node, after))

    def _on_failure(self, node: Node, after: str) -> str:
        word: str = node.step.on_failure
        if word == "continue":
            return after
        if word == "rollback":
            return self._undoing.get(node.id, self.failed)
        return self._entries.get(word, self.failed)

    def _container(self, node: Node, after: str) -> str:
        """Its insides; a step with its own name where CACAO has one for it."""
        head = {**self._head(node), "step_extensions": {EXTENSION: self._extension(node)}}
        if node.type == "parallel":
            tree = structure(node.branches[0].nodes)
            if not isinstance(tree, Fork):
                return self._emit(tree, after)
            return self._fork(self._id("parallel", node.id), tree.parts, head, after)
        lanes = {
            branch.label: self._lane(structure(branch.nodes), node.id, branch.label)
            for branch in reversed(node.branches)
            if branch.nodes
        }
        if node.type == "if":
            key = self._id("if-condition", node.id)
            condition = self.variables.condition(str(node.step.config["that"]))
            sides = {"on_true": lanes["then"], **({"on_false": lanes["else"]} if "else" in lanes else {})}
            self.steps[key] = {
                "type": "if-condition", **head, "condition": condition, **sides, "on_completion": after
            }  # fmt: skip
            return key
        key = self._id("switch-condition", node.id)
        value = self.variables.condition(str(node.step.config["on"]))
        self.steps[key] = {"type": "switch-condition", **head, "switch": value, "cases": lanes, "on_completion": after}
        return key

    def _other(self, node: Node, after: str) -> str:
        key = self._id("playbook-action", node.id)
        step: dict[str, Any] = {
            "type": "playbook-action",
            **self._head(node),
            "playbook_id": self.ids.playbook(str(node.step.config.get("use", ""))),
            "on_success": after,
            "on_failure": self._on_failure(node, after),
            "step_extensions": {EXTENSION: self._extension(node)},
        }
        used = self._used(node)
        if used:
            step["in_args"] = used
        self.steps[key] = step
        return key

    def _action(self, node: Node, after: str, failed: str) -> str:
        key = self._id("action", node.id)
        command = command_of(node, self.variables)
        if "playbook_activity" in command:
            self.activities.add(command["playbook_activity"])
        step: dict[str, Any] = {
            "type": "action",
            **self._head(node),
            "timeout": max(node.step.timeout * 1000, 1),
            "commands": [command],
            "agent": self._agent(node),
            "on_success": after,
            "on_failure": failed,
            "step_extensions": {EXTENSION: self._extension(node)},
        }
        if delay := _delay(node):
            step["delay"] = delay
        if target := self._target(node):
            step["targets"] = [target]
        used, yields = self._used(node), self._yields(node)
        step |= {"in_args": used} if used else {}
        step |= {"out_args": yields} if yields else {}
        self.steps[key] = step
        if node.place == "rollback":
            self._entries[node.id] = key
        return key

    def _head(self, node: Node) -> dict[str, Any]:
        words = self.variables.text(node.step.text)
        return {"name": self.variables.text(node.title), **({"description": words} if words else {})}

    def _agent(self, node: Node) -> str:
        """People do what is theirs; for the rest the desk is the agent, and the role is who answers for it."""
        people = STEPS[node.type].person or node.step.role == "signers"
        name = node.step.role if people else "desk"
        kind, title, words = AGENTS[name]
        key = self.ids.part(kind, name)
        self.agents[key] = {"type": kind, "name": title, "description": words}
        if kind == "security-category":
            self.agents[key]["category"] = ["orchestrator"]
        return key

    def _target(self, node: Node) -> str:
        machine = machine_of(node, self.variables) if node.type == "http" else None
        if machine is None:
            return ""
        key = self.ids.part("http-api", machine.name, machine.port)
        self.targets[key] = {
            "type": "http-api",
            "name": machine.name,
            "address": machine.address,
            "port": machine.port,
        }
        return key

    def _used(self, node: Node) -> list[str]:
        said = [node.step.title, node.step.text, *_texts(node.step.config)]
        return sorted({name for text in said for name in self.variables.names(text)})

    def _yields(self, node: Node) -> list[str]:
        if node.place == "rollback":
            return []
        outputs = STEPS[node.type].outputs(node.step.typed_config())
        known = self.variables.definitions()
        return [name for output in outputs if (name := variable(f"steps.{node.id}.{output}")) in known]

    def _extension(self, node: Node) -> dict[str, Any]:
        step = node.step
        said: dict[str, Any] = {
            "id": node.id,
            "step": node.type,
            "config": config_of(node, self.variables),
            "phase": node.place,
            "role": step.role,
            "expect": spell(step.expect),
            "on_failure": step.on_failure,
        }
        if step.retry.attempts > 1:
            said |= {"attempts": step.retry.attempts, "delay": spell(step.retry.delay)}
        if node.undo:
            said["undo"] = self._id("action", node.undo.id)
        optional = {
            "only_if": node.guard,
            "before": [self.variables.plain(check) for check in step.before],
            "after": [self.variables.plain(check) for check in step.after],
            "lock": _lock(step.lock, self.variables),
            "bounds": {name: bound.model_dump(mode="json", exclude_none=True) for name, bound in step.bounds.items()},
            "marks": step.marks,
        }
        return said | {name: value for name, value in optional.items() if value}


def _first(tree: Tree) -> Node:
    return tree if isinstance(tree, Node) else _first(tree.parts[0])


def _delay(node: Node) -> int:
    """A wait's time, where it is written as one."""
    if node.type != "wait":
        return 0
    try:
        return parse_duration(node.step.config.get("duration")) * 1000
    except ValueError:
        return 0


def _lock(lock: Any, variables: Variables) -> Any:
    if lock is None:
        return None
    return variables.plain(lock if isinstance(lock, str) else lock.model_dump(mode="json"))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return []
