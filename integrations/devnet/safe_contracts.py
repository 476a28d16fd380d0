"""The Safe contracts as they stand on every chain: same bytes, same addresses, checked against safe-deployments.

1.3.0's SignMessageLib is left out: the npm package carries other bytes than the ones on the real chains.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from integrations.devnet.anvil import ROOT

VERSIONS = ("1.3.0", "1.4.1", "1.5.0")
PACKAGES = {
    "1.3.0": "@gnosis.pm/safe-contracts",
    "1.4.1": "@safe-global/safe-contracts",
    "1.5.0": "@safe-global/safe-smart-account",
}
CREATE2_DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""Arachnid's deterministic deployer, which Anvil brings along; 1.3.0 was deployed through it."""
SINGLETON_FACTORY = "0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7"
"""Safe's own deployer, of 1.4.1 and 1.5.0."""

# role -> (file in safe-deployments, source file in the package); 1.3.0 named some of them otherwise.
_PARTS = {
    "singleton": ("safe", "Safe.sol"),
    "singleton_l2": ("safe_l2", "SafeL2.sol"),
    "proxy_factory": ("safe_proxy_factory", "proxies/SafeProxyFactory.sol"),
    "multi_send": ("multi_send", "libraries/MultiSend.sol"),
    "multi_send_call_only": ("multi_send_call_only", "libraries/MultiSendCallOnly.sol"),
    "fallback_handler": ("compatibility_fallback_handler", "handler/CompatibilityFallbackHandler.sol"),
    "sign_message_lib": ("sign_message_lib", "libraries/SignMessageLib.sol"),
    "create_call": ("create_call", "libraries/CreateCall.sol"),
    "simulate_tx_accessor": ("simulate_tx_accessor", "accessors/SimulateTxAccessor.sol"),
}
_PARTS_130 = {
    **_PARTS,
    "singleton": ("gnosis_safe", "GnosisSafe.sol"),
    "singleton_l2": ("gnosis_safe_l2", "GnosisSafeL2.sol"),
    "proxy_factory": ("proxy_factory", "proxies/GnosisSafeProxyFactory.sol"),
}
del _PARTS_130["sign_message_lib"]


@dataclass(frozen=True, slots=True)
class SafeContract:
    """One contract to put at its canonical address."""

    version: str
    role: str
    address: str
    code_hash: str
    deployer: str
    init_code: bytes


def create2_address(deployer: str, init_code: bytes, salt: bytes = bytes(32)) -> str:
    packed = b"\xff" + bytes.fromhex(deployer[2:]) + salt + keccak(init_code)
    return to_checksum_address(keccak(packed)[12:])


@cache
def safe_contracts(root: Path = ROOT) -> tuple[SafeContract, ...]:
    """Read from the npm packages; the address that the bytes lead to must be the canonical one."""
    return tuple(
        _contract(root, version, role, *names)
        for version in VERSIONS
        for role, names in (_PARTS_130 if version == "1.3.0" else _PARTS).items()
    )


def _contract(root: Path, version: str, role: str, asset: str, source: str) -> SafeContract:
    modules = root / "node_modules"
    listed = json.loads(
        (modules / "@safe-global/safe-deployments/dist/assets" / f"v{version}" / f"{asset}.json").read_bytes()
    )
    canonical = listed["deployments"]["canonical"]
    name = listed["contractName"]
    built = json.loads(
        (modules / PACKAGES[version] / "build/artifacts/contracts" / source / f"{name}.json").read_bytes()
    )
    init_code = bytes.fromhex(built["bytecode"][2:])
    deployer = CREATE2_DEPLOYER if version == "1.3.0" else SINGLETON_FACTORY
    if create2_address(deployer, init_code) != canonical["address"]:
        raise ValueError(f"{name} {version} of {PACKAGES[version]} is not what stands at {canonical['address']}.")
    return SafeContract(version, role, canonical["address"], canonical["codeHash"], deployer, init_code)


@cache
def singleton_factory_code(root: Path = ROOT) -> bytes:
    """The factory's runtime code, cut from its presigned transaction (which holds for chain 31337 only)."""
    path = root / "node_modules/@safe-global/safe-singleton-factory/artifacts/31337/deployment.json"
    raw = bytes.fromhex(json.loads(path.read_bytes())["transaction"][2:])
    start = raw.index(bytes.fromhex("604580600e600039806000f350fe")) + 14
    return raw[start : start + 0x45]
