"""The record as a page, for auditors and for whoever asks "who did that, and when"."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ledger.models import Chain, Event
from ledger.selectors import search

A_PAGE = 60


@login_required
def record(request: HttpRequest) -> HttpResponse:
    asked = {name: request.GET.get(name, "").strip()[:80] for name in ("verb", "actor", "subject")}
    events = search(request.user, **asked)
    chain = Chain.objects.filter(pk=1).first()
    context = {
        "page": _Countless(events, A_PAGE).get_page(request.GET.get("page")),
        "asked": asked,
        "chain": chain,
        "head": "0x" + bytes(chain.hash).hex() if chain else "",
        "tail": Event.objects.filter(link__isnull=True, txid__gte=chain.horizon if chain else 0).count(),
    }
    return render(request, "ledger/record.html", context)


class _Countless(Paginator):  # type: ignore[type-arg]  # generic in the stubs only
    """Counting a ledger of millions costs more than anyone wants to know; a few thousand are enough to leaf through."""

    MOST = 6000

    @property
    def count(self) -> int:
        events: Any = self.object_list
        return int(events[: self.MOST].count())
