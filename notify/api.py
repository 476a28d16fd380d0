"""`/api/v1/audiences|destinations|messages|deliveries/`."""

from typing import Any
from uuid import uuid4

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import IdFilter
from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.levels import Level
from accounts.permissions import Responder
from accounts.selectors import actor_of
from ledger.models import Scope
from notify import selectors
from notify.audiences.api import AudienceViewSet, DestinationViewSet
from notify.ladders.api import LadderViewSet
from notify.messages import services
from notify.models import Audience, Delivery, Message
from notify.pages.api import PageViewSet
from notify.rotations.api import RotationViewSet
from work.models import Attempt


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    class Meta:
        model = Delivery
        fields = [
            "id",
            "message",
            "destination",
            "channel",
            "address",
            "status",
            "carrier",
            "reference",
            "error",
            "created_at",
            "sent_at",
        ]

    def to_representation(self, instance: Delivery) -> dict[str, Any]:
        """Where people can be reached is nothing that every viewer needs; their own ways are nobody else's to see."""
        shown: dict[str, Any] = super().to_representation(instance)
        asks = self.context["request"].user
        hidden = instance.is_private and instance.user_id != asks.pk
        if hidden or getattr(asks, "level", Level.VIEWER) == Level.VIEWER:
            shown["address"] = instance.shielded
        return shown


class TrySerializer(serializers.ModelSerializer[Attempt]):
    """One try. What went out with another copy has that one's tries."""

    class Meta:
        model = Attempt
        fields = ["started_at", "ended_at", "outcome", "error"]


class DeliveryWithTriesSerializer(DeliverySerializer):
    tries = serializers.SerializerMethodField()

    class Meta(DeliverySerializer.Meta):
        fields = [*DeliverySerializer.Meta.fields, "tries"]

    @extend_schema_field(TrySerializer(many=True))
    def get_tries(self, found: Delivery) -> Any:
        return TrySerializer(selectors.tries(found), many=True).data


class MessageSerializer(serializers.ModelSerializer[Message]):
    subject = serializers.CharField(source="subject_line")
    audience = serializers.SlugRelatedField[Audience](slug_field="slug", read_only=True, allow_null=True)

    class Meta:
        model = Message
        fields = [
            "id",
            "scope",
            "audience",
            "subject",
            "body",
            "link",
            "digest",
            "status",
            "requested_by",
            "authority",
            "created_at",
            "let_out_at",
            "sent_at",
            "corrects",
            "next_update_by",
        ]


class NewMessageSerializer(StrictSerializer):
    """Outside audiences hear it only once a commander approved it."""

    audience = serializers.SlugField(max_length=63)
    subject = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=20_000)
    scope = serializers.IntegerField(required=False, min_value=1)
    corrects = serializers.IntegerField(
        required=False, min_value=1, help_text="The message to the same audience that this one puts right."
    )
    next_update_by = serializers.DateTimeField(
        required=False, help_text="When they hear of it again. The promise is watched."
    )


class MessageFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.ChoiceFilter(choices=Message.State.choices)
    scope = IdFilter()


class DeliveryFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    status = django_filters.ChoiceFilter(choices=Delivery.State.choices)
    message = IdFilter()


class MessageViewSet(
    IdempotentCreateMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Message]
):
    """What was said, to whom, and by whose authority."""

    queryset = Message.objects.none()
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    lookup_value_converter = "int"
    token_scope = "incidents:write"

    def get_permissions(self) -> Any:
        return [Responder()] if self.action == "create" else super().get_permissions()

    def get_queryset(self) -> "QuerySet[Message]":
        return selectors.messages(self.request.user)

    @extend_schema(request=NewMessageSerializer, responses={201: MessageSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say something to an audience."""
        return super().create(request, *args, **kwargs)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        asked = NewMessageSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        scope = None
        if "scope" in data:
            scope = Scope.objects.visible_to(request.user).filter(pk=data["scope"]).first()
            if scope is None:
                raise serializers.ValidationError({"scope": "there is no such scope"})
        corrects = None
        if "corrects" in data:
            corrects = selectors.correctable(request.user).filter(pk=data["corrects"]).first()
            if corrects is None:
                raise serializers.ValidationError(
                    {"corrects": "there is no such message that people outside were told"}
                )
        message = services.send(
            key=f"api:{uuid4()}",  # a repetition is told by its Idempotency-Key, before it comes here
            actor=actor_of(request),
            audience=data["audience"],
            context={"subject": data["subject"], "body": data["body"]},
            scope=scope or (corrects.scope if corrects else None),
            corrects=corrects,
            next_update_by=data.get("next_update_by"),
        )
        return Response(MessageSerializer(message).data, status=status.HTTP_201_CREATED)


class DeliveryViewSet(viewsets.ReadOnlyModelViewSet[Delivery]):
    """Each copy, and how it fared."""

    queryset = Delivery.objects.none()
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    lookup_value_converter = "int"
    token_scope = "incidents:write"

    def get_serializer_class(self) -> Any:
        return DeliveryWithTriesSerializer if self.action == "retrieve" else DeliverySerializer

    def get_queryset(self) -> "QuerySet[Delivery]":
        return Delivery.objects.visible_to(self.request.user).order_by("-pk")

    @extend_schema(request=None, responses={200: DeliverySerializer})
    @action(detail=True, methods=["post"], permission_classes=[Responder])
    def resend(self, request: Request, pk: int) -> Response:
        delivery = self.get_object()
        services.resend(delivery=delivery, actor=actor_of(request))
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery, context=self.get_serializer_context()).data)


API = [
    ("audiences", AudienceViewSet, "audience"),
    ("destinations", DestinationViewSet, "destination"),
    ("messages", MessageViewSet, "message"),
    ("deliveries", DeliveryViewSet, "delivery"),
    ("pages", PageViewSet, "page"),
    ("ladders", LadderViewSet, "ladder"),
    ("rotations", RotationViewSet, "rotation"),
]
