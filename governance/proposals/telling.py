"""Asking the signers: each owner who has an account is told by their own channels, once a proposal."""

from collections.abc import Sequence

from accounts.models import User, Wallet
from governance.proposals.models import Proposal
from governance.proposals.nesting import people_asked
from ledger import scopes
from ledger.access import ScopeGate
from ledger.models import ScopeClosure
from notify.models import Message
from notify.services import Words, compose, send, send_all

ROLE = "signer"


def signers(proposal: Proposal) -> list[User]:
    """The active people behind the Safe's owners, and behind the owners of those that are Safes."""
    asked = people_asked(proposal.safe)
    wallets = Wallet.objects.filter(address__in=asked, user__is_active=True).select_related("user")
    return sorted({wallet.user for wallet in wallets}, key=lambda user: user.pk)


def ask_signers(proposal: Proposal, *, actor: str) -> Message | None:
    """Whoever must sign must be able to read what it is for, also when the incident is private."""
    asked = signers(proposal)
    if not asked:
        return None
    for scope in scopes.private_above(proposal.scope):
        for user in asked:
            if not ScopeGate(scope.pk).lets(user):
                scopes.add_member(scope=scope, who=user.actor, role=ROLE, actor=actor)
    return send(
        key=_key(proposal),
        actor=actor,
        users=asked,
        template="sign",
        context={"proposal": proposal, "safe": proposal.safe},
        scope=proposal.scope,
        link=_link(proposal),
    )


def ask_all(proposals: Sequence[Proposal]) -> None:
    """`ask_signers` of many: to those of one Safe that everybody may know of, the same people are told at once."""
    shut = ScopeClosure.objects.filter(descendant__in=[one.scope_id for one in proposals], ancestor__private=True)
    private = set(shut.values_list("descendant_id", flat=True))
    told = set(Message.objects.filter(key__in=list(map(_key, proposals))).values_list("key", flat=True))
    by_safe: dict[int, list[Proposal]] = {}
    for one in proposals:
        if one.scope_id in private:
            ask_signers(one, actor=one.created_by)
        elif _key(one) not in told:
            by_safe.setdefault(one.safe_id, []).append(one)
    for group in by_safe.values():
        if asked := signers(group[0]):
            send_all([_words(one) for one in group], users=asked, template="sign")


def _words(proposal: Proposal) -> Words:
    subject, body = compose("sign", {"proposal": proposal, "safe": proposal.safe})
    return Words(_key(proposal), subject, body, _link(proposal), proposal.scope, proposal.created_by)


def _key(proposal: Proposal) -> str:
    return f"{proposal.subject}:signers"


def _link(proposal: Proposal) -> str:
    return f"/governance/proposals/{proposal.pk}/"
