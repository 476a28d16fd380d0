"""The playbooks under tests/fixtures and the world that they are compiled in.

`python -m tests.language_world` writes the golden plans anew, after a change of what compiling yields that is wanted.
"""

from pathlib import Path
from typing import Any

from governance.plans.canonical import hash_of
from governance.plans.schema import Document
from runbooks.plans.compile import compile_plan
from runbooks.plans.context import KnownContract, KnownPlaybook, KnownSafe, PlanContext
from runbooks.playbooks.lint import lint
from runbooks.playbooks.schema import Playbook

ROOT = Path(__file__).resolve().parents[1]
PLANS = ROOT / "tests" / "fixtures" / "plans"
LIBRARY = ROOT / "runbooks" / "library"
PLAYBOOKS = ROOT / "tests" / "fixtures" / "playbooks"
GOLDEN = {"pause-on-stale-oracle": LIBRARY, "everything": PLAYBOOKS}
FEED, VAULT, SAFE, KEEPER = "0x" + "11" * 20, "0x" + "22" * 20, "0x" + "33" * 20, "0x" + "55" * 20
INPUTS: dict[str, dict[str, Any]] = {
    "pause-on-stale-oracle": {"feed": FEED, "vault": VAULT, "guardian": SAFE, "heartbeat": "1m"},
    "everything": {"feed": FEED, "vault": VAULT, "guardian": SAFE, "keeper": KEEPER},
}


def read(yaml: str) -> Playbook:
    linted = lint(yaml)
    assert linted.playbook is not None, [problem.at("playbook") for problem in linted.problems]
    return linted.playbook


def known(yaml: str, version: int = 1) -> KnownPlaybook:
    document = read(yaml)
    return KnownPlaybook(document.playbook, version, hash_of(yaml.encode()), document)


INNER = known((PLAYBOOKS / "inner.yaml").read_text(encoding="utf-8"), version=4)
WORLD = PlanContext(
    contracts=(
        KnownContract(731337, FEED, "HLX/USD", "oracle"),
        KnownContract(731337, VAULT, "HelixVault", "vault"),
        KnownContract(1, "0x" + "44" * 20, "Elsewhere", "vault"),
    ),
    safes=(KnownSafe(731337, SAFE, "Helix guardian"),),
    facts={"protocol": "Helix"},
    playbooks={"inner": INNER, "inner@4": INNER},
)


def compiled(yaml: str, inputs: dict[str, Any], world: PlanContext = WORLD) -> Document:
    return compile_plan(playbook=read(yaml), yaml=yaml, version=1, inputs=inputs, context=world)


def golden(name: str) -> bytes:
    """The plan of one of the playbooks that have a committed one, as it is compiled now."""
    return compiled((GOLDEN[name] / f"{name}.yaml").read_text(encoding="utf-8"), INPUTS[name]).canonical()


def rewrite() -> None:
    for name in GOLDEN:
        (PLANS / f"{name}.json").write_bytes(golden(name))


if __name__ == "__main__":
    rewrite()
