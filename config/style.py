"""`/devnet/style/`: every component in every state, for eyes and for screenshots. Not there without the devnet."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import mark_safe

from config import errors
from config.look import marks

SAFE_TX_HASH = "0x0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"
ADDRESSES = (
    ("Guardian Safe", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    ("HelixVault", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    ("", "0x90F79bf6EB2c4f870365E785982E1f101E93b906"),
)


@dataclass(frozen=True)
class Step:
    number: int
    title: str
    state: str
    status: str
    proof: str
    side: str


STEPS = (
    Step(1, "Confirm that the feed is stale", "done", "done", "last answer 4,102 s old, heartbeat 3,600 s", "4 s"),
    Step(2, "Pause the vault", "now", "waiting", "", "waiting for 1 signature"),
    Step(3, "Verify paused()", "later", "pending", "", "about 10 s"),
    Step(4, "Tell the stakeholders", "later", "pending", "", "needs approval"),
)


class StyleForm(forms.Form):
    """One of each control."""

    title = forms.CharField(help_text="What a stranger would understand.", max_length=60)
    severity = forms.ChoiceField(choices=[("SEV1", "SEV1: funds at risk"), ("SEV2", "SEV2: degraded")])
    amount = forms.IntegerField(min_value=0, help_text="In whole hUSD.")
    note = forms.CharField(required=False, widget=forms.Textarea)
    how = forms.ChoiceField(
        choices=[("live", "Live"), ("drill", "Drill"), ("rehearsal", "Rehearsal")], widget=forms.RadioSelect
    )
    private = forms.BooleanField(required=False, label="Private: members only", help_text="Can be opened later.")
    locked = forms.CharField(required=False, disabled=True, initial="cannot be changed here")


def _on_devnet() -> None:
    if not settings.DEVNET_ENABLED:
        raise Http404


def _words(found: Iterable[str]) -> list[str]:
    return sorted(set(found))


def style(request: HttpRequest) -> HttpResponse:
    """Everything there is to look at."""
    _on_devnet()
    now = timezone.now()
    if "toast" in request.GET:
        messages.success(request, "Proposal 12 was signed by Carol.")
        messages.error(request, "The signature is not of an owner of this Safe. Nothing was changed.")
    context = {
        "now": now,
        "earlier": now - timedelta(minutes=3, seconds=41),
        "yesterday": now - timedelta(days=1, hours=2),
        "soon": now + timedelta(hours=6, minutes=2),
        "statuses": _words(marks.STATUSES),
        "severities": list(marks.SEVERITIES),
        "hash": SAFE_TX_HASH,
        "addresses": ADDRESSES,
        "steps": STEPS,
        "form": StyleForm(initial={"how": "live"}),
        "wrong": StyleForm({"title": "x" * 61, "severity": "SEV1", "amount": "-1"}, prefix="wrong"),
        "page": Paginator(range(100), 10).page(3),
        "qr": mark_safe(segno.make(SAFE_TX_HASH).svg_inline(omitsize=True, border=0)),  # noqa: S308  drawn here from a constant
    }
    return render(request, "devnet/style.html", context)


def error(request: HttpRequest, status: int) -> HttpResponse:
    """An error page as people meet it (with its own status: it is what it shows)."""
    _on_devnet()
    pages: dict[int, Callable[[HttpRequest], HttpResponse]] = {
        400: errors.bad_request,
        403: errors.forbidden,
        404: errors.not_found,
        409: errors.conflict,
        429: errors.too_many,
        500: errors.broken,
    }
    if status not in pages:
        raise Http404
    return pages[status](request)
