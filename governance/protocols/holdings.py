"""Where executors' roles are looked for: the registered contracts of a chain, and the powers that are known of them."""

from collections.abc import Iterable

from governance.protocols.models import Contract
from integrations.chain.executors.roles import Target
from integrations.chain.models import Chain


def targets(chain: Chain) -> Iterable[Target]:
    for contract in Contract.objects.filter(chain=chain).prefetch_related("powers"):
        powers = tuple((power.title, power.function, power.holder) for power in contract.powers.all())
        yield Target(contract.name, contract.address, contract.abi, powers)
