"""Asking the signers: each owner who has an account is told by their own channels, once a proposal."""

from accounts.models import User, Wallet
from governance.proposals.models import Proposal
from governance.proposals.nesting import people_asked
from ledger import scopes
from ledger.access import ScopeGate
from notify.models import Message
from notify.services import send

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
        key=f"{proposal.subject}:signers",
        actor=actor,
        users=asked,
        template="sign",
        context={"proposal": proposal, "safe": proposal.safe},
        scope=proposal.scope,
        link=f"/governance/proposals/{proposal.pk}/",
    )
