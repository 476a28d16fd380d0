"""Transactions, confirmations and delegates, by the service's paths, status codes and bodies."""

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.selectors import actor_of
from governance.proposals.models import Proposal
from governance.safes.selectors import registered_at
from governance.txservice import answers, incoming, selectors, services
from governance.txservice.base import Proposing, ServiceView, page


def person(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None


class Transactions(ServiceView):
    """`safes/<address>/multisig-transactions/`"""

    permission_classes = [Proposing]
    refusal = 422

    def get(self, request: Request, address: str, version: int, **_: Any) -> Response:
        at, chain_id = incoming.address_in_path(address), self.chain_id
        rows = selectors.transactions(request.user, chain_id).filter(safe__address=at)
        found = selectors.filtered(rows, request.query_params.dict())
        return page(
            request,
            found.count(),
            lambda first, last: answers.transactions(found[first:last], chain_id, version=version),
            countUniqueNonce=rows.order_by().values("nonce").distinct().count(),
        )

    def post(self, request: Request, address: str, **_: Any) -> Response:
        at = incoming.address_in_path(address)
        safe = registered_at(self.chain_id, at)
        if safe is None:
            raise services.wrong(f"Safe={at} is not registered here")
        offer = incoming.offer(request.data)
        services.submit(safe=safe, offer=offer, actor=actor_of(request), user=person(request))
        return Response(status=201)


class Transaction(ServiceView):
    """`multisig-transactions/<safeTxHash>/`"""

    permission_classes = [Proposing]

    def get(self, request: Request, safe_tx_hash: str, version: int, **_: Any) -> Response:
        row = answers.transaction(request.user, self.chain_id, safe_tx_hash, version=version)
        if row is None:
            raise NotFound("No MultisigTransaction matches the given query.")
        return Response(row)

    def delete(self, request: Request, safe_tx_hash: str, **_: Any) -> Response:
        signature = incoming.signature_of(request.data)
        proposal = _proposal(self, request, safe_tx_hash)
        services.remove(proposal=proposal, signature=signature, actor=actor_of(request))
        return Response(status=204)


class Confirmations(ServiceView):
    """`multisig-transactions/<safeTxHash>/confirmations/`; signing is for everyone whose signature holds."""

    def get(self, request: Request, safe_tx_hash: str, **_: Any) -> Response:
        proposal = selectors.transaction(request.user, self.chain_id, safe_tx_hash)
        found = answers.confirmations(proposal) if proposal else []
        return page(request, len(found), lambda first, last: found[first:last])

    def post(self, request: Request, safe_tx_hash: str, **_: Any) -> Response:
        signature = incoming.signature_of(request.data)
        # one that was withdrawn is gone for these clients, but whoever signs it is told so
        proposal = _proposal(self, request, safe_tx_hash, withdrawn=True)
        services.add_signatures(proposal=proposal, blob=signature, actor=actor_of(request), user=person(request))
        return Response({"signature": "0x" + signature.hex()}, status=201)


def _proposal(view: ServiceView, request: Request, safe_tx_hash: str, *, withdrawn: bool = False) -> Proposal:
    found = selectors.transaction(request.user, view.chain_id, safe_tx_hash, withdrawn=withdrawn)
    if found is None:
        raise NotFound(f"Multisig transaction with safe-tx-hash={safe_tx_hash[:100]} was not found")
    return found


class Delegates(ServiceView):
    """`delegates/`; an owner's signature decides, so everyone with a token that writes may hand it in."""

    def get(self, request: Request, **_: Any) -> Response:
        rows = selectors.delegates(self.chain, request.query_params.dict())
        return page(request, rows.count(), lambda first, last: [answers.delegate(row) for row in rows[first:last]])

    def post(self, request: Request, version: int, **_: Any) -> Response:
        naming = incoming.naming(request.data)
        row = services.add_delegate(chain=self.chain, naming=naming, actor=actor_of(request), old=version == 1)
        body = answers.delegate({**row.shown, "of": naming.safe})
        return Response({**body, "signature": "0x" + naming.signature.hex()}, status=201)


class Delegate(ServiceView):
    """`delegates/<address>/`"""

    def delete(self, request: Request, delegate: str, version: int, **_: Any) -> Response:
        naming = incoming.naming(request.data, delegate=incoming.address_in_path(delegate))
        gone = services.remove_delegate(chain=self.chain, naming=naming, actor=actor_of(request), old=version == 1)
        return Response(status=204 if gone else 404)
