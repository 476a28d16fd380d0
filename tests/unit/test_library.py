"""The playbooks that ship: none may be a mere checklist, and each must say what it answers and what it costs."""

from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from governance.demo import FAILURE_MODES
from runbooks.playbooks.lint import lint
from runbooks.playbooks.services import LIBRARY
from runbooks.steps import STEPS

FILES = sorted(LIBRARY.glob("*.yaml"))
WANTED = {
    "pause-on-stale-oracle",
    "pause-on-manipulated-oracle",
    "stop-a-drain",
    "roll-forward-a-bad-upgrade",
    "replace-a-compromised-signer",
    "sit-out-a-halted-chain",
    "wait-out-a-deep-reorg",
    "contain-a-bridge-failure",
    "interface-is-down",
    "handle-insolvency",
    "shut-down-in-phases",
    "signer-reachability",
}
CONTAINERS = {"parallel": ("steps",), "if": ("then", "else"), "switch": ("default",)}
BY_HAND = {"manual", "checklist", "decide", "approve"}


def kind(step: dict[str, Any]) -> str:
    return next(key for key in step if key in set(STEPS) and not (key == "if" and isinstance(step[key], str)))


def flat(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every step that does something itself."""
    for step in steps:
        name = kind(step)
        if name not in CONTAINERS:
            yield step
            continue
        for part in CONTAINERS[name]:
            yield from flat(step[name].get(part, []))
        for case in step[name].get("cases", {}).values():
            yield from flat(case)


def load(path: Any) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text(encoding="utf-8")))


def test_at_least_the_twelve_are_there() -> None:
    assert {path.stem for path in FILES} >= WANTED


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestEach:
    def test_has_no_mistakes_and_its_files_name(self, path: Any) -> None:
        linted = lint(path.read_text(encoding="utf-8"))
        assert not linted.problems, "\n".join(problem.at(path.name) for problem in linted.problems)
        assert linted.playbook is not None and linted.playbook.playbook == path.stem

    def test_says_what_it_answers_what_it_costs_and_how_long_it_may_take(self, path: Any) -> None:
        raw = load(path)
        assert raw["when"] and len(raw["impact"]) > 20 and raw["targets"]

    def test_at_most_half_is_done_by_hand(self, path: Any) -> None:
        raw = load(path)
        steps = [*flat(raw["steps"]), *flat(raw.get("finally", []))]
        by_hand = [step["id"] for step in steps if kind(step) in BY_HAND]
        assert 2 * len(by_hand) <= len(steps), f"{len(by_hand)} of {len(steps)}: {', '.join(by_hand)}"

    def test_proves_on_the_chain_or_the_network_what_it_did(self, path: Any) -> None:
        """Whatever ends with an act alone leaves a commander believing."""
        raw = load(path)
        steps = list(flat(raw["steps"]))
        acts = [index for index, step in enumerate(steps) if kind(step) in ("safe", "send", "timelock")]
        for index in acts:
            later = steps[index + 1 :]
            assert steps[index].get("after") or any(kind(step) == "check" for step in later), steps[index]["id"]


def test_every_failure_mode_of_the_demo_is_answered_by_a_playbook_that_says_so() -> None:
    answers = {path.stem: load(path)["when"] for path in FILES}
    for slug, _, _, _, _, _, playbook, _ in FAILURE_MODES:
        when = answers[playbook]
        assert slug in ([when] if isinstance(when, str) else when), f"{slug}: {playbook}"
