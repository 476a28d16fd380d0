"""What a proposal's page shows of events as they happen."""

from collections.abc import Iterable

from django.template.loader import render_to_string

from governance.proposals.models import Proposal
from governance.proposals.selectors import quorum
from governance.proposals.views import parts
from ledger.live.topics import topic
from ledger.models import Event


def _scope_of(number: int) -> int | None:
    found = Proposal.objects.filter(pk=number).values_list("scope_id", flat=True).first()
    if found is None:
        raise LookupError(number)
    return found


def _matches(event: Event) -> Iterable[int]:
    name, _, number = event.subject.partition(":")
    return [int(number)] if name == "proposal" and number.isdigit() else []


def _render(event: Event, number: int, audience: str) -> str:
    """Head mark, signers and progress: the same for every audience; what is personal, the page's script refetches."""
    proposal = Proposal.objects.select_related("safe__chain", "scope", "plan", "transaction").get(pk=number)
    return render_to_string("governance/proposal_live.html", {**parts(proposal, quorum(proposal)), "oob": True})


topic("proposal", scope_of=_scope_of, matches=_matches, render=_render)
