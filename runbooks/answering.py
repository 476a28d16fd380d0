"""How a button on a page is answered: the fragments that changed, or why it was refused, beside the button."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ledger.errors import Invalid, Refused


def answered(
    request: HttpRequest, act: Callable[[], object], *, page: str, drawn: Callable[[], HttpResponse]
) -> HttpResponse:
    """Do it. htmx gets what `drawn` draws; a browser without scripts is sent to `page`, which tells the rest."""
    inline = bool(request.headers.get("HX-Request"))
    try:
        act()
    except (Invalid, Refused) as error:
        text = f"{getattr(error, 'field', '')} {error.message}".strip()
        if inline:
            context = {"kind": "danger", "title": text, "text": error.hint}
            return render(request, "runbooks/said.html", context, status=409)
        messages.error(request, text)
        return redirect(page)
    return drawn() if inline else redirect(page)
