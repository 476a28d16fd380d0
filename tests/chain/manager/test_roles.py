"""What an executor may do, read from the registered contracts at one block, and noted with its age."""

import pytest

from governance.protocols.models import Power
from integrations.chain.abi import encode_call
from integrations.chain.client import client_for
from integrations.chain.executors.roles import look_at_roles
from integrations.chain.hashing import keccak
from integrations.chain.models import Executor
from integrations.devnet.proxy import Rewrite, RpcProxy
from ledger.models import Event
from tests import governance_world
from tests.chain.conftest import Devnet
from tests.chain.transactions import make_executor

pytestmark = pytest.mark.django_db(transaction=True)
KEEPER = keccak(b"KEEPER_ROLE")


@pytest.fixture
def executor(devnet: Devnet) -> Executor:
    world = governance_world.world(devnet)
    executor = make_executor(world.chain, devnet.rpc)
    Power.objects.create(
        protocol=world.protocol,
        contract=world.vault,
        slug="prices",
        title="Post prices",
        function="post(uint256)",
        holder=executor.address,
    )
    return executor


def change(devnet: Devnet, executor: Executor, what: str) -> None:
    """The vault's admin grants or revokes."""
    admin, vault = devnet.deployment.timelock, devnet.deployment.vault
    devnet.rpc("anvil_setBalance", admin, hex(10**18))
    data = "0x" + encode_call(f"{what}(bytes32,address)", "", [KEEPER, executor.address]).hex()
    devnet.rpc("anvil_impersonateAccount", admin)
    devnet.rpc("eth_sendTransaction", {"from": admin, "to": vault, "data": data})
    devnet.rpc("anvil_stopImpersonatingAccount", admin)
    devnet.rpc("evm_mine")


def look(executor: Executor, *, again: bool = True) -> list[str]:
    executor.refresh_from_db()
    look_at_roles(executor.chain, client_for(executor.chain), [executor], again=again)
    executor.refresh_from_db()
    return [f"{held['role']} of {held['contract']} by {held['source']}" for held in executor.roles]


POWER = "Post prices (post(uint256)) of HelixVault by register"
ROLE = "KEEPER_ROLE of HelixVault by chain"


def test_roles_are_read_from_the_chain_and_a_change_is_an_event(devnet: Devnet, executor: Executor) -> None:
    assert look(executor) == [POWER]
    assert executor.roles_block == devnet.rpc.block_number()
    assert executor.roles_at is not None
    change(devnet, executor, "grantRole")
    assert look(executor, again=False) == [POWER]  # not old enough to be read again
    assert look(executor) == [ROLE, POWER]
    change(devnet, executor, "revokeRole")
    assert look(executor) == [POWER]
    told = [event.after for event in Event.objects.filter(verb="executor.roles.changed").order_by("pk")]
    assert [(one["gained"], one["lost"]) for one in told if one] == [
        (["KEEPER_ROLE of HelixVault"], []),
        ([], ["KEEPER_ROLE of HelixVault"]),
    ]


def test_an_endpoint_that_lies_about_a_role_changes_nothing(devnet: Devnet, executor: Executor) -> None:
    assert look(executor) == [POWER]
    noted = executor.roles_at
    with RpcProxy(devnet.url) as liar:
        executor.chain.endpoints.create(url=liar.url, priority=0)
        liar.add(Rewrite(methods=("eth_call",), path="result", value="0x" + f"{1:064x}"))
        assert look(executor) == [POWER]
    assert executor.roles_at == noted  # it is not known anew, so its age goes on
