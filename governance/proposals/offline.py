"""The two files by which a signer checks a proposal without this server, offered here with their sha256."""

import hashlib
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

ABOUT = {
    "sign.html": "checks and signs, in any browser",
    "verify_safe_tx.py": "checks, with Python 3.11 or later and nothing else",
}


@dataclass(frozen=True)
class Tool:
    name: str
    about: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@cache
def tools() -> tuple[Tool, ...]:
    folder = settings.BASE_DIR / "tools"
    return tuple(Tool(name, about, (folder / name).read_bytes()) for name, about in ABOUT.items())


@require_GET
@login_required
def tool(request: HttpRequest, name: str) -> HttpResponse:
    """Only ever a download: opened here, it would be this server's page again."""
    found = next((one for one in tools() if one.name == name), None)
    if found is None:
        raise Http404
    answer = HttpResponse(found.content, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{found.name}"'
    return answer
