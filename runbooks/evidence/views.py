"""Evidence as a download: never shown inside our pages, whatever it says it is."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from accounts.decorators import current_user
from runbooks.evidence.models import Evidence


def as_download(evidence: Evidence) -> HttpResponse:
    """The bytes, to be saved: an attachment of the type that was found in them, which no browser guesses anew."""
    answer = HttpResponse(bytes(evidence.content), content_type=evidence.media_type)
    answer["Content-Disposition"] = content_disposition_header(True, evidence.name) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, no-store"
    return answer


@require_safe
@login_required
def download(request: HttpRequest, pk: int) -> HttpResponse:
    return as_download(get_object_or_404(Evidence.objects.visible_to(current_user(request)), pk=pk))
