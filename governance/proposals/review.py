"""Everything a signer is shown, gathered: hashes, words, findings, changes. Nothing in it is taken on trust."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from governance.findings import Approved, Found, find_all
from governance.proposals.code_status import CodeStatus, batch_code
from governance.proposals.counting import why_closed
from governance.proposals.decoding import CallView, Names, call_views
from governance.proposals.facts import Known, facts_of
from governance.proposals.integrity import check_row
from governance.proposals.models import Proposal
from governance.proposals.simulating import keep_fresh
from governance.proposals.unseen import approved_by, secret_from_readers_of
from governance.safes.models import Safe
from governance.waivers.services import Standing, covered, refuse_own_grant, standings
from integrations.safe.hashes import DELEGATECALL, SafeTx, domain_separator, message_hash, safe_tx_hash
from ledger import Refused

DEEPEST = 2


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
    waivers: list[Standing] = field(default_factory=list)

    @property
    def blocking(self) -> list[Found]:
        """What stops signing and execution now: findings that nobody of a second role has let pass."""
        passed = covered(self.waivers)
        return [one for one in self.findings if one.grade == "blocking" and not (one.waivable and one.key in passed)]

    @property
    def let_pass(self) -> list[Found]:
        still = {one.key for one in self.blocking}
        return [one for one in self.findings if one.grade == "blocking" and one.key not in still]

    @property
    def waivable(self) -> bool:
        """Whether a second role could let pass what blocks it."""
        return bool(self.blocking) and all(one.waivable for one in self.blocking) and not self.tampered

    @property
    def signable(self) -> bool:
        return why_closed(self.proposal) is None and not self.tampered and not self.blocking

    def count(self, grade: str) -> int:
        return sum(found.grade == grade for found in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        return {grade: self.count(grade) for grade in ("blocking", "warning", "note")}

    @property
    def carrier(self) -> CodeStatus | None:
        """The batch contract that a batch goes through; None where the Safe calls by itself."""
        tx = self.proposal.safe_tx
        return batch_code(tx, self.simulation) if tx.operation == DELEGATECALL else None

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


def review(proposal: Proposal, *, look: bool = True, depth: int = 0) -> Review:
    """With `look` the chain is asked again where our last look is old; without it nothing leaves the database.

    `depth`: how many approvals lead to this one.
    """
    if look:
        keep_fresh(proposal)
    known = Known.of(proposal.safe)
    names = known.names
    views = call_views(proposal, names)
    tampered, in_plan = _trouble(proposal)
    facts = facts_of(proposal, known, in_plan=in_plan, approved=_approved(proposal, names, look, depth))
    findings = find_all(facts)
    return Review(
        proposal=proposal,
        safe=proposal.safe,
        hashes=Hashes.of(proposal.safe_tx),
        calls=views or [],
        readable=views is not None,
        findings=findings,
        simulation=proposal.simulation or {},
        tampered=tampered,
        waivers=standings(proposal) if any(one.grade == "blocking" for one in findings) else [],
    )


def _approved(proposal: Proposal, names: Names, look: bool, depth: int) -> dict[str, Approved]:
    """What it says yes to by a hash, judged as if it were signed itself; what blocks that one blocks this one."""
    behind = approved_by(proposal, names)
    if depth == DEEPEST:
        return dict.fromkeys(behind, Approved(blocking=("It approves approvals deeper than anybody reads.",)))
    secret = secret_from_readers_of(proposal, behind.values()) if behind else set()
    found = {}
    for digest, one in behind.items():
        inner = review(one, look=look, depth=depth + 1)
        words = [inner.tampered] if inner.tampered else [f"{it.label}: {it.text}" for it in inner.blocking]
        if words and one.pk in secret:
            words = ["Its own page says why, to those who may read it."]
        found[digest] = Approved(inner.simulation.get("ok"), tuple(words))
    return found


def _trouble(proposal: Proposal) -> tuple[str, bool | None]:
    try:
        check_row(proposal)
    except Refused as error:
        if error.code == "not-in-plan":
            return "", False
        return error.message, None if proposal.plan is None else False
    return "", None if proposal.plan is None else True


def refuse_blocked(proposal: Proposal, owners: Collection[str], *, look: bool = True) -> None:
    """Nobody of `owners` signs past a blocking finding that no second role let pass.

    With `look` it asks the chain; then it is not for inside a transaction. Without, the last simulation counts, however
    old.
    """
    found = review(proposal, look=look)
    if blocking := found.blocking:
        raise Refused(
            f"This proposal may not be signed. {blocking[0].label}: {blocking[0].text}",
            "withdraw it and propose what is wanted, or ask a commander to let it pass, with a reason",
            "blocking-finding",
        )
    refuse_own_grant(found.waivers, owners)
