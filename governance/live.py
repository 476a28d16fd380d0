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


def _queue(event: Event) -> Iterable[int]:
    """The Safe whose queue an event changes: its own, or one of a proposal."""
    name, _, number = event.subject.partition(":")
    if name == "safe" and number.isdigit():
        return [int(number)]
    return Proposal.objects.filter(pk__in=_matches(event)).values_list("safe_id", flat=True)


def _anybody(_number: int) -> None:
    """Safes are known to every viewer; which proposals each may know of is asked when the page fetches its part."""
    return


def _nothing(_event: Event, _number: int, _audience: str) -> str:
    return ""


topic("queue", scope_of=_anybody, matches=_queue, render=_nothing)
