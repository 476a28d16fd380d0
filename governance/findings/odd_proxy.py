"""Proxies of unknown make."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("odd_proxy")
class OddProxy(Finding):
    """A Safe whose proxy was made by no official factory: it may answer its getters as it likes."""

    label = "Unofficial proxy"

    def check(self, facts: Facts) -> Iterable[Found]:
        if not facts.proxy_version:
            yield Found(
                "warning", "This Safe's proxy was not made by an official factory, so its answers may be forged."
            )
