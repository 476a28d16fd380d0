"""The Safe Transaction Service's API, asked by the clients that people use: safe-eth-py and api-kit, unmodified."""

from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from safe_eth.eth import EthereumClient
from safe_eth.safe import SafeTx
from safe_eth.safe.api.transaction_service_api import TransactionServiceApi

from accounts.tokens.services import create_token
from governance.proposals.models import Confirmation, Proposal
from integrations.devnet.chain import CAROL, DAN, ERIN
from tests.chain.conftest import Devnet
from tests.governance_world import KEYS, World, world
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


@pytest.fixture
def token() -> str:
    return create_token(user=person("ana", "responder"), name="safe-cli", scopes=["proposals:write"], actor="user:1")[1]


class Client(TransactionServiceApi):
    """safe-eth-py's own; a chain id that no list of networks knows is a number like any other."""


def client(server: LiveServer, token: str, world: World) -> TransactionServiceApi:
    chain_id = world.chain.chain_id
    network: Any = type("Network", (), {"value": chain_id})()
    base = f"{server.url}/safe-tx-service/{chain_id}"
    return TransactionServiceApi(network, EthereumClient(world.devnet.url), base_url=base, api_key=token)


def offered(world: World, safe: str, nonce: int = 0, **fields: Any) -> SafeTx:
    values: dict[str, Any] = {"to": DAN.address, "value": 7, "data": b"", "operation": 0} | fields
    return SafeTx(
        EthereumClient(world.devnet.url),
        safe,
        values["to"],
        values["value"],
        values["data"],
        values["operation"],
        0,
        0,
        0,
        None,
        None,
        safe_nonce=nonce,
        safe_version="1.4.1",
        chain_id=world.chain.chain_id,
    )


def test_safe_eth_py_proposes_and_confirms(helix: World, live_server: LiveServer, token: str) -> None:
    safe = helix.safe_of("1.4.1")
    api = client(live_server, token, helix)
    tx = offered(helix, safe.address)
    tx.sign(KEYS[CAROL.address])
    assert api.post_transaction(tx)
    proposal = Proposal.objects.get()
    assert proposal.safe_tx_hash == "0x" + tx.safe_tx_hash.hex().removeprefix("0x")
    assert (proposal.status, proposal.created_by) == ("signing", "token:safe-cli")
    other = offered(helix, safe.address)
    assert api.post_signatures(tx.safe_tx_hash, other.sign(KEYS[ERIN.address]))
    proposal.refresh_from_db()
    assert proposal.status == "ready"
    read, mined = api.get_safe_transaction(tx.safe_tx_hash)
    assert (read.proposer, mined, len(read.signatures)) == (CAROL.address, None, 130)
    (listed,) = api.get_transactions(safe.address, executed=False, nonce__gte=0)
    assert {one["owner"] for one in listed["confirmations"]} == {CAROL.address, ERIN.address}
    assert Confirmation.objects.count() == 2
