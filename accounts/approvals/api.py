"""`/api/v1/approvals/`: what waits for whom, and a person's word on it."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import StrictSerializer
from accounts.approvals.models import Approval, Decision
from accounts.approvals.proofs import WalletSignature
from accounts.approvals.selectors import in_role
from accounts.approvals.services import give, refuse
from accounts.models import ApiToken, User
from accounts.permissions import Signed
from accounts.stepup import passkey_at


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    by = serializers.CharField(source="user.actor")

    class Meta:
        model = Decision
        fields = ["by", "verdict", "reason", "wallet", "passkey_at", "decided_at", "withdrawn_at"]


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    subject = serializers.CharField(source="about", help_text="what is approved, such as run:3")
    decisions = DecisionSerializer(many=True)
    mine_to_decide = serializers.SerializerMethodField()

    class Meta:
        model = Approval
        fields = [
            "id",
            "subject",
            "subject_hash",
            "title",
            "scope",
            "required",
            "role",
            "needs",
            "chain_id",
            "requester",
            "status",
            "created_at",
            "expires_at",
            "decisions",
            "mine_to_decide",
        ]

    def get_mine_to_decide(self, approval: Approval) -> bool:
        user = self.context["request"].user
        decided = any(d.user_id == user.pk and d.withdrawn_at is None for d in approval.decisions.all())
        return approval.status == "open" and not approval.is_expired and not decided and in_role(approval, user)


class SignedSerializer(StrictSerializer):
    """A word on an approval; the signature parts belong to approvals that need a wallet."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")
    signature = serializers.CharField(required=False, max_length=132, help_text="0x and 130 hex digits, EIP-712")
    chain_id = serializers.IntegerField(required=False, min_value=1, max_value=2**53)
    deadline = serializers.IntegerField(required=False, min_value=1, max_value=2**40, help_text="unix seconds")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        parts = [name for name in ("signature", "chain_id", "deadline") if name in attrs]
        if parts and len(parts) < 3:
            raise serializers.ValidationError({parts[0]: "signature, chain_id and deadline come together"})
        return attrs


class ApprovalFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.CharFilter()
    subject = django_filters.CharFilter(field_name="about")

    class Meta:
        model = Approval
        fields = ["status", "subject"]


class ApprovalViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Approval]):
    """Approvals that the caller may see. Only a person decides: a token cannot."""

    serializer_class = ApprovalSerializer
    permission_classes = [Signed]
    filterset_class = ApprovalFilter
    lookup_value_converter = "int"
    queryset = Approval.objects.none()

    def get_queryset(self) -> Any:
        return (
            Approval.objects.visible_to(self.request.user).select_related("scope").prefetch_related("decisions__user")
        )

    @extend_schema(request=SignedSerializer, responses=ApprovalSerializer)
    @action(detail=True, methods=["post"], serializer_class=SignedSerializer)
    def give(self, request: Request, pk: int) -> Response:
        """Say yes."""
        return self._decide(request, give)

    @extend_schema(request=SignedSerializer, responses=ApprovalSerializer)
    @action(detail=True, methods=["post"], serializer_class=SignedSerializer)
    def refuse(self, request: Request, pk: int) -> Response:
        """Say no, with a reason."""
        return self._decide(request, refuse)

    def _decide(self, request: Request, service: Any) -> Response:
        if isinstance(request.auth, ApiToken) or not isinstance(request.user, User):
            raise PermissionDenied("an approval is a person's word: sign in, a token cannot give it")
        approval = self.get_object()
        given = SignedSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        signature = None
        if "signature" in data:
            signature = WalletSignature(data["signature"], data["chain_id"], data["deadline"])
        shown = passkey_at(request._request)
        service(approval=approval, user=request.user, signature=signature, passkey_at=shown, reason=data["reason"])
        fresh = self.get_queryset().get(pk=approval.pk)
        return Response(ApprovalSerializer(fresh, context=self.get_serializer_context()).data)
