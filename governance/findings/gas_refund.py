"""Refund fields."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("gas_refund")
class GasRefund(Finding):
    """Gas fields that let the executor, or whomever they name, be paid out of the Safe."""

    label = "Gas refund"

    def check(self, facts: Facts) -> Iterable[Found]:
        named = ", ".join(f"{name} {value}" for name, value in sorted((facts.gas_fields | dict(facts.refund)).items()))
        if facts.gas_fields.get("gasPrice"):
            yield Found("blocking", f"Whoever executes it, or is named as the receiver, is paid by the Safe ({named}).")
        elif facts.refund:
            yield Found("warning", f"It names a refund that is not paid while the gas price is 0 ({named}).")
        elif facts.gas_fields:
            yield Found("note", f"A call that fails would use up the nonce all the same ({named}).")
