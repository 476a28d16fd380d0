"""Pages that show pages: what waits for me, one page and its ladder, and the link that needs no login."""

from allauth.core.ratelimit import consume
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.answers import attempt
from accounts.decorators import current_user, require_level
from accounts.levels import Level
from ledger import Refused
from ledger.selectors import last_seq
from notify.pages import selectors, services
from notify.pages.links import Told, find_by_link
from notify.pages.models import Page

A_PAGE = 50


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    found = Paginator(selectors.pages(user).order_by("-pk"), A_PAGE).get_page(request.GET.get("page"))
    context = {"page": found, "mine": selectors.waiting_for(user), "may_act": user.has_level("responder")}
    return render(request, "notify/pages.html", context)


@require_GET
@login_required
def one(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    page = get_object_or_404(selectors.pages(user), pk=pk)
    context = {**selectors.shown(page), "may_act": user.has_level("responder"), "after": last_seq()}
    context["sees_addresses"] = user.level != Level.VIEWER
    return render(request, "notify/page.html", context)


@require_POST
@require_level("responder")
def ack(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    page = get_object_or_404(selectors.pages(user), pk=pk)
    said = (
        "Acknowledged: nobody else is told." if page.status == Page.State.CLIMBING else "Noted: it is being worked on."
    )
    attempt(request, lambda: services.ack(page=page, user=user, actor=user.actor, how="page"), said)
    return redirect("notify:page", pk=pk)


@require_POST
@require_level("responder")
def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    page = get_object_or_404(selectors.pages(user), pk=pk)
    reason = str(request.POST.get("reason", ""))
    attempt(
        request, lambda: services.resolve(page=page, actor=user.actor, reason=reason), "Resolved: nobody is needed."
    )
    return redirect("notify:page", pk=pk)


@csrf_exempt  # nothing of the browser's is used: the link is the only authority
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ack_link(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a link in a message. To look changes nothing: mail servers and previews follow links, too."""
    if not consume(request, action="ack_link" if request.method == "POST" else "ack_link_read", key=token):
        return render(request, "notify/ack_gone.html", {"which": "many"}, status=429)
    try:
        told = find_by_link(token)
        if request.method == "POST":
            services.ack(page=told.page, user=told.user, actor=told.user.actor, how="link")
            return redirect(reverse("notify:ack-link", args=[token]))
    except Refused as error:
        return render(request, "notify/ack_gone.html", {"why": error}, status=410)
    return render(request, "notify/ack.html", _told(told))


def _told(told: Told) -> dict[str, object]:
    newer = Page.objects.live().filter(key=told.page.key).exclude(pk=told.page.pk).first()
    return {"page": told.page, "user_told": told.user, "mine": told.page.acked_by_id == told.user.pk, "newer": newer}
