"""Pages: messages and how they fare."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.decorators import current_user, require_level
from accounts.levels import Level
from accounts.models import Approval
from ledger import Refused
from ledger.selectors import last_seq
from notify import selectors
from notify.messages import services as message_services
from notify.models import Delivery, Promise

A_PAGE = 50


@login_required
def messages(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.messages(request.user), A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "after": last_seq(), "may_write": current_user(request).has_level("responder")}
    return render(request, "notify/messages.html", context)


@login_required
def message(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(selectors.messages(request.user), pk=pk)
    shown = selectors.copies(found)
    copies = [(copy, selectors.tries(copy)) for copy in shown]
    approval = Approval.objects.visible_to(request.user).filter(about=found.subject).order_by("-pk").first()
    context = {"message": found, "copies": copies, "shown": shown, "approval": approval, "after": last_seq()}
    context["sees_addresses"] = current_user(request).level != Level.VIEWER
    context["corrections"] = found.corrections.visible_to(request.user).order_by("pk")
    context["promise"] = Promise.objects.filter(message=found).first()
    context["may_correct"] = found.is_correctable and current_user(request).has_level("responder")
    return render(request, "notify/message.html", context)


@require_POST
@require_level("responder")
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    delivery = get_object_or_404(Delivery.objects.visible_to(user), pk=pk)
    try:
        message_services.resend(delivery=delivery, actor=user.actor)
        toasts.success(request, "The copy is sent again.")
    except Refused as error:
        toasts.error(request, error.message)
    return redirect("notify:message", pk=delivery.message_id)
