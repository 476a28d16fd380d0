"""What the devnet is: its chain id and who is who on it. Plain constants, importable from anywhere."""

from dataclasses import dataclass

from integrations.devnet.keys import EXECUTOR_KEY, TEST_ACCOUNTS

CHAIN_ID = 731337
CHAIN_NAME = "Helix devnet"
CHAIN_SHORT_NAME = "devnet"
BLOCK_SECONDS = 2
SLOTS_IN_AN_EPOCH = 4
"""safe = head - 4 blocks, finalized = head - 8: quick enough to watch, far enough to matter."""
GAS_LIMIT = 60_000_000
CURRENCY = "ETH"


@dataclass(frozen=True, slots=True)
class Account:
    """One of the ten accounts that everybody knows the keys of."""

    index: int
    name: str
    role: str
    address: str
    key: str


_ROLES = (
    ("Deployer", "deployed the devnet's contracts"),
    ("Carol", "owner of the guardian Safe"),
    ("Dan", "owner of the guardian Safe"),
    ("Erin", "owner of the guardian Safe"),
    ("Council 1", "owner of the council Safe"),
    ("Council 2", "owner of the council Safe"),
    ("Council 3", "owner of the council Safe"),
    ("Treasury", "owner of the treasury Safe, itself an owner of the council"),
    ("Faucet", "gives executors their gas"),
    ("Keeper", "refreshes the price feeds"),
)

KEYS: tuple[Account, ...] = tuple(
    Account(index=index, name=name, role=role, address=address, key=key)
    for index, ((name, role), (address, key)) in enumerate(zip(_ROLES, TEST_ACCOUNTS, strict=True))
)
DEPLOYER, CAROL, DAN, ERIN, COUNCIL_1, COUNCIL_2, COUNCIL_3, TREASURY, FAUCET, KEEPER = KEYS
GUARDIAN_OWNERS = (CAROL, DAN, ERIN)
COUNCIL_OWNERS = (COUNCIL_1, COUNCIL_2, COUNCIL_3)

__all__ = ["CHAIN_ID", "EXECUTOR_KEY", "KEYS", "Account"]
