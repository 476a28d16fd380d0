"""Everything a signer is shown, gathered: hashes, words, findings, changes. Nothing in it is taken on trust."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef

from governance.findings import CallFacts, Facts, Found, find_all
from governance.proposals.decoding import CallView, Names, call_views, is_rejection
from governance.proposals.integrity import check_row
from governance.proposals.models import OPEN, Proposal
from governance.proposals.simulating import keep_fresh
from governance.safes.models import Safe
from integrations.safe.hashes import SafeTx, domain_separator, message_hash, safe_tx_hash
from ledger import Refused
from ledger.models import ScopeClosure


@dataclass(frozen=True)
class Hashes:
    """As a hardware wallet shows them."""

    domain: str
    message: str
    safe_tx: str

    @classmethod
    def of(cls, tx: SafeTx) -> "Hashes":
        return cls(domain_separator(tx), message_hash(tx), safe_tx_hash(tx))


@dataclass(frozen=True)
class Review:
    proposal: Proposal
    safe: Safe
    hashes: Hashes
    calls: list[CallView]
    readable: bool
    findings: list[Found]
    simulation: dict[str, Any]
    tampered: str  # why the stored row is not what was proposed; "" when it is

    @property
    def blocking(self) -> list[Found]:
        return [found for found in self.findings if found.grade == "blocking"]

    @property
    def signable(self) -> bool:
        return self.proposal.status in ("signing", "ready") and not self.tampered and not self.blocking

    def count(self, grade: str) -> int:
        return sum(found.grade == grade for found in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        return {grade: self.count(grade) for grade in ("blocking", "warning", "note")}

    @property
    def unexplained(self) -> list[dict[str, Any]]:
        """Raw changes, each with the name of where it happens: these and none others."""
        names = Names.on(self.safe.chain)
        return [
            {
                **change,
                "label": self.safe.label if change["address"] == self.safe.address else names.of(change["address"]),
            }
            for change in self.simulation.get("changes", ())
        ]


def review(proposal: Proposal, *, look: bool = True) -> Review:
    """With `look` the chain is asked again where our last look is old; without it nothing leaves the database."""
    if look:
        keep_fresh(proposal)
    names = Names.on(proposal.safe.chain)
    views = call_views(proposal, names)
    tampered, in_plan = _trouble(proposal)
    facts = facts_of(proposal, names, views, in_plan=in_plan)
    return Review(
        proposal=proposal,
        safe=proposal.safe,
        hashes=Hashes.of(proposal.safe_tx),
        calls=views or [],
        readable=views is not None,
        findings=find_all(facts),
        simulation=proposal.simulation or {},
        tampered=tampered,
    )


def _trouble(proposal: Proposal) -> tuple[str, bool | None]:
    try:
        check_row(proposal)
    except Refused as error:
        if error.code == "not-in-plan":
            return "", False
        return error.message, None if proposal.plan is None else False
    return "", None if proposal.plan is None else True


def facts_of(proposal: Proposal, names: Names, views: list[CallView] | None, *, in_plan: bool | None) -> Facts:
    safe, simulation = proposal.safe, proposal.simulation or {}
    gas = {name: proposal.raw_fields[name] for name in ("safeTxGas", "baseGas", "gasPrice")}
    return Facts(
        safe=safe.address,
        version=proposal.version,
        chain_kind=safe.chain.kind,
        owners=tuple(safe.owners),
        threshold=safe.threshold,
        chain_nonce=max(safe.nonce, int(simulation.get("chain_nonce", 0))),
        nonce=proposal.nonce,
        operation=proposal.operation,
        to=proposal.to,
        readable=views is not None,
        calls=tuple(_call_facts(view, names, simulation.get("targets", {})) for view in views or ()),
        same_nonce=_same_nonce(proposal),
        environment=proposal.plan.environment if proposal.plan else "",
        in_plan=in_plan,
        simulated=simulation.get("ok"),
        revert=simulation.get("revert", ""),
        gas_fields={name: value for name, value in gas.items() if value != "0"},
        proxy_version=safe.proxy_version,
        is_rejection=is_rejection(proposal),
    )


def _same_nonce(proposal: Proposal) -> tuple[int, ...]:
    """Other open proposals at this nonce, as far as everybody who reads this one may know of them."""
    others = Proposal.objects.filter(safe=proposal.safe, nonce=proposal.nonce, status__in=OPEN).exclude(pk=proposal.pk)
    if not others.order_by().values("pk")[:1]:
        return ()
    above = ScopeClosure.objects.filter(descendant_id=proposal.scope_id).values("ancestor_id")
    secret = ScopeClosure.objects.filter(descendant_id=OuterRef("scope_id"), ancestor__private=True)
    known = others.filter(~Exists(secret.exclude(ancestor__in=above)))
    return tuple(known.order_by("pk").values_list("pk", flat=True))


def _call_facts(view: CallView, names: Names, targets: dict[str, str]) -> CallFacts:
    found = targets.get(view.to)
    registered = view.contract.code_hash if view.contract else ""
    return CallFacts(
        to=view.to,
        value=view.value,
        data=view.data,
        label=view.label or ("an owner" if view.to in names.owners else ""),
        registered=view.contract is not None,
        code=None if found is None else bool(found),
        code_changed=bool(registered and found and found != registered),
        decoded=view.decoded,
    )


def refuse_blocked(proposal: Proposal, *, look: bool = True) -> None:
    """Nobody signs past a blocking finding. With `look` it asks the chain; then it is not for inside a transaction."""
    blocking = review(proposal, look=look).blocking
    if blocking:
        raise Refused(
            f"This proposal may not be signed. {blocking[0].label}: {blocking[0].text}",
            "withdraw it and propose what is wanted",
            "blocking-finding",
        )
