"""The mailbox page. Only where the devnet is."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from integrations.devnet import mail

View = Callable[..., HttpResponse]


def only_with_devnet(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not settings.DEVNET_ENABLED:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@only_with_devnet
@login_required
def mailbox(request: HttpRequest) -> HttpResponse:
    return render(request, "devnet/mail/list.html", {"letters": mail.letters()})


@only_with_devnet
@login_required
def read(request: HttpRequest, name: str) -> HttpResponse:
    found = mail.letter(name)
    if found is None:
        raise Http404
    return render(request, "devnet/mail/read.html", {"letter": found})
