"""`/api/v1/proposals/`: propose, read, sign."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import IdFilter
from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.models import User
from accounts.permissions import Responder, Signed
from accounts.selectors import actor_of
from governance.plans.schema import Call
from governance.proposals.builder_file import read_document
from governance.proposals.calling import resolve
from governance.proposals.ending import refuse_others
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal
from governance.proposals.nesting import progress
from governance.proposals.review import Hashes, review
from governance.proposals.selectors import visible_proposals
from governance.proposals.services import confirm, propose, reject, withdraw
from governance.safes.models import Safe
from governance.waivers.services import as_json, request_waiver, standings
from ledger import Invalid


class CallSerializer(StrictSerializer):
    to = serializers.CharField(help_text="the target's address")
    value = serializers.CharField(default="0", help_text="wei, as decimal text")
    data = serializers.CharField(default="0x", help_text="calldata")  # type: ignore[assignment]  # DRF has a `data` too


class AskedCallSerializer(StrictSerializer):
    """Calldata, or a function of the target's pinned ABI with its arguments, encoded here; or both, compared."""

    to = serializers.CharField(help_text="the target's address")
    value = serializers.CharField(default="0", help_text="wei, as decimal text")
    data = serializers.CharField(required=False, help_text="calldata; 0x when left out")  # type: ignore[assignment]
    function = serializers.CharField(required=False, help_text="a name or a signature, such as pause(uint256)")
    args = serializers.JSONField(required=False, help_text="a list, or an object by name; large numbers as text")


class ProposeSerializer(StrictSerializer):
    """One or more calls; several become one batch, all or none. Either `calls` or a Transaction Builder file."""

    safe = serializers.IntegerField(min_value=1, help_text="the id of a registered Safe")
    title = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000, default="")
    calls = AskedCallSerializer(many=True, required=False)
    transaction_builder = serializers.JSONField(
        required=False, help_text="a file of Safe's Transaction Builder; its checksum is verified when it has one"
    )
    nonce = serializers.CharField(required=False, help_text="decimal text; the first free one when left out")
    expires_at = serializers.DateTimeField(required=False, help_text="what is not executed by then is withdrawn")
    auto_execute = serializers.BooleanField(
        default=False, help_text="execute by itself once there are enough signatures"
    )


class ConfirmationSerializer(serializers.ModelSerializer[Confirmation]):
    signature = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField(help_text="false: its owner was removed, or the Safe would not take it")
    lapsed = serializers.CharField(
        read_only=True, help_text="why the Safe would not take it any more; empty when it would"
    )

    class Meta:
        model = Confirmation
        fields = ["owner", "kind", "signature", "via", "counts", "lapsed", "created_at"]

    def get_counts(self, row: Confirmation) -> bool:
        return row.owner in row.proposal.safe.owners and not row.lapsed

    def get_signature(self, row: Confirmation) -> str:
        return "0x" + bytes(row.signature).hex()


class NestedConfirmationSerializer(serializers.ModelSerializer[NestedConfirmation]):
    """A signature within an owner that is a Safe: over that Safe's message, by one of its owners."""

    signature = serializers.SerializerMethodField()

    class Meta:
        model = NestedConfirmation
        fields = ["within", "owner", "kind", "signature", "via", "created_at"]

    def get_signature(self, row: NestedConfirmation) -> str:
        return "0x" + bytes(row.signature).hex()


class HashesSerializer(serializers.Serializer[Any]):
    domain = serializers.CharField()
    message = serializers.CharField()
    safe_tx = serializers.CharField()


class ProposalSerializer(serializers.ModelSerializer[Proposal]):
    subject = serializers.CharField(read_only=True)
    fields_signed = serializers.JSONField(source="raw_fields", read_only=True, help_text="what owners sign, raw")
    hashes = serializers.SerializerMethodField()
    calls = CallSerializer(many=True, read_only=True)
    nonce = serializers.CharField(read_only=True, help_text="decimal text")
    threshold = serializers.IntegerField(source="safe.threshold", read_only=True)
    signed = serializers.IntegerField(source="counted", read_only=True, help_text="confirmations that count now")
    confirmations = ConfirmationSerializer(many=True, read_only=True)
    nested_confirmations = NestedConfirmationSerializer(source="nested", many=True, read_only=True)
    stopped = serializers.JSONField(read_only=True, help_text="why execution stopped; null when it did not")
    outcome = serializers.JSONField(read_only=True, help_text="block, transaction hash, differences")

    class Meta:
        model = Proposal
        fields = [
            "id",
            "subject",
            "safe",
            "scope",
            "plan",
            "step_id",
            "status",
            "title",
            "description",
            "nonce",
            "calls",
            "fields_signed",
            "hashes",
            "safe_tx_hash",
            "auto_execute",
            "threshold",
            "signed",
            "confirmations",
            "nested_confirmations",
            "stopped",
            "outcome",
            "expires_at",
            "created_by",
            "created_at",
        ]

    @extend_schema(responses=HashesSerializer)
    def get_hashes(self, proposal: Proposal) -> dict[str, str]:
        try:
            found = Hashes.of(proposal.safe_tx)
        except Invalid:
            return {"domain": "", "message": "", "safe_tx": ""}  # altered beyond hashing; reading it says so
        return {"domain": found.domain, "message": found.message, "safe_tx": found.safe_tx}


class FindingSerializer(serializers.Serializer[Any]):
    grade = serializers.CharField()
    finding = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF has a `label` too
    text = serializers.CharField()
    call = serializers.IntegerField(help_text="the call from 1; 0 for the whole transaction")


class ReviewSerializer(serializers.Serializer[Any]):
    """What a signer should know, looked up now."""

    signable = serializers.BooleanField()
    tampered = serializers.CharField(help_text="why the stored row is not what was proposed; empty when it is")
    words = serializers.ListField(child=serializers.CharField())
    findings = FindingSerializer(many=True)
    blocking = FindingSerializer(many=True, help_text="those that stop signing now: nobody let them pass")
    simulation = serializers.JSONField()


class WaiverSerializer(serializers.Serializer[Any]):
    """A written reason to sign past blocking findings, and whether a commander's yes to it holds now."""

    id = serializers.IntegerField()
    reason = serializers.CharField()
    findings = serializers.JSONField()
    hash = serializers.CharField(help_text="what is approved: of the transaction, the findings and the reason")
    requested_by = serializers.CharField()
    approval = serializers.IntegerField(allow_null=True, help_text="one of /api/v1/approvals/")
    status = serializers.CharField(help_text="of the approval; what counts is `holds`")
    holds = serializers.BooleanField(help_text="judged now, with the roles of today")


class AskWaiverSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=2_000, help_text="why what blocks it does not stop it, in a sentence")


class SignatureSerializer(StrictSerializer):
    """Nothing else: whose it is, and over what, the server finds out itself."""

    signature = serializers.CharField(max_length=60_000, trim_whitespace=True)


class SignedSerializer(serializers.Serializer[Any]):
    owner = serializers.CharField()
    kind = serializers.CharField()
    within = serializers.CharField(help_text="the owning Safe that it was signed for; empty for an owner's own")
    signed = serializers.IntegerField(help_text="of the proposal's Safe, or of the one that it was signed within")
    threshold = serializers.IntegerField()
    status = serializers.CharField()


def _calls(data: dict[str, Any], safe: Safe) -> list[Call]:
    """What is asked for, taken out of the data; one of the two ways to say it."""
    asked, document = data.pop("calls", None), data.pop("transaction_builder", None)
    if (asked is None) == (document is None):
        raise Invalid("calls", "Say what is called, in one way.", "calls, or transaction_builder")
    if document is None:
        return resolve(asked or [], chain=safe.chain)
    try:
        return list(read_document(document, chain=safe.chain).calls)
    except Invalid as error:
        field = f"transaction_builder.{error.field}".rstrip(".")
        raise Invalid(field, error.message, error.hint) from None


class WithdrawSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=500, help_text="it stays in the record")


class ProposalFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.CharFilter()
    safe = IdFilter()

    class Meta:
        model = Proposal
        fields = ["status", "safe"]


class ProposalViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Proposal]
):
    """Safe transactions on their way to the chain."""

    serializer_class = ProposalSerializer
    permission_classes = [Responder]
    token_scope = "proposals:write"
    filterset_class = ProposalFilter
    lookup_value_converter = "int"
    idempotent_in_transaction = False  # proposing reads the chain first
    queryset = Proposal.objects.none()

    def get_queryset(self) -> Any:
        return visible_proposals(self.request.user).prefetch_related("confirmations", "nested")

    @extend_schema(request=ProposeSerializer, responses={201: ProposalSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Propose calls to a registered Safe."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = ProposeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = dict(given.validated_data)
        safe = Safe.objects.select_related("chain").filter(pk=data.pop("safe")).first()
        if safe is None:
            raise Invalid("safe", "There is no Safe with this id.", "one of /api/v1/safes/")
        proposal = propose(safe=safe, calls=_calls(data, safe), actor=actor_of(request), **data)
        body = ProposalSerializer(self.get_queryset().get(pk=proposal.pk), context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": f"{request.path}{proposal.pk}/"})

    @extend_schema(responses=ReviewSerializer)
    @action(detail=True, methods=["get"], serializer_class=ReviewSerializer)
    def review(self, request: Request, pk: int) -> Response:
        """Words, findings and simulation, as the page shows them."""
        found = review(self.get_object())
        body = {
            "signable": found.signable,
            "tampered": found.tampered,
            "words": [call.sentence for call in found.calls],
            "findings": found.findings,
            "blocking": found.blocking,
            "simulation": found.simulation,
        }
        return Response(ReviewSerializer(body).data)

    @extend_schema(methods=["GET"], responses=WaiverSerializer(many=True))
    @extend_schema(methods=["POST"], request=AskWaiverSerializer, responses={201: WaiverSerializer})
    @action(
        detail=True,
        methods=["get", "post"],
        serializer_class=WaiverSerializer,
        pagination_class=None,
        filterset_class=None,
    )
    def waivers(self, request: Request, pk: int) -> Response:
        """What was asked to let blocking findings pass; ask it of a commander, with a reason."""
        proposal = self.get_object()
        if request.method == "POST":
            given = AskWaiverSerializer(data=request.data)
            given.is_valid(raise_exception=True)
            found = review(proposal).blocking
            waiver = request_waiver(
                proposal=proposal, findings=found, reason=given.validated_data["reason"], actor=actor_of(request)
            )
            asked = next(one for one in standings(proposal) if one.waiver == waiver)
            return Response(WaiverSerializer(as_json(asked)).data, status=status.HTTP_201_CREATED)
        return Response(WaiverSerializer([as_json(one) for one in standings(proposal)], many=True).data)

    @extend_schema(request=SignatureSerializer, responses={201: SignedSerializer})
    @action(detail=True, methods=["post"], serializer_class=SignatureSerializer, permission_classes=[Signed])
    def confirmations(self, request: Request, pk: int) -> Response:
        """Hand in an owner's signature: 65 bytes over the proposal's safeTxHash."""
        proposal = self.get_object()
        given = SignatureSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = request.user if isinstance(request.user, User) else None
        row = confirm(
            proposal=proposal,
            signature=given.validated_data["signature"],
            actor=actor_of(request),
            user=user,
            via="api" if request.auth is not None else "browser",
        )
        fresh = self.get_queryset().get(pk=proposal.pk)
        body = {"owner": row.owner, "kind": row.kind, "status": fresh.status, **progress(fresh, row)}
        return Response(SignedSerializer(body).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=WithdrawSerializer, responses=ProposalSerializer)
    @action(detail=True, methods=["post"], serializer_class=WithdrawSerializer)
    def withdraw(self, request: Request, pk: int) -> Response:
        """Stop collecting signatures: whoever proposed it, or a commander. Those given stay valid on the chain."""
        proposal = self.get_object()
        given = WithdrawSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        refuse_others(proposal, user=request.user, actor=actor_of(request))
        withdraw(proposal=proposal, actor=actor_of(request), reason=given.validated_data["reason"])
        return Response(self._body(proposal.pk))

    @extend_schema(request=None, responses={201: ProposalSerializer})
    @action(detail=True, methods=["post"], serializer_class=serializers.Serializer)
    def reject(self, request: Request, pk: int) -> Response:
        """Propose the empty call at the same nonce: once executed, this proposal never can be."""
        made = reject(proposal=self.get_object(), actor=actor_of(request))
        return Response(self._body(made.pk), status=status.HTTP_201_CREATED)

    def _body(self, pk: int) -> Any:
        found = Proposal.objects.select_related("safe__chain").prefetch_related("confirmations").get(pk=pk)
        return ProposalSerializer(found, context=self.get_serializer_context()).data
