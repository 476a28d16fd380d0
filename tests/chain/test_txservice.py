"""The Safe Transaction Service's API, asked by the clients that people use: safe-eth-py and api-kit, unmodified."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from eth_account import Account
from eth_account.messages import encode_typed_data
from pytest_django.live_server_helper import LiveServer
from safe_eth.eth import EthereumClient, EthereumNetwork
from safe_eth.safe import SafeTx
from safe_eth.safe.api.base_api import SafeAPIException
from safe_eth.safe.api.transaction_service_api import TransactionServiceApi
from safe_eth.safe.api.transaction_service_api.transaction_service_messages import (
    get_delegate_message,
    get_remove_transaction_message,
)

from accounts.approvals.models import Approval
from accounts.approvals.services import give
from accounts.models import Wallet
from accounts.tokens.services import create_token
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal
from governance.proposals.review import review
from governance.safes.services import register
from governance.txservice.models import Delegate, Submission
from governance.waivers.services import request_waiver
from integrations.chain.models import Chain, Endpoint
from integrations.devnet.anvil import ROOT, Anvil
from integrations.devnet.chain import CAROL, COUNCIL_1, DAN, ERIN
from integrations.devnet.safes import calldata
from integrations.safe.contracts import InnerCall, encode_multi_send, multi_send_address
from ledger.models import Event
from ledger.scopes import set_private
from tests.chain.conftest import Devnet
from tests.chain.helix.world import node
from tests.drain import settle
from tests.governance_world import World, sign, world
from tests.people import person, program_of

pytestmark = pytest.mark.django_db(transaction=True)
STRANGER = COUNCIL_1


class Desk:
    """A Safe, a token, and both ways to ask."""

    def __init__(self, helix: World, server: LiveServer, version: str = "1.4.1", level: str = "responder") -> None:
        self.helix, self.server = helix, server
        self.safe = helix.safe_of(version)
        self.version, self.chain_id = version, helix.chain.chain_id
        self.token = self.token_of(level)
        self.base = f"{server.url}/safe-tx-service/{self.chain_id}"
        self.ethereum = EthereumClient(helix.devnet.url)
        network: Any = type("Network", (), {"value": self.chain_id})()  # an enum of chains that does not know ours
        self.api = TransactionServiceApi(network, self.ethereum, base_url=self.base, api_key=self.token)

    @staticmethod
    def token_of(level: str, name: str = "safe-cli") -> str:
        return create_token(user=person("", level), name=name, scopes=["proposals:write"], actor="user:1")[1]

    def tx(self, nonce: int = 0, *signers: Any, to: str = DAN.address, data: bytes = b"", operation: int = 0) -> SafeTx:
        made = SafeTx(
            self.ethereum,
            self.safe.address,
            to,
            7,
            data,
            operation,
            0,
            0,
            0,
            None,
            None,
            safe_nonce=nonce,
            safe_version=self.version,
            chain_id=self.chain_id,
        )
        for one in signers:
            made.sign(one.key)
        return made

    def body(self, tx: SafeTx, sender: str, **fields: Any) -> dict[str, Any]:
        body = {
            "to": tx.to,
            "value": tx.value,
            "data": "0x" + bytes(tx.data).hex() if tx.data else None,
            "operation": tx.operation,
            "safeTxGas": 0,
            "baseGas": 0,
            "gasPrice": 0,
            "gasToken": tx.gas_token,
            "refundReceiver": tx.refund_receiver,
            "nonce": tx.safe_nonce,
            "contractTransactionHash": hash_of(tx),
            "sender": sender,
            "signature": "0x" + bytes(tx.signatures).hex(),
        }
        return body | fields

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return requests.request(method, f"{self.base}/api/{path}", json=body, headers=headers, timeout=20)

    def offer(self, tx: SafeTx, sender: str, **fields: Any) -> requests.Response:
        path = f"v2/safes/{self.safe.address}/multisig-transactions/"
        return self.ask("POST", path, self.body(tx, sender, **fields))


def hash_of(tx: SafeTx) -> str:
    return "0x" + bytes(tx.safe_tx_hash).hex()


def looked_at(proposal: Proposal) -> None:
    """The workers simulate what came in, and judge it."""
    settle(("governance.review", "governance.recount"))
    proposal.refresh_from_db()


def delegated(desk: Desk, delegate: str, key: str) -> bytes:
    message = encode_typed_data(full_message=get_delegate_message(delegate, desk.chain_id))  # type: ignore[arg-type]
    return bytes(Account.sign_message(message, key).signature)


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


@pytest.fixture
def desk(helix: World, live_server: LiveServer) -> Iterator[Desk]:
    made = Desk(helix, live_server)
    yield made
    made.api.http_session.close()  # the server's thread, and its connection to the database, end with it


@pytest.mark.parametrize("version", ["1.3.0", "1.4.1", "1.5.0"])
def test_safe_eth_py_goes_all_the_way(helix: World, live_server: LiveServer, version: str) -> None:
    desk = Desk(helix, live_server, version)
    api, tx = desk.api, desk.tx(0, CAROL)
    assert api.post_transaction(tx)
    proposal = Proposal.objects.get()
    assert (proposal.safe_tx_hash, proposal.status, proposal.created_by) == (hash_of(tx), "signing", "token:safe-cli")
    assert api.post_transaction(tx), "handed in again, it is the same one"
    assert api.post_signatures(tx.safe_tx_hash, desk.tx().sign(ERIN.key))
    looked_at(proposal)
    assert proposal.status == "ready"
    read, mined = api.get_safe_transaction(tx.safe_tx_hash)
    assert (read.proposer, mined, len(read.signatures)) == (CAROL.address, None, 130)
    (listed,) = api.get_transactions(desk.safe.address, executed=False, nonce__gte=0, safe_tx_hash=hash_of(tx))
    assert [one["owner"] for one in listed["confirmations"]] == [CAROL.address, ERIN.address]
    assert (listed["origin"], listed["confirmationsRequired"], listed["nonce"]) == ("Safe-CLI", 2, "0")
    assert api.get_transactions(desk.safe.address, executed=True) == []
    assert api.get_safes_for_owner(CAROL.address)[-1] == desk.safe.address
    message = get_remove_transaction_message(desk.safe.address, tx.safe_tx_hash, desk.chain_id)
    for signer, allowed in ((ERIN, False), (CAROL, True)):
        given = Account.sign_message(encode_typed_data(full_message=message), signer.key).signature
        if not allowed:
            with pytest.raises(SafeAPIException, match="is not the proposer"):
                api.delete_transaction(hash_of(tx), "0x" + bytes(given).hex())
        else:
            assert api.delete_transaction(hash_of(tx), "0x" + bytes(given).hex())
    proposal.refresh_from_db()
    assert proposal.status == "rejected"
    with pytest.raises(SafeAPIException, match="No MultisigTransaction"):
        api.get_safe_transaction(tx.safe_tx_hash)
    api.http_session.close()


def test_the_same_safe_on_two_chains_is_two_safes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One base URL a chain, as the hosted service has it: by its number, or by the short name that clients know."""
    devnet, network = desk.helix.devnet, EthereumNetwork.GNOSIS_CHIADO_TESTNET
    other = Chain.objects.create(chain_id=network.value, name="Other", short_name="chi", kind="devnet")
    night, here = Account.create(), desk.safe.address
    only = f"{desk.server.url}/safe-tx-service"
    bearer = {"Authorization": f"Bearer {desk.token}"}
    assert requests.get(f"{only}/api/v1/owners/{CAROL.address}/safes/", headers=bearer, timeout=20).ok
    monkeypatch.setattr(TransactionServiceApi, "TRANSACTION_SERVICE_BASE_URL", only)
    with Anvil.forked(devnet.url, devnet.rpc.block_number(), network.value) as node:
        Endpoint.objects.create(chain=other, url=node.url)
        register(chain=other, address=here, label="The same address", actor="user:1")
        there = TransactionServiceApi(network, EthereumClient(node.url), api_key=desk.token)
        assert there.base_url == f"{only}/chi"
        tx = desk.tx(0, CAROL)
        assert desk.api.post_transaction(tx)
        elsewhere = f"{only}/{network.value}/api/v2/safes/{here}/multisig-transactions/"
        crossed = requests.post(elsewhere, json=desk.body(tx, CAROL.address), headers=bearer, timeout=20)
        assert crossed.status_code == 422 and "does not match provided contract-tx-hash" in crossed.text
        desk.chain_id = network.value
        twin = desk.tx(0, CAROL)
        assert there.post_transaction(twin) and hash_of(twin) != hash_of(tx)
        with pytest.raises(SafeAPIException, match="is not an owner"):
            there.post_signatures(twin.safe_tx_hash, tx.sign(ERIN.key))
        assert there.post_signatures(twin.safe_tx_hash, twin.sign(ERIN.key))
        looked_at(Proposal.objects.get(safe__chain=other))
        for api, mine, signed in ((desk.api, tx, 1), (there, twin, 2)):
            (row,) = api.get_transactions(here)
            assert (row["safeTxHash"], len(row["confirmations"])) == (hash_of(mine), signed)
            assert here in api.get_safes_for_owner(CAROL.address)
        with pytest.raises(SafeAPIException, match="No MultisigTransaction"):
            there.get_safe_transaction(tx.safe_tx_hash)
        signature = delegated(desk, night.address, CAROL.key)
        assert there.add_delegate(night.address, CAROL.address, "night shift", signature, here)
        assert (len(there.get_delegates(here)), desk.api.get_delegates(here)) == (1, [])
        there.http_session.close()
    unsaid = requests.get(f"{only}/api/v1/owners/{CAROL.address}/safes/", headers=bearer, timeout=20)
    assert (unsaid.status_code, "Which chain?" in unsaid.text) == (404, True)
    assert Proposal.objects.filter(safe__chain=other).get().status == "ready"


def test_safe_eth_py_and_delegates(desk: Desk) -> None:
    night = Account.create()
    signature = delegated(desk, night.address, CAROL.key)
    assert desk.api.add_delegate(night.address, CAROL.address, "night shift", signature, desk.safe.address)
    (row,) = desk.api.get_delegates(desk.safe.address)
    assert (row["delegate"], row["delegator"], row["label"]) == (night.address, CAROL.address, "night shift")
    tx = desk.tx(0, night)
    assert desk.api.post_transaction(tx)
    submission = Submission.objects.get()
    assert (submission.proposer, submission.delegate) == (CAROL.address, night.address)
    assert not Confirmation.objects.exists(), "a delegate hands in and never confirms"
    with pytest.raises(SafeAPIException, match="is not an owner"):
        desk.api.post_signatures(tx.safe_tx_hash, tx.signatures)
    by_itself = delegated(desk, night.address, night.key.hex())
    assert desk.api.remove_delegate(night.address, CAROL.address, by_itself, desk.safe.address)
    assert not Delegate.objects.exists()
    assert desk.offer(desk.tx(1, night), night.address).status_code == 422
    told = Event.objects.filter(verb__startswith="delegate.").order_by("pk").values_list("verb", flat=True)
    assert list(told) == ["delegate.added", "delegate.removed"]


def test_api_kit_goes_all_the_way(desk: Desk) -> None:
    vault = desk.helix.vault.address
    tx = desk.tx(0, CAROL, to=vault, data=bytes.fromhex("8456cb59"))
    fields = desk.body(tx, CAROL.address)
    data = {name: str(fields[name]) for name in ("value", "safeTxGas", "baseGas", "gasPrice", "nonce")}
    data |= {name: fields[name] for name in ("to", "data", "operation", "gasToken", "refundReceiver")}
    given = {
        "url": f"{desk.base}/api",
        "rpc": desk.helix.devnet.url,
        "chain": desk.chain_id,
        "token": desk.token,
        "safe": desk.safe.address,
        "proposal": {
            "safeAddress": desk.safe.address,
            "safeTransactionData": data,
            "safeTxHash": hash_of(tx),
            "senderAddress": CAROL.address,
            "senderSignature": fields["signature"],
            "origin": "api-kit",
        },
        "second": "0x" + bytes(desk.tx(0, to=vault, data=tx.data).sign(DAN.key)).hex(),
        "strangers": "0x" + bytes(desk.tx(0, to=vault, data=tx.data).sign(STRANGER.key)).hex(),
        "delegate": Account.create().address,
        "keys": {"sender": CAROL.key, "stranger": STRANGER.key},
    }
    assert (ROOT / "tests/clients/node_modules").exists(), "sh config/setup.sh clients installs api-kit"
    done = subprocess.run(
        [node(), "tests/clients/apikit.mjs"],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["info"]["owners"] == desk.safe.owners
    assert said["info"]["singleton"] == desk.safe.singleton
    assert desk.safe.address in said["owned"]["safes"]
    assert (said["next"], said["after"], said["unconfirmed"]) == ("0", "1", 1)
    assert said["transaction"]["dataDecoded"] == {"method": "pause", "parameters": []} == said["decoded"]
    assert [one["owner"] for one in said["transaction"]["confirmations"]] == [CAROL.address, DAN.address]
    assert said["confirmations"]["count"] == said["pending"]["count"] + 1 == 2
    assert (said["listed"]["count"], said["listed"]["next"], said["listed"]["countUniqueNonce"]) == (1, None, 1)
    assert [one["label"] for one in said["delegates"]["results"]] == ["night shift"]
    assert said["stranger"]["status"] == 400
    assert "Signature does not match provided delegator" in said["stranger"]["message"]
    assert said["left"]["count"] == 0
    assert said["unknown"] == {"status": 404, "message": "No MultisigTransaction matches the given query."}
    assert said["badHash"]["status"] == 422
    assert "does not match provided contract-tx-hash" in said["badHash"]["message"]
    assert said["badSignature"]["status"] == 400
    assert Confirmation.objects.count() == 2


def test_what_is_wrong_is_told_as_the_service_tells_it_and_nothing_is_stored(desk: Desk) -> None:
    tx, other = desk.tx(0, CAROL), desk.tx(5, CAROL)
    owners = desk.safe.owners
    lower = desk.safe.address.lower()
    checks: list[tuple[requests.Response, int, Any]] = [
        (
            desk.ask("GET", f"v1/safes/{lower}/"),
            422,
            {"code": 1, "message": "Checksum address validation failed", "arguments": [lower]},
        ),
        (desk.ask("GET", f"v1/safes/{DAN.address}/"), 404, None),
        (desk.offer(tx, CAROL.address, to=DAN.address.lower()), 422, "is not checksumed"),
        (desk.offer(tx, CAROL.address, nonce=1), 422, "does not match provided contract-tx-hash"),
        (desk.offer(tx, CAROL.address, value=-1), 422, "value"),
        (desk.offer(tx, DAN.address), 422, f"Signature does not match sender={DAN.address}"),
        (desk.offer(desk.tx(0, STRANGER), STRANGER.address), 422, "is not an owner or delegate"),
        (desk.offer(tx, CAROL.address, signature="0x" + bytes(other.signatures).hex()), 422, "is not an owner"),
        (desk.offer(tx, CAROL.address, signature=None), 422, {"signature": ["This field may not be null."]}),
        (desk.offer(tx, CAROL.address, signature="0x" + bytes(tx.signatures).hex() * 2), 422, "duplicated"),
        (desk.offer(desk.tx(0, CAROL, operation=1), CAROL.address), 422, "Operation DELEGATE_CALL is not allowed"),
        (desk.ask("POST", f"v2/safes/{DAN.address}/multisig-transactions/", desk.body(tx, CAROL.address)), 422, ""),
        (desk.ask("POST", f"v1/multisig-transactions/{hash_of(tx)}/confirmations/", {"signature": "0x12"}), 400, "65"),
        (desk.ask("GET", f"v1/multisig-transactions/{hash_of(tx)}/confirmations/"), 200, '"count":0'),
        (
            desk.ask("DELETE", f"v2/multisig-transactions/{hash_of(tx)}/", {"signature": "0x" + "11" * 65}),
            404,
            "detail",
        ),
        (desk.ask("GET", "v2/delegates/"), 400, "At least one query param must be provided"),
        (desk.ask("GET", f"v1/safes/{desk.safe.address}/balances/"), 404, "does not answer this part"),
        (desk.ask("GET", f"v2/safes/{desk.safe.address}/multisig-transactions/?nonce=x"), 400, "nonce"),
        (desk.ask("POST", f"v2/safes/{desk.safe.address}/multisig-transactions/", [1]), 400, "nonFieldErrors"),
    ]
    for answer, status, said in checks:
        assert answer.status_code == status, (answer.url, answer.text, said)
        if isinstance(said, dict):
            assert answer.json() == said
        elif said is not None:
            assert said in answer.text, (answer.url, answer.text)
    assert not Proposal.objects.exists()
    assert owners == desk.safe.owners


def test_who_may_ask(desk: Desk) -> None:
    """A token's owner, within level and scopes; private scopes are not there for whoever may not see them."""
    hidden = desk.helix.propose(safe=desk.safe)
    set_private(scope=hidden.scope, private=True, actor="user:1")
    path = f"v2/multisig-transactions/{hidden.safe_tx_hash}/"
    listed = f"v2/safes/{desk.safe.address}/multisig-transactions/"
    assert desk.ask("GET", path).status_code == 404
    assert desk.ask("GET", listed).json()["count"] == 0
    signed = {"signature": sign(hidden, CAROL.address)}
    assert desk.ask("POST", f"v1/multisig-transactions/{hidden.safe_tx_hash}/confirmations/", signed).status_code == 404
    admin = desk.token_of("admin", "sees-all")
    assert desk.ask("GET", path, token=admin).json()["proposer"] is None
    viewer = desk.token_of("viewer", "looks-only")
    body = desk.body(desk.tx(9, CAROL), CAROL.address)
    assert desk.ask("GET", listed, token=viewer).status_code == 200
    assert desk.ask("POST", listed, body, token=viewer).status_code == 403
    for token in ("", "bg_nobody"):
        answer = desk.ask("GET", listed, token=token)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    assert requests.get(f"{desk.base}/api/v1/about/", timeout=20).json()["name"] == "Safe Transaction Service"
    only = f"{desk.server.url}/safe-tx-service/api/v1/safes/{desk.safe.address}/"
    assert requests.get(only, headers={"Authorization": f"Bearer {viewer}"}, timeout=20).json()["threshold"] == 2


def test_enough_signatures_wait_until_the_simulation_was_judged(desk: Desk) -> None:
    """Nothing in the transaction itself is wrong; what it does is only seen when it is simulated."""
    data = calldata("transfer(address,uint256)", DAN.address, 10**30)
    bad = desk.tx(0, CAROL, ERIN, to=desk.helix.devnet.deployment.usd, data=data)
    bad.value, bad.signatures = 0, b""
    for one in (CAROL, ERIN):
        bad.sign(one.key)
    assert desk.offer(bad, CAROL.address).status_code == 201
    proposal = Proposal.objects.get()
    path = f"v2/multisig-transactions/{hash_of(bad)}/"
    confirmations = f"v1/multisig-transactions/{hash_of(bad)}/confirmations/"

    def shown() -> tuple[int, int]:
        return len(desk.ask("GET", path).json()["confirmations"]), desk.ask("GET", confirmations).json()["count"]

    assert (proposal.status, proposal.confirmations.count(), shown()) == ("signing", 2, (1, 1))
    looked_at(proposal)
    assert (proposal.status, proposal.confirmations.count(), shown()) == ("signing", 2, (1, 1))
    assert proposal.stopped["code"] == "blocking-finding" and "it fails" in proposal.stopped["reason"]
    assert Event.objects.filter(verb="proposal.stopped").count() == 1
    refused = desk.ask("POST", confirmations, {"signature": "0x" + bytes(bad.sign(DAN.key)).hex()})
    assert refused.status_code == 400 and "may not be signed" in refused.text
    good = desk.tx(1, CAROL, ERIN)
    assert desk.offer(good, CAROL.address).status_code == 201
    assert Proposal.objects.get(nonce=1).status == "signing"
    fine = Proposal.objects.get(nonce=1)
    looked_at(fine)
    assert fine.status == "ready"
    assert len(desk.ask("GET", f"v2/multisig-transactions/{hash_of(good)}/").json()["confirmations"]) == 2


def test_an_over_long_batch_is_refused_as_by_the_other_doors(desk: Desk) -> None:
    calls = [InnerCall(DAN.address, 1, b"")] * 101
    tx = desk.tx(0, CAROL, to=multi_send_address(desk.version), data=encode_multi_send(calls), operation=1)
    answer = desk.offer(tx, CAROL.address)
    assert (answer.status_code, answer.json()) == (422, {"data": ["101 calls are too many for one batch. at most 100"]})
    assert not Proposal.objects.exists()


def test_what_lapsed_is_not_listed_and_may_be_given_again(desk: Desk) -> None:
    tx = desk.tx(0, CAROL)
    tx.safe_tx_gas = 5  # an owner's choice, part of what is signed
    tx.signatures = b""
    tx.sign(CAROL.key)
    assert desk.offer(tx, CAROL.address, safeTxGas=5).status_code == 201
    proposal = Proposal.objects.get()
    assert (proposal.safe_tx_gas, proposal.safe_tx.hash) == (5, hash_of(tx))
    Confirmation.objects.update(lapsed="this contract no longer accepts it")
    NestedConfirmation.objects.create(
        proposal=proposal, within=ERIN.address, owner=STRANGER.address, signature=b"", kind="eip712"
    )
    confirmations = f"v1/multisig-transactions/{hash_of(tx)}/confirmations/"
    listed = f"v2/safes/{desk.safe.address}/multisig-transactions/"
    assert desk.ask("GET", confirmations).json()["count"] == 0
    assert desk.ask("GET", f"v2/multisig-transactions/{hash_of(tx)}/").json()["confirmations"] == []
    assert desk.ask("GET", f"{listed}?has_confirmations=True").json()["count"] == 0
    given = {"signature": "0x" + bytes(tx.signatures).hex()}
    assert desk.ask("POST", confirmations, given).status_code == 201
    assert [one["owner"] for one in desk.ask("GET", confirmations).json()["results"]] == [CAROL.address]
    proposal.refresh_from_db()
    assert (proposal.counted, proposal.status) == (1, "signing")


def test_past_a_blocking_finding_only_as_the_house_lets_it(desk: Desk) -> None:
    data = calldata("addOwnerWithThreshold(address,uint256)", "0x" + "ab" * 20, 2)
    proposal = desk.helix.propose({"to": desk.safe.address, "value": "0", "data": "0x" + data.hex()}, safe=desk.safe)
    tx = desk.tx(proposal.nonce, CAROL, to=desk.safe.address, data=data)
    tx.value = 0
    tx.signatures = b""
    tx.sign(CAROL.key)
    assert hash_of(tx) == proposal.safe_tx_hash
    refused = desk.offer(tx, CAROL.address)
    assert (refused.status_code, Confirmation.objects.count()) == (422, 0)
    assert "This proposal may not be signed" in refused.text
    responder, commander = person("rita", "responder"), person("cora", "commander")
    blocking = review(proposal).blocking
    waiver = request_waiver(proposal=proposal, findings=blocking, reason="Read out on the call.", actor=responder.actor)
    give(approval=Approval.objects.get(about=waiver.subject), user=commander)
    Wallet.objects.create(user=commander, address=DAN.address)
    assert desk.offer(tx, CAROL.address).status_code == 201
    path = f"v1/multisig-transactions/{hash_of(tx)}/confirmations/"
    tx.signatures = b""
    own = desk.ask("POST", path, {"signature": "0x" + bytes(tx.sign(DAN.key)).hex()})
    assert own.status_code == 400
    assert "may not sign past it as well" in own.text
    assert [row.owner for row in proposal.confirmations.all()] == [CAROL.address]


def test_filters_order_and_pages(desk: Desk, django_assert_num_queries: Any) -> None:
    for nonce in range(4):
        assert desk.api.post_transaction(desk.tx(nonce, CAROL))
    desk.api.post_transaction(desk.tx(2, CAROL, to=ERIN.address))
    listed = f"v2/safes/{desk.safe.address}/multisig-transactions/"

    def nonces(query: str) -> list[str]:
        return [row["nonce"] for row in desk.ask("GET", f"{listed}?{query}").json()["results"]]

    assert nonces("") == ["3", "2", "2", "1", "0"]
    assert nonces("ordering=nonce&limit=2") == ["0", "1"]
    assert nonces("nonce__gte=2&nonce__lt=3") == ["2", "2"]
    assert nonces(f"to={ERIN.address}") == ["2"]
    assert nonces("has_confirmations=True&trusted=false&executed=False&value=7&nonce=1") == ["1"]
    assert nonces("has_confirmations=False") == []
    assert nonces("ordering=-modified&limit=1") == ["2"]
    assert nonces("modified__gt=2999-01-01T00:00:00Z") == []
    first = desk.ask("GET", f"{listed}?limit=2&offset=2").json()
    assert (first["count"], first["countUniqueNonce"], len(first["results"])) == (5, 4, 2)
    following = requests.get(first["next"], headers={"Authorization": f"Bearer {desk.token}"}, timeout=20).json()
    assert [row["nonce"] for row in following["results"]] == ["0"]
    assert following["next"] is None
    old = desk.ask("GET", f"v1/safes/{desk.safe.address}/multisig-transactions/?limit=1").json()["results"][0]
    assert (old["nonce"], old["safeTxGas"]) == (3, 0)
    program = program_of(person("", "viewer"))
    program.get("/safe-tx-service/api/v1/delegates/?label=x")  # its first call notes when the token was used
    with django_assert_num_queries(6):  # token with its person, count, nonces, which ones, all of them, what they call
        assert len(program.get(f"/safe-tx-service/{desk.chain_id}/api/{listed}").json()["results"]) == 5
