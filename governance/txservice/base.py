"""The ground of this API's views: who calls, which chain is meant, how errors and pages are spelled."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import Responder, Signed
from governance.safes.models import Safe
from governance.txservice import errors
from integrations.chain.models import Chain

__all__ = ["Asking", "Proposing", "ServiceView", "page"]
USUAL, MOST = 100, 200


class ServiceView(APIView):
    """Known by an API token alone, which is what these clients can send; so there is no cookie to be abused (CSRF)."""

    authentication_classes = [BearerAuthentication]
    permission_classes = [Signed]
    renderer_classes = [JSONRenderer]
    token_scope = "proposals:write"
    schema = None  # described by the service's own documentation, not by ours
    refusal = 400

    def get_exception_handler(self) -> Callable[[Exception, Any], Response]:
        return errors.handle

    @cached_property
    def chain_id(self) -> int:
        """As the address says it; only a name, or none, is looked up. One that is not known here has no Safes."""
        name = self.kwargs.get("chain") or ""
        return int(name) if _number_of_chain(name) else self.chain.chain_id

    @cached_property
    def chain(self) -> Chain:
        """As the address names it; without a name the only chain that has a Safe registered."""
        name = self.kwargs.get("chain")
        if name is not None:
            chain = Chain.objects.filter(**_named(name)).first()
        else:
            ids = Safe.objects.order_by().values_list("chain_id", flat=True).distinct()[:2]
            found = list(Chain.objects.filter(pk__in=list(ids)))
            chain = found[0] if len(found) == 1 else None
        if chain is None:
            raise NotFound("Which chain? The base URL is /safe-tx-service/<chain id>/ here.")
        return chain


def _named(name: str) -> dict[str, Any]:
    return {"chain_id": int(name)} if _number_of_chain(name) else {"short_name": name}


def _number_of_chain(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 16


class Asking(Signed):
    """A question that is asked by POST: any token may."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User)


class Proposing(Responder):
    """Reading for everyone; handing in and withdrawing as in the house's own API."""


def page(request: Request, count: int, rows: Callable[[int, int], Sequence[Any]], **more: Any) -> Response:
    """Limit and offset, with addresses of the pages around; `rows` is asked for a slice."""
    limit = min(_number(request, "limit", USUAL) or USUAL, MOST)
    offset = _number(request, "offset", 0)
    body: dict[str, Any] = {
        "count": count,
        "next": _address(request, limit, offset + limit) if offset + limit < count else None,
        "previous": _address(request, limit, max(offset - limit, 0)) if offset > 0 else None,
        "results": rows(offset, offset + limit),
    }
    return Response(body | more)


def _number(request: Request, name: str, usual: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else usual


def _address(request: Request, limit: int, offset: int) -> str:
    asked: Mapping[str, str] = request.query_params.dict()
    kept = {name: value for name, value in asked.items() if name not in ("limit", "offset")}
    more = {"limit": limit} | ({"offset": offset} if offset else {})
    return f"{request.build_absolute_uri(request.path)}?{urlencode(kept | more)}"
