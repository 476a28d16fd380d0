"""The page that finds."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.decorators import current_user
from incidents.search.selectors import LONGEST, search


@require_GET
@login_required
def search_page(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:LONGEST]
    return render(request, "incidents/search.html", {"words": words, "hits": search(current_user(request), words)})
