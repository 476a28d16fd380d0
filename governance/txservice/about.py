"""What the service says of itself, of a Safe, of an owner; calldata in words."""

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from governance.safes.selectors import registered_at
from governance.safes.services import current
from governance.txservice import answers, incoming, selectors
from governance.txservice.base import Asking, ServiceView
from governance.txservice.decoding import data_decoded

SPOKEN = "6.10.0"
"""The version of the service whose API this is."""


class About(ServiceView):
    """`about/`: for everyone, it tells nothing."""

    permission_classes = [AllowAny]

    def get(self, request: Request, version: int, **_: Any) -> Response:
        body = {
            "name": "Safe Transaction Service",
            "version": SPOKEN,
            "api_version": f"v{version}",
            "secure": request.is_secure(),
            "host": request.get_host(),
            "headers": [],
            "settings": {"ANSWERED_BY": "Breakglass"},
        }
        return Response(body)


class SafeInfo(ServiceView):
    """`safes/<address>/`: as the chain has it now."""

    def get(self, request: Request, address: str, **_: Any) -> Response:
        at = incoming.address_in_path(address)
        safe = registered_at(self.chain_id, at)
        return Response(answers.safe_info(current(safe))) if safe else Response(status=404)


class SafesOfOwner(ServiceView):
    """`owners/<address>/safes/`"""

    def get(self, request: Request, address: str, **_: Any) -> Response:
        return Response({"safes": selectors.owned_by(self.chain, incoming.address_in_path(address))})


class SafesWithModule(ServiceView):
    """`modules/<address>/safes/`"""

    def get(self, request: Request, address: str, **_: Any) -> Response:
        return Response({"safes": selectors.with_module(self.chain, incoming.address_in_path(address))})


class DataDecoder(ServiceView):
    """`data-decoder/`: a question that is asked by POST, and changes nothing."""

    permission_classes = [Asking]
    refusal = 422

    def post(self, request: Request, **_: Any) -> Response:
        data, to = incoming.calldata(request.data)
        found = data_decoded(self.chain, data, to)
        return Response(found, status=200 if found else 404)


class Nowhere(ServiceView):
    """Whatever the service has and this one does not: transfers, balances, messages, user operations."""

    permission_classes = [AllowAny]

    def get(self, request: Request, **_: Any) -> Response:
        raise NotFound("Breakglass does not answer this part of the Safe Transaction Service's API.")

    post = delete = get
