"""Pages that began in one flood climb alike: whom their rung tells is asked once, and they are told in one turn."""

from collections.abc import Sequence

from ledger.models import ScopeClosure
from ledger.services import Entry, record_all
from ledger.statements import say
from notify import clock
from notify.ladders.targets import Reached, resolve
from notify.messages.models import Message
from notify.messages.services import compose
from notify.messages.together import Words, send_all
from notify.pages.climbing import ACTOR, climbed, move
from notify.pages.links import TEMPLATE
from notify.pages.models import Page
from work import Lease, Wait, commit_all, faults

TOLD = """
UPDATE notify_notice n SET message_id = told.message
FROM unnest(%(pages)s::bigint[], %(messages)s::bigint[]) AS told(page, message)
WHERE n.page_id = told.page AND n.round = %(round)s AND n.step = %(step)s AND n.reachable RETURNING n.id
"""


def turn_together(leases: Sequence[Lease]) -> None:
    """Those that tell the same people now. Each of the others, and each that tells nobody, has a turn of its own."""
    with commit_all(leases, wait=False) as turns:  # whoever ends an incident wakes all its pages
        by_page = {int(lease.work.payload["page"]): lease for lease in turns.ours}
        pages = Page.objects.select_for_update(of=("self",)).select_related("scope").filter(pk__in=by_page)
        alike = _alike(list(pages.order_by("pk")))
        reached = resolve(alike[0].climb.targets(alike[0].round, alike[0].step), None) if alike else Reached()
        if not reached.nobody:
            for page in _climb(alike, reached):
                turns.end(by_page[page.pk], Wait(until=page.due_at, reason=page.status))


def _alike(pages: Sequence[Page]) -> list[Page]:
    """Of those that are due to climb, and of which everybody may know: as many as stand on the rung of the first."""
    now = clock.now()
    due = [page for page in pages if page.status == Page.State.CLIMBING and page.due_at and page.due_at <= now]
    scopes = [page.scope_id for page in due if page.scope_id]
    hidden = ScopeClosure.objects.filter(descendant_id__in=scopes, ancestor__private=True)
    private = set(hidden.values_list("descendant_id", flat=True))
    open_ones = [page for page in due if page.scope_id not in private and page.round <= page.climb.repeats]
    return [page for page in open_ones if _rung(page) == _rung(open_ones[0])]


def _rung(page: Page) -> tuple[object, ...]:
    return page.frozen, page.round, page.step


def _climb(pages: Sequence[Page], reached: Reached) -> list[Page]:
    """Those that moved, with what their rung told."""
    rung = pages[0].round, pages[0].step
    found = move(pages, reached)
    if not found:
        return []
    faults.point("page.climbed")
    messages = send_all(
        [_words(page, rung, reached) for page in found],
        audience=reached.audience.slug if reached.audience else "",
        users=list(reached.people),
        template=TEMPLATE,
    )
    _note(found, messages, rung)
    record_all([Entry("page.climbed", ACTOR, page.scope, page.subject, climbed(page, rung, reached)) for page in found])
    faults.point("page.told")
    return found


def _words(page: Page, rung: tuple[int, int], reached: Reached) -> Words:
    told = reached.names
    subject, body = compose(TEMPLATE, {"page": page, "told": told, "again": rung != (0, 0)})
    key = f"{page.subject}:{rung[0]}:{rung[1]}"
    return Words(key, subject, body, page.get_absolute_url(), page.scope, ACTOR)


def _note(pages: Sequence[Page], messages: Sequence[Message], rung: tuple[int, int]) -> None:
    about = {"pages": [page.pk for page in pages], "messages": [message.pk for message in messages]}
    say(TOLD, {**about, "round": rung[0], "step": rung[1]})
