"""What the demo watches, and one incident of the past so that a newcomer sees how one reads."""

from governance.protocols.models import Protocol
from incidents.incidents.models import Incident
from incidents.incidents.services import change_severity, move, open_incident, take_command
from incidents.status.models import Guidance
from incidents.status.services import set_guidance
from incidents.updates.services import add_note, add_update
from incidents.watch import demo as watched
from integrations.chain.models import Chain
from integrations.devnet.deployment import Deployment

GUIDANCE = (
    "Helix goes on without our page. Open HelixVault at the address above in any block explorer, compare every "
    "character, and call withdraw(amount, to) from your own wallet; cancelAllOrders() takes your orders back. While it "
    "is paused nobody can withdraw, through our page or without it: wait for the word here.\n\n"
    "Sign nothing that a page asks for which you did not open yourself. We never write first, and never ask for a key."
)
PAST = "Explorer shows a wrong balance for hUSD"


def load(actor: str) -> None:
    """Does nothing without a devnet; again, it changes nothing."""
    deployment = Deployment.load()
    chain = Chain.objects.filter(chain_id=deployment.chain_id).first() if deployment else None
    if deployment is None or chain is None:
        return
    protocol = Protocol.objects.filter(slug="helix").first()
    watched.load(deployment, chain, protocol, actor)
    _past(protocol, actor)
    if not Guidance.objects.exists():
        set_guidance(text=GUIDANCE, actor=actor)


def _past(protocol: Protocol | None, actor: str) -> None:
    from accounts.models import User

    ana = User.objects.filter(username="ana").first()
    if ana is None or Incident.objects.filter(title=PAST).exists():
        return
    incident = open_incident(title=PAST, severity="SEV3", actor=ana.actor, protocol=protocol, tell=False)
    take_command(incident=incident, user=ana)
    add_note(
        incident=incident, text="The chain itself has the right balance; compared at two endpoints.", actor=ana.actor
    )
    change_severity(incident=incident, severity="SEV4", actor=ana.actor, reason="display only, no funds touched")
    add_update(incident=incident, text="An explorer shows an old balance. Nothing on the chain is wrong.", actor=actor)
    move(incident=incident, to="restored", actor=ana.actor, reason="the explorer has caught up")
    move(incident=incident, to="closed", actor=ana.actor, reason="nothing of ours was at fault; nothing to follow up")
