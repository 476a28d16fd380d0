"""`/api/v1/executors/` and `/api/v1/transactions/`: who pays gas, what was sent, and what a person decides about it."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import IdFilter
from accounts.api.serializers import StrictSerializer
from accounts.permissions import Commander, ReadScoped
from accounts.selectors import actor_of
from integrations.chain import selectors
from integrations.chain.executors import watching
from integrations.chain.models import Executor
from integrations.chain.transactions import services
from integrations.chain.transactions.models import SignedAttempt, Transaction


class AlarmSerializer(serializers.Serializer[selectors.Alarmed]):
    """One thing that is wrong, in words."""

    code = serializers.CharField()
    words = serializers.CharField()
    severity = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)


class RoleSerializer(serializers.Serializer[dict[str, str]]):
    contract = serializers.CharField()
    address = serializers.CharField()
    role = serializers.CharField()
    source = serializers.CharField(help_text="`chain` where it was read, `register` where it is a known power")  # type: ignore[assignment]  # a field of this name


class ExecutorSerializer(serializers.ModelSerializer[Executor]):
    chain_id = serializers.IntegerField(source="chain.chain_id", read_only=True)
    balance = serializers.CharField(allow_null=True, help_text="wei, decimal text")
    alarm_below = serializers.SerializerMethodField(help_text="wei, decimal text")
    alarms = serializers.SerializerMethodField()
    roles = RoleSerializer(many=True)

    class Meta:
        model = Executor
        fields = [
            "id",
            "chain_id",
            "address",
            "label",
            "environment",
            "signer",
            "signer_name",
            "enabled",
            "balance",
            "alarm_below",
            "chain_nonce",
            "pending_nonce",
            "checked_at",
            "alarms",
            "roles",
            "roles_block",
            "roles_at",
        ]

    def get_alarm_below(self, executor: Executor) -> str:
        return str(watching.wanted_balance(executor))

    @extend_schema_field(AlarmSerializer(many=True))
    def get_alarms(self, executor: Executor) -> Any:
        return [AlarmSerializer(alarm).data for alarm in selectors.executor_row(executor).alarms]


class AttemptSerializer(serializers.ModelSerializer[SignedAttempt]):
    max_fee = serializers.CharField(help_text="wei, decimal text")
    tip = serializers.CharField(help_text="wei, decimal text")

    class Meta:
        model = SignedAttempt
        fields = ["number", "kind", "hash", "max_fee", "tip", "created_at", "broadcast_at", "sent_at", "answers"]


class TransactionSerializer(serializers.ModelSerializer[Transaction]):
    chain_id = serializers.IntegerField(source="chain.chain_id", read_only=True)
    value = serializers.CharField(help_text="wei, decimal text")
    data = serializers.SerializerMethodField()  # type: ignore[assignment]  # the transaction's own name for it
    gas_price = serializers.CharField(allow_null=True, help_text="wei, decimal text")
    attempts = AttemptSerializer(many=True, read_only=True)
    choices = serializers.SerializerMethodField(help_text="what a commander may safely decide while it is unknown")

    class Meta:
        model = Transaction
        fields = [
            "id",
            "chain_id",
            "executor",
            "about",
            "scope",
            "status",
            "to",
            "value",
            "data",
            "gas_limit",
            "nonce",
            "hash",
            "block_hash",
            "block_number",
            "receipt_status",
            "gas_used",
            "gas_price",
            "is_final",
            "private",
            "public_at",
            "public_reason",
            "stuck_at",
            "cancelling",
            "reason",
            "known",
            "choices",
            "actor",
            "created_at",
            "broadcast_at",
            "mined_at",
            "ended_at",
            "attempts",
        ]

    def get_data(self, tx: Transaction) -> str:
        return "0x" + bytes(tx.data).hex()

    def get_choices(self, tx: Transaction) -> dict[str, str]:
        return services.choices_for(tx)


class DecisionSerializer(StrictSerializer):
    choice = serializers.ChoiceField(choices=list(services.CHOICES))
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class WhySerializer(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class TransactionFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.ChoiceFilter(choices=Transaction.Status.choices)
    executor = IdFilter()
    scope = IdFilter()
    about = django_filters.CharFilter(max_length=80)


class ExecutorViewSet(viewsets.ReadOnlyModelViewSet[Executor]):
    """Accounts that pay gas, as the last look found them."""

    queryset = Executor.objects.select_related("chain")
    serializer_class = ExecutorSerializer
    lookup_value_converter = "int"
    token_scope = "runs:write"

    def get_permissions(self) -> list[Any]:
        return [Commander() if self.action in ("accept_use", "fill_gap") else ReadScoped()]

    @extend_schema(request=WhySerializer, responses={200: ExecutorSerializer})
    @action(detail=True, methods=["post"], url_path="accept-use")
    def accept_use(self, request: Request, pk: int) -> Response:
        """Say that the use of its key elsewhere is known, and by whom; the alarm about it ends."""
        asked = WhySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        executor = self.get_object()
        watching.accept_foreign(executor=executor, actor=actor_of(request), reason=asked.validated_data["reason"])
        return Response(ExecutorSerializer(self.get_queryset().get(pk=executor.pk)).data)

    @extend_schema(request=None, responses={200: TransactionSerializer})
    @action(detail=True, methods=["post"], url_path="fill-gap")
    def fill_gap(self, request: Request, pk: int) -> Response:
        """Let an empty transaction take the nonce that nothing holds, and that others wait behind."""
        tx = services.fill_gap(executor=self.get_object(), actor=actor_of(request))
        return Response(TransactionSerializer(tx).data)


class TransactionViewSet(viewsets.ReadOnlyModelViewSet[Transaction]):
    """What was sent, and stands to be sent, from our executors: each is mined exactly once, or a person is asked."""

    queryset = Transaction.objects.none()
    serializer_class = TransactionSerializer
    filterset_class = TransactionFilter
    lookup_value_converter = "int"
    token_scope = "runs:write"

    def get_permissions(self) -> list[Any]:
        return [Commander() if self.action in ("resolve", "cancel") else ReadScoped()]

    def get_queryset(self) -> "QuerySet[Transaction]":
        return selectors.transactions_for(self.request.user).prefetch_related("attempts")

    @extend_schema(request=DecisionSerializer, responses={200: TransactionSerializer})
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: int) -> Response:
        """Decide about one whose outcome is unknown; only what is offered in `choices` is taken."""
        asked = DecisionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        tx = self.get_object()
        services.resolve(transaction=tx, actor=actor_of(request), **asked.validated_data)
        return self._fresh(tx)

    @extend_schema(request=WhySerializer, responses={200: TransactionSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """Stop one that is not mined: at once before it has a nonce, by an empty replacement afterwards."""
        asked = WhySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        tx = self.get_object()
        services.cancel(transaction=tx, actor=actor_of(request), reason=asked.validated_data["reason"])
        return self._fresh(tx)

    def _fresh(self, tx: Transaction) -> Response:
        return Response(TransactionSerializer(self.get_queryset().get(pk=tx.pk)).data)
