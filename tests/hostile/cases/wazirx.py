"""WazirX, 18 July 2024: the page shows a payment; the batch behind it also replaces the wallet's code."""

from eth_abi.packed import encode_packed

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    shown = stage.call(stage.usd, "transfer(address,uint256)", stage.vendor, 100 * USD)
    hidden = stage.delegate(stage.trojan, "transfer(address,uint256)", stage.hollow, 0)
    packed = b"".join(
        bytes([one.operation]) + encode_packed(["address", "uint256", "uint256"], [one.to, 0, len(one.data)]) + one.data
        for one in (shown, hidden)
    )
    return stage.delegate(stage.d.safe_contracts["1.4.1"]["multi_send"], "multiSend(bytes)", packed)


def then(stage: Stage) -> None:
    stage.send(stage.treasury, "sweepToken(address,address)", stage.usd, stage.thief_address)


CASE = Hostile(
    shape="batch through the MultiSend that takes delegatecalls",
    cause="singleton replaced behind a shown payment",
    caught="delegatecall",
    takes="usd",
    tx=tx,
    then=then,
    incident="WazirX, 18 July 2024",
)
