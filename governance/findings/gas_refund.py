"""Refund fields."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("gas_refund")
class GasRefund(Finding):
    """Gas fields that let the executor be paid out of the Safe."""

    label = "Gas refund"

    def check(self, facts: Facts) -> Iterable[Found]:
        if facts.gas_fields.get("gasPrice"):
            named = ", ".join(f"{name} {value}" for name, value in sorted(facts.gas_fields.items()))
            yield Found("warning", f"Whoever executes it is paid out of the Safe ({named}).")
