"""What the corpus's protocol has registered: contracts, powers and the allow-list."""

REGISTERED = {
    **{name.lower(): (name, "vault") for name in ("Till", "Purse", "Diamond", "OldProxy", "Admin", "Beacon")},
    **{name: (name.capitalize(), "token") for name in ("note", "deed")},
    **{name: (name.capitalize(), "router") for name in ("passport", "thrift", "standing", "beaconed")},
    "plain": ("Plain", "standby"),
    "plain2": ("Plain", "standby"),
    "managed": ("OldProxy", "proxy"),
}
HELIX = (
    ("usd", "HelixUSD", "token"),
    ("timelock", "TimelockController", "timelock"),
    ("feed", "HelixFeed", "oracle"),
    ("vault2", "HelixVaultV2", "standby"),
)
POWERS = (
    ("vault", "pause()", "treasury"),
    ("vault", "setMode(uint8)", "treasury"),
    ("vault", "unpause()", "timelock"),
    ("vault", "setMarketFeed(uint256,address)", "timelock"),
    ("vault", "upgradeToAndCall(address,bytes)", "timelock"),
    ("vault", "grantRole(bytes32,address)", "timelock"),
    ("vault", "revokeRole(bytes32,address)", "timelock"),
    ("vault", "setGracePeriod(uint64)", "timelock"),
    ("till", "setPayee(address)", "timelock"),
    ("timelock", "updateDelay(uint256)", "timelock"),
)
ALLOWED: dict[str, tuple[str, ...]] = {
    "usd": ("transfer(address,uint256)", "approve(address,uint256)", "mint(address,uint256)"),
    "note": (
        "transfer(address,uint256)",
        "transferFrom(address,address,uint256)",
        "approve(address,uint256)",
        "increaseAllowance(address,uint256)",
        "authorizeOperator(address)",
    ),
    "deed": ("setApprovalForAll(address,bool)", "safeTransferFrom(address,address,uint256)"),
    "vault": (
        "deposit(uint256)",
        "depositFor(address,uint256)",
        "withdraw(uint256,address)",
        "fundInsurance(uint256)",
    ),
    "timelock": (
        "schedule(address,uint256,bytes,bytes32,bytes32,uint256)",
        "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)",
        "execute(address,uint256,bytes,bytes32,bytes32)",
        "cancel(bytes32)",
    ),
    "till": (
        "fund()",
        "pay(address,uint256)",
        "beat()",
        "settle(uint256)",
        "note(bytes)",
        "aggregate3Value((address,bool,uint256,bytes)[])",
    ),
    "purse": ("execute(address,uint256,bytes)", "multicall(bytes[])"),
    "passport": ("approve(address,address,uint160,uint48)",),
    "admin": ("upgradeAndCall(address,address,bytes)",),
    "beacon": ("upgradeTo(address)",),
    "oldproxy": ("setImplementation(address)",),
}
