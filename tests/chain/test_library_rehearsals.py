"""Every shipped playbook goes to its end on a fork of the devnet: a procedure that was never tried is a wish."""

import json
from typing import Any

import pytest
from django.conf import settings
from eth_abi.abi import encode

from governance.protocols.models import Contract
from governance.safes.services import register
from integrations.devnet import prices
from integrations.devnet.anvil import ROOT
from integrations.devnet.chain import CAROL, DAN
from integrations.devnet.deployment import SafeRef
from runbooks.playbooks.services import LIBRARY, save_version
from runbooks.rehearsals.models import Rehearsal
from runbooks.rehearsals.services import KIND, rehearse
from runbooks.runs.services import start_run
from tests.audiences import load_audiences
from tests.chain.conftest import Devnet
from tests.drain import settle
from tests.governance_world import World, world

pytestmark = pytest.mark.django_db(transaction=True)

FIRST_OWNER = "0x" + "00" * 19 + "01"
NEW_OWNER = "0x1111111111111111111111111111111111111111"
IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
CHANGES = {
    "pause-on-stale-oracle": {"paused"},
    "pause-on-manipulated-oracle": {"paused"},
    "stop-a-drain": {"paused", "mode"},
    "roll-forward-a-bad-upgrade": set(),  # paused, and open again at the end
    "replace-a-compromised-signer": set(),
    "sit-out-a-halted-chain": {"paused"},
    "wait-out-a-deep-reorg": {"paused"},
    "contain-a-bridge-failure": {"mode"},
    "interface-is-down": set(),
    "handle-insolvency": {"paused", "mode"},
    "shut-down-in-phases": {"mode"},
    "cancel-a-hostile-operation": set(),
    "signer-reachability": set(),
}


@pytest.fixture
def helix(devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(settings, "FORKS_AT_ONCE", 16)
    made = world(devnet)
    deployed = devnet.deployment
    for name, address, role, artifact in (
        (deployed.feeds[0].name, deployed.feeds[0].address, "oracle", "HelixFeed"),
        ("hUSD", deployed.usd, "token", "HelixUSD"),
        ("HelixTimelock", deployed.timelock, "timelock", "TimelockController"),
    ):
        abi = json.loads((ROOT / f"integrations/devnet/artifacts/{artifact}.json").read_bytes())["abi"]
        Contract.objects.create(
            protocol=made.protocol, chain=made.chain, address=address, name=name, role=role, abi=abi
        )
    register(
        chain=made.chain,
        address=council(devnet).address,
        label="Council Safe",
        protocol=made.protocol,
        actor="user:1",
    )
    load_audiences("system:test")
    return made


def council(devnet: Devnet) -> SafeRef:
    return next(safe for safe in devnet.deployment.safes if safe.slug == "council")


def hostile_operation(devnet: Devnet) -> str:
    """What an attacker with the council's keys would have left in the timelock."""
    rpc, timelock, sender = devnet.rpc, devnet.deployment.timelock, council(devnet).address
    call = encode(
        ["address", "uint256", "bytes", "bytes32", "bytes32", "uint256"],
        [NEW_OWNER, 0, b"", bytes(32), bytes(31) + b"\x07", 3_600],
    )
    rpc("anvil_setBalance", sender, hex(10**18))
    rpc("anvil_impersonateAccount", sender)
    sent = rpc(
        "eth_sendTransaction", {"from": sender, "to": timelock, "data": "0x01d5062a" + call.hex(), "gas": hex(500_000)}
    )
    rpc("evm_mine")
    receipt = rpc("eth_getTransactionReceipt", sent)
    assert receipt["status"] == "0x1"
    return str(receipt["logs"][0]["topics"][1])


def inputs_for(slug: str, helix: World) -> dict[str, Any]:
    devnet, deployed = helix.devnet, helix.devnet.deployment
    feed = deployed.feeds[0]
    vault, guardian = {"vault": helix.vault.address}, {"guardian": helix.guardian.address}
    implementation = "0x" + devnet.rpc("eth_getStorageAt", deployed.vault, IMPLEMENTATION_SLOT, "latest")[-40:]
    timelock = {"timelock": deployed.timelock, "council": council(devnet).address}
    return {
        "pause-on-stale-oracle": lambda: {"feed": feed.address, "heartbeat": f"{feed.heartbeat}s", **vault, **guardian},
        "pause-on-manipulated-oracle": lambda: {"feed": feed.address, "market_price": "1", **vault, **guardian},
        "stop-a-drain": lambda: {"suspect": NEW_OWNER, **vault, **guardian},
        "roll-forward-a-bad-upgrade": lambda: {"implementation": implementation, **vault, **guardian, **timelock},
        "replace-a-compromised-signer": lambda: {
            "safe": helix.guardian.address,
            "previous": previous_of(helix, CAROL.address),
            "old": CAROL.address,
            "new": NEW_OWNER,
        },
        "sit-out-a-halted-chain": lambda: {"feed": feed.address, "heartbeat": "1d", **vault, **guardian},
        "wait-out-a-deep-reorg": lambda: {"token": deployed.usd, "depth": "8 blocks", **vault, **guardian},
        "contain-a-bridge-failure": lambda: {
            "token": deployed.usd,
            "bridge": "Longspan",
            "most": "1",
            **vault,
            **guardian,
        },
        "interface-is-down": lambda: {
            "site": "https://app.helix.example/",
            "mirror": "https://mirror.helix.example/",
            **vault,
        },
        "handle-insolvency": lambda: {"floor": str(10**30), **vault, **guardian},
        "shut-down-in-phases": lambda: {"reason": "A hole that cannot be mended.", **vault, **guardian},
        "cancel-a-hostile-operation": lambda: {"operation": hostile_operation(devnet), **timelock},
        "signer-reachability": lambda: {"safe": helix.guardian.address},
    }[slug]()


def previous_of(helix: World, owner: str) -> str:
    owners = list(helix.guardian.owners)
    return owners[owners.index(owner) - 1] if owners.index(owner) else FIRST_OWNER


def test_every_playbook_of_the_library_is_tried() -> None:
    assert set(CHANGES) == {path.stem for path in LIBRARY.glob("*.yaml")}


@pytest.mark.parametrize("slug", sorted(CHANGES))
def test_a_shipped_playbook_goes_to_its_end_on_a_fork(slug: str, helix: World) -> None:
    if slug == "pause-on-stale-oracle":
        feed = helix.devnet.deployment.feeds[0]
        helix.devnet.rpc("evm_mine", prices.latest(helix.devnet.rpc, feed).updated_at + feed.heartbeat + 1)
    yaml = (LIBRARY / f"{slug}.yaml").read_text(encoding="utf-8")
    run = start_run(
        playbook=save_version(yaml=yaml, actor="system:test"),
        inputs=inputs_for(slug, helix),
        scope=None,
        actor="user:1",
        protocol=helix.protocol,
        hold=True,
    )
    asked = rehearse(run=run, actor="user:1")
    settle(kinds=(KIND,))
    rehearsal = Rehearsal.objects.get(pk=asked.pk)
    told = [(step["id"], step["result"], step.get("said", "")) for step in (rehearsal.report or {}).get("steps", [])]
    assert (rehearsal.status, rehearsal.reason) == ("passed", ""), told
    assert "failed" not in {result for _, result, _ in told}
    changed = {item["what"] for item in (rehearsal.report or {})["totals"]["meanings"]}
    assert CHANGES[slug] <= changed, changed
    assert DAN.address in helix.guardian.owners
