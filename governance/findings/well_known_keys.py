"""Owners whose keys everybody has."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found
from integrations.devnet.keys import is_well_known


@FINDINGS.register("well_known_keys")
class WellKnownKeys(Finding):
    """An owner of a live chain's Safe whose private key is printed in public documentation."""

    label = "Public keys"

    def check(self, facts: Facts) -> Iterable[Found]:
        if facts.chain_kind != "live":
            return
        for owner in facts.owners:
            if is_well_known(owner):
                yield Found(
                    "blocking", f"The private key of the owner {owner} is public: anybody can sign as this owner."
                )
