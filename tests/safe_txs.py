"""Safe transactions of every shape, the same at each run."""

import random
from typing import Any

from governance.plans.schema import Call
from governance.proposals.building import build
from integrations.chain.addresses import checksum
from integrations.safe.hashes import SafeTx

NUMBER = 1_000


def generated(version: str, number: int = NUMBER) -> list[SafeTx]:
    """The same every time; sizes and values at the edges as often as in the middle."""
    chance = random.Random(f"safe {version}")

    def uint() -> int:
        return chance.choice([0, 1, 2**53, 2**256 - 1, chance.getrandbits(256), chance.getrandbits(20)])

    def address() -> str:
        return checksum(chance.choice([bytes(20), b"\xff" * 20, chance.randbytes(20), chance.randbytes(20)]))

    made = []
    for index in range(number):
        fields: dict[str, Any] = {
            "to": address(),
            "value": uint(),
            "data": chance.randbytes(chance.choice([0, 4, 36, 300])),
        }
        if index % 5 == 0:
            calls = [
                Call(
                    to=checksum(chance.randbytes(20)), value=str(uint()), data="0x" + chance.randbytes(index % 70).hex()
                )
                for _ in range(2 + index % 4)
            ]
            built = build(calls, version=version)
            fields = {"to": built.to, "value": built.value, "data": built.data, "operation": built.operation}
        made.append(
            SafeTx(
                chain_id=chance.choice([1, 731337, 2**53 + 7]),
                safe=address(),
                version=version,
                safe_tx_gas=uint(),
                base_gas=uint(),
                gas_price=uint(),
                gas_token=address(),
                refund_receiver=address(),
                nonce=uint(),
                **fields,
            )
        )
    return made
