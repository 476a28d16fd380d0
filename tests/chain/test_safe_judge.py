"""The judge of `make crash` on real executions: what it passes, and that it would say so if one were not to be."""

from collections import Counter
from typing import Any

import pytest

from integrations.chain.models import Executor
from integrations.devnet.chain import DAN
from tests.chain.test_proposal_execution import executor, helix, quiet_heart, run, signed  # noqa: F401  (fixtures)
from tests.crash.campaign.safe_judge import judge_safes
from tests.governance_world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_ordered_otherwise_than_executed_is_found(helix: World, executor: Executor) -> None:  # noqa: F811
    stories: list[Any] = []
    for number, version in enumerate(("1.3.0", "1.5.0"), 1):  # the hash is indexed since 1.4.1
        safe = helix.safe_of(version)
        one = signed(helix.propose({"to": DAN.address, "value": "5", "data": "0x"}, safe=safe, auto_execute=True))
        run(helix, until=one)
        offers = [{"hash": one.safe_tx_hash, "keys": [], "must": "once"}]
        stories.append({"story": number, "kind": "plain", "safe": safe.address, "offers": offers})
    head = {"executors": [executor.address]}
    rpc = helix.devnet.rpc
    assert judge_safes([head, *stories], Counter(), rpc) == (2, [], 2)
    executed = [story["offers"][0]["hash"] for story in stories]
    decided = {"decided": executed[0], "must": "never"}
    stories[1]["offers"][0] = {"hash": "0x" + "11" * 32, "keys": [7], "must": "once"}
    passed, found, sent = judge_safes([head, *stories, decided], Counter({7: 1}), rpc)
    assert (passed, sent) == (0, 2)
    assert found == [
        f"story 1 (plain): FORBIDDEN: {executed[0]} was executed",
        f"story 2 (plain): LOST: 0x{'11' * 32} was executed 0 times",
        "story 2 (plain): deed 7 was done 1 times, by 0 executions",
        f"nobody ordered {executed[1]}, which a Safe executed",
        f"Safe {stories[1]['safe']} is at nonce 1 after 0 executions",
    ]
