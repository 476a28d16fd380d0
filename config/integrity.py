"""Integrity hashes of a page's modules: an import map that names each, and the hash that lets it through the policy.

A browser refuses a module, imported ones too, whose bytes are not those that the page was made with: whoever can change
static files (a proxy, a cache, a store) but not pages cannot change the code by which a signer's browser checks them.
"""

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import Storage
from django.http import HttpRequest
from django.http.response import HttpResponseBase

IMPORT = re.compile(r"""^(?:import|export)\b[^;'"]*?["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)
ROOTS = ("js/app.js", "js/sign.js", "js/sign-within.js", "js/sign-link.js")


def _source(name: str) -> str:
    path = finders.find(name)
    if not path:
        raise FileNotFoundError(f"{name} is imported, but no static file")
    return Path(path).read_text(encoding="utf-8")


def _served(name: str, storage: Storage) -> bytes:
    """The bytes that a browser gets: with hashed names the imports in them are other ones."""
    hashed = getattr(storage, "stored_name", None)
    if hashed is None:
        return _source(name).encode()
    with storage.open(hashed(name)) as file:
        found: bytes = file.read()
    return found


def modules(*roots: str) -> set[str]:
    """These and whatever they import, by their names among the static files."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            folder = posixpath.dirname(name)
            waiting += [posixpath.normpath(posixpath.join(folder, each)) for each in IMPORT.findall(_source(name))]
    return found


def integrity(storage: Storage) -> dict[str, str]:
    """By the address under which a module is imported: there an @ stands as it is, where `url` would quote it."""
    found = {}
    for name in sorted(modules(*ROOTS)):
        digest = hashlib.sha384(_served(name, storage)).digest()
        found[unquote(storage.url(name))] = "sha384-" + base64.b64encode(digest).decode()
    return found


@cache
def import_map() -> str:
    """For `<script type="importmap">`; nothing in it is of a request."""
    return json.dumps({"integrity": integrity(staticfiles_storage)})


@cache
def policy_source() -> str:
    """What lets exactly this inline import map through."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(import_map().encode()).digest()).decode()}'"


def module_integrity(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: an answer whose page drew the import map says so in its policy; no other policy changes."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if getattr(request, "has_import_map", False):
            response._csp_update = {"script-src": [policy_source()]}  # type: ignore[attr-defined]
        return response

    return answer
