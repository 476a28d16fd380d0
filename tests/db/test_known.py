"""What reviews share of a chain is read again with the first change, also within one transaction."""

import pytest

from governance.proposals.facts import Known
from governance.protocols.models import Allowed, Contract, Power
from integrations.chain.models import Executor
from tests.paper_safe import VAULT, paper_safe

pytestmark = pytest.mark.django_db
OTHER = "0x" + "00" * 19 + "09"


def test_known_is_shared_until_any_of_its_rows_changes() -> None:
    safe = paper_safe()
    safe.protocol = Contract.objects.get().protocol
    safe.save()
    first = Known.of(safe)
    assert Known.of(safe) is first and first.labels[VAULT] == "HelixVault" and not first.rows
    for name in ("Renamed", "Again"):  # twice in one transaction
        Contract.objects.update(name=name)
        assert Known.of(safe).labels[VAULT] == name
    contract = Contract.objects.get()
    line = Allowed.objects.create(
        protocol=contract.protocol, chain=safe.chain, address=OTHER, label="Treasury", created_by="user:1"
    )
    assert Known.of(safe).labels[OTHER] == "Treasury" and Known.of(safe).rows == [line]
    line.delete()
    assert OTHER not in Known.of(safe).labels
    power = {"protocol": contract.protocol, "slug": "pause", "title": "Pause", "function": "pause()", "holder": OTHER}
    Power.objects.create(contract=contract, **power)
    assert {(at, who) for at, _, who in Known.of(safe).powers} == {(VAULT, OTHER)}
    safe.label = "Council"
    safe.save()
    assert Known.of(safe).labels[safe.address] == "Council"
    Executor.objects.create(chain=safe.chain, address=OTHER, label="gas")
    assert Known.of(safe).labels[OTHER] == "an executor"
    again = Known.of(safe)
    assert Known.of(safe) is again
