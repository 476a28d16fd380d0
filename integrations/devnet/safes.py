"""The demo's own Safes: proxies made by the canonical factories, at addresses known beforehand."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from integrations.devnet.abi import calldata
from integrations.devnet.anvil import ROOT
from integrations.devnet.builder import Builder
from integrations.devnet.chain import CAROL, COUNCIL_OWNERS, GUARDIAN_OWNERS, TREASURY
from integrations.devnet.safe_contracts import PACKAGES, create2_address, safe_contracts

ZERO = "0x" + "00" * 20
_PROXY_SOURCE = {
    "1.3.0": "proxies/GnosisSafeProxy.sol/GnosisSafeProxy.json",
    "1.4.1": "proxies/SafeProxy.sol/SafeProxy.json",
    "1.5.0": "proxies/SafeProxy.sol/SafeProxy.json",
}


@dataclass(frozen=True, slots=True)
class DemoSafe:
    """A Safe to make. Its address follows from every field but the label."""

    slug: str
    label: str
    version: str
    layer2: bool
    owners: tuple[str, ...]
    threshold: int
    salt: int

    @property
    def singleton(self) -> str:
        return _canonical(self.version, "singleton_l2" if self.layer2 else "singleton")

    @property
    def fallback_handler(self) -> str:
        return _canonical(self.version, "fallback_handler")

    @property
    def factory(self) -> str:
        return _canonical(self.version, "proxy_factory")

    @property
    def initializer(self) -> bytes:
        return calldata(
            "setup(address[],uint256,address,bytes,address,address,uint256,address)",
            list(self.owners),
            self.threshold,
            ZERO,
            b"",
            self.fallback_handler,
            ZERO,
            0,
            ZERO,
        )

    @property
    def address(self) -> str:
        salt = keccak(keccak(self.initializer) + encode(["uint256"], [self.salt]))
        code = _proxy_code(self.version) + encode(["address"], [self.singleton])
        return create2_address(self.factory, code, salt)

    def create(self, builder: Builder) -> None:
        """Does nothing if it stands already."""
        if builder.rpc.code(self.address):
            return
        data = calldata("createProxyWithNonce(address,bytes,uint256)", self.singleton, self.initializer, self.salt)
        builder.send(self.factory, data, what=f"the {self.label}")


def _canonical(version: str, role: str) -> str:
    return next(c.address for c in safe_contracts() if c.version == version and c.role == role)


@cache
def _proxy_code(version: str, root: Path = ROOT) -> bytes:
    path = root / "node_modules" / PACKAGES[version] / "build/artifacts/contracts" / _PROXY_SOURCE[version]
    return bytes.fromhex(json.loads(path.read_bytes())["bytecode"][2:])


@cache
def demo_safes() -> tuple[DemoSafe, DemoSafe, DemoSafe]:
    """Guardian, council, treasury. The treasury comes last in name only: the council's owner list needs its address."""
    treasury = DemoSafe(
        slug="treasury",
        label="treasury Safe",
        version="1.3.0",
        layer2=False,
        owners=(TREASURY.address,),
        threshold=1,
        salt=731337,
    )
    guardian = DemoSafe(
        slug="guardian",
        label="guardian Safe",
        version="1.4.1",
        layer2=True,
        owners=tuple(account.address for account in GUARDIAN_OWNERS),
        threshold=2,
        salt=731337,
    )
    council = DemoSafe(
        slug="council",
        label="council Safe",
        version="1.4.1",
        layer2=True,
        owners=(*(account.address for account in COUNCIL_OWNERS), treasury.address, CAROL.address),
        threshold=3,
        salt=731337,
    )
    return guardian, council, treasury
