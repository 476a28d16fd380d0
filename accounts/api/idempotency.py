"""`Idempotency-Key`: a create that is sent twice happens once."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from accounts.api.models import StoredAnswer
from accounts.api.problems import problem
from accounts.selectors import actor_of
from ledger.errors import Invalid

HEADER = "Idempotency-Key"
KEPT = timedelta(days=7)


def request_hash(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True, cls=JSONEncoder)
    return hashlib.sha256(f"{request.method} {request.path}\n{body}".encode()).hexdigest()


class IdempotentCreateMixin:
    """Put before DRF's `CreateModelMixin`, or over any `create`.

    The answer is stored in the transaction of the create, so both or neither exist; a second request with the key
    waits for the first and gets its answer. A create that must call the network first cannot sit in a transaction:
    such a view sets `idempotent_in_transaction = False`; then the key is taken first, a concurrent request gets 409,
    and a request whose outcome was lost in a crash says so rather than being done twice.
    """

    idempotent_in_transaction = True
    idempotent_actions = frozenset({"create"})  # those that go through `once`; the schema names the header on them

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.once(request, lambda: self._create(request, *args, **kwargs))

    def once(self, request: Request, make: Callable[[], Response]) -> Response:
        """Make something, unless this caller did so already with the same key; then the first answer again."""
        key = request.headers.get(HEADER)
        if key is None:
            return make()
        if not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
            raise Invalid(HEADER, "is not 1 to 200 printable ASCII characters", "a UUID is a good key")
        actor, digest = actor_of(request), request_hash(request)
        StoredAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
        if self.idempotent_in_transaction:
            with transaction.atomic():
                return self._answer_once(make, actor, key, digest)
        return self._answer_once(make, actor, key, digest)

    def _create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().create(request, *args, **kwargs)  # type: ignore[misc]  # of the view it is mixed into
        return answer

    def _answer_once(self, make: Callable[[], Response], actor: str, key: str, digest: str) -> Response:
        # An insert that meets another's uncommitted row waits for it: that is how the second request waits.
        try:
            with transaction.atomic():
                row = StoredAnswer.objects.create(actor=actor, key=key, request_hash=digest)
        except IntegrityError:
            return self._replay(StoredAnswer.objects.get(actor=actor, key=key), digest)
        try:
            answer = make()
        except Exception:
            if not self.idempotent_in_transaction:
                row.delete()  # nothing was made; with a transaction the rollback does this
            raise
        if not status.is_success(answer.status_code):
            row.delete()
            return answer
        StoredAnswer.objects.filter(pk=row.pk).update(
            status_code=answer.status_code,
            body=json.loads(json.dumps(answer.data, cls=JSONEncoder)),
            location=answer.headers.get("Location", ""),
        )
        return answer

    def _replay(self, stored: StoredAnswer, digest: str) -> Response:
        if stored.request_hash != digest:
            return problem(422, "idempotency-key-reused", "this Idempotency-Key was used for another request")
        if stored.status_code is None:
            return problem(
                409,
                "idempotency-outcome-unknown",
                "the first request with this key has not ended, or its outcome was lost; look before using a new key",
                headers={"Retry-After": "2"},
            )
        headers = {"Idempotency-Replayed": "true"} | ({"Location": stored.location} if stored.location else {})
        return Response(stored.body, status=stored.status_code, headers=headers)
