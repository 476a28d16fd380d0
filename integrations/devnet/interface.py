"""Helix's interface, as far as a demo needs one: a page that is there, or not."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from integrations.devnet.faults.board import FaultBoard
from integrations.devnet.mail.views import only_with_devnet


@require_GET
@only_with_devnet
def interface(request: HttpRequest) -> HttpResponse:
    """Public, as a protocol's page is."""
    down = FaultBoard(Path(settings.STATE_DIR)).interface_down
    return render(request, "devnet/interface.html", {"down": down}, status=503 if down else 200)
