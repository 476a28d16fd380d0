"""The Safe contracts stand where they stand on every chain, byte for byte; the demo's Safes are as drawn."""

from eth_account import Account
from eth_utils.crypto import keccak

from integrations.devnet import keys
from integrations.devnet.abi import calldata
from integrations.devnet.chain import CAROL, CHAIN_ID, COUNCIL_OWNERS, GUARDIAN_OWNERS, KEYS, TREASURY
from integrations.devnet.safe_contracts import VERSIONS, safe_contracts
from tests.chain.conftest import Devnet


def _owners(devnet: Devnet, safe: str) -> list[str]:
    raw = devnet.rpc.call(safe, calldata("getOwners()"))
    count = int.from_bytes(raw[32:64])
    return ["0x" + raw[64 + 32 * i + 12 : 96 + 32 * i].hex() for i in range(count)]


def test_every_version_at_its_canonical_address_with_the_published_code(devnet: Devnet) -> None:
    assert {contract.version for contract in safe_contracts()} == set(VERSIONS)
    for contract in safe_contracts():
        assert "0x" + keccak(devnet.rpc.code(contract.address)).hex() == contract.code_hash, contract.role
    assert devnet.deployment.safe_contracts["1.4.1"]["singleton"] == "0x41675C099F32341bf84BFc5382aF534df5C7461a"
    assert set(devnet.deployment.multisend_call_only) == set(devnet.deployment.fallback_handlers) == set(VERSIONS)


def test_the_demo_safes_have_their_owners_and_thresholds(devnet: Devnet) -> None:
    deployment = devnet.deployment
    for safe, owners, threshold in (
        (deployment.guardian_safe, [a.address for a in GUARDIAN_OWNERS], 2),
        (deployment.council_safe, [*(a.address for a in COUNCIL_OWNERS), deployment.nested_safe, CAROL.address], 3),
        (deployment.nested_safe, [TREASURY.address], 1),
    ):
        assert _owners(devnet, safe) == [owner.lower() for owner in owners]
        assert int.from_bytes(devnet.rpc.call(safe, calldata("getThreshold()"))) == threshold


def test_the_executor_has_gas_and_nothing_else(devnet: Devnet) -> None:
    executor = devnet.deployment.executor
    assert Account.from_key(keys.EXECUTOR_KEY).address == executor == keys.EXECUTOR_ADDRESS
    assert keccak(text="breakglass devnet executor").hex() == keys.EXECUTOR_KEY[2:]
    assert int(devnet.rpc("eth_getBalance", executor, "latest"), 16) >= 10**18
    assert executor not in {account.address for account in KEYS}
    assert all(executor not in safe.owners for safe in devnet.deployment.safes)


def test_the_well_known_keys_are_the_mnemonics_own() -> None:
    Account.enable_unaudited_hdwallet_features()

    def derive(mnemonic: str, index: int) -> str:
        return str(Account.from_mnemonic(mnemonic, account_path=f"m/44'/60'/0'/0/{index}").address)

    expected = {derive(keys.MNEMONIC, i) for i in range(20)} | {derive(keys.GANACHE_MNEMONIC, i) for i in range(10)}
    assert expected | {keys.EXECUTOR_ADDRESS} == keys.WELL_KNOWN
    assert [Account.from_key(account.key).address for account in KEYS] == [account.address for account in KEYS]
    assert keys.is_well_known(KEYS[3].address.lower())
    assert not keys.is_well_known("0x" + "11" * 20)


def test_chain_id_is_nobodys() -> None:
    assert CHAIN_ID == 731337
