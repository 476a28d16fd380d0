"""Every hostile proposal, forced through, takes something, and a finding had said so; no honest one is blocked.

One chain and one deployment for all of them; each case is taken back after it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from governance.proposals.models import Proposal
from governance.proposals.review import review
from governance.proposals.simulating import simulated, store_simulation
from tests.chain.conftest import Devnet
from tests.hostile.case import Draft, Honest, Hostile, cases
from tests.hostile.judge import Judge
from tests.hostile.stage import ETHER, Stage

HOSTILE: dict[str, Hostile] = cases("tests.hostile.cases")
HONEST: dict[str, Honest] = cases("tests.hostile.honest")


@pytest.fixture
def stage(devnet: Devnet, transactional_db: None) -> Stage:
    return Stage(devnet)


def found(stage: Stage, draft: Draft) -> Any:
    """What a signer would have been shown, on the state of the chain as it is."""
    proposal = stage.propose(draft)
    store_simulation(proposal, simulated(proposal))
    try:
        return review(proposal, look=False)
    finally:
        Proposal.objects.filter(pk=proposal.pk).delete()


def each(stage: Stage, chosen: dict[str, Any], look: Callable[[Any], str]) -> dict[str, str]:
    """What is wrong, by case; the chain is taken back after each."""
    wrong = {}
    thief = stage.thief_address
    for name, case in chosen.items():
        snapshot = stage.rpc("evm_snapshot")
        try:
            case.before(stage)
            if problem := look(case):
                wrong[name] = problem
        except Exception as error:  # the other cases are still to be seen
            wrong[name] = f"{type(error).__name__}: {error}"
        stage.rpc("evm_revert", snapshot)
        stage.thief_address = thief
    return wrong


def test_every_hostile_proposal_takes_something_and_is_caught(stage: Stage) -> None:
    def look(case: Hostile) -> str:
        draft = case.tx(stage)
        findings = found(stage, draft).blocking
        stage.rpc("anvil_setBalance", stage.thief_address, hex(10 * ETHER))  # for gas, wherever the thief is now
        judge = Judge(stage)
        tx = stage.safe_tx(draft)
        stage.pass_nonces(tx)
        executed = stage.force(tx)
        case.then(stage)
        if not executed:
            return "the Safe did not execute it"
        if not judge.took(case.takes):
            return f"nothing was taken ({case.takes})"
        named = sorted({one.finding for one in findings})
        return "" if case.caught in named else f"not caught by {case.caught}, but by {named}"

    assert each(stage, HOSTILE, look) == {}


def test_no_honest_proposal_is_blocked(stage: Stage) -> None:
    def look(case: Honest) -> str:
        seen = found(stage, case.tx(stage))
        if not seen.simulation["ok"]:
            return f"it fails: {seen.simulation['revert']}"
        return seen.tampered or "; ".join(f"{one.finding}: {one.text}" for one in seen.blocking)

    assert each(stage, HONEST, look) == {}


def test_the_corpus_is_large_and_no_two_cases_are_alike() -> None:
    assert len(HOSTILE) >= 40
    assert len(HONEST) >= 40
    assert len({(case.shape, case.cause) for case in HOSTILE.values()}) == len(HOSTILE)
    assert {case.incident.partition(",")[0] for case in HOSTILE.values()} >= {"Bybit", "Radiant Capital", "WazirX"}
