"""`/api/v1/incidents/{incident}/addresses/`."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import StrictSerializer
from accounts.selectors import actor_of
from incidents.addresses.models import BoardAddress
from incidents.addresses.services import LARGEST_CHAIN, LONGEST_LABEL, change, put
from incidents.incidents.nested import OfIncidentViewSet, given

Standing = BoardAddress.Standing


class BoardAddressSerializer(serializers.ModelSerializer[BoardAddress]):
    class Meta:
        model = BoardAddress
        fields = ["id", "chain_id", "address", "label", "status", "added_by", "added_at"]


class PutAddressSerializer(StrictSerializer):
    address = serializers.CharField(max_length=60)
    chain_id = serializers.IntegerField(min_value=1, max_value=LARGEST_CHAIN)
    status = serializers.ChoiceField(choices=Standing.choices, default=Standing.NEEDS_REVIEW)
    label = serializers.CharField(max_length=LONGEST_LABEL, allow_blank=True, default="")  # type: ignore[assignment]  # a field


class ChangeAddressSerializer(StrictSerializer):
    status = serializers.ChoiceField(choices=Standing.choices, required=False)
    label = serializers.CharField(max_length=LONGEST_LABEL, allow_blank=True, required=False)  # type: ignore[assignment]  # a field
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


@extend_schema_view(create=extend_schema(request=PutAddressSerializer, responses={201: BoardAddressSerializer}))
class BoardAddressViewSet(OfIncidentViewSet[BoardAddress]):
    """The addresses that an incident is about, and how each stands."""

    queryset = BoardAddress.objects.all()
    serializer_class = BoardAddressSerializer
    filterset_fields = ("status", "chain_id")

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Put one on the board; one that is there already is told anew how it stands."""
        data = given(PutAddressSerializer, request)
        made = put(incident=self.incident(), actor=actor_of(request), **data)
        return Response(BoardAddressSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ChangeAddressSerializer, responses={200: BoardAddressSerializer})
    def partial_update(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """How it stands, what it is called."""
        data = given(ChangeAddressSerializer, request)
        return Response(BoardAddressSerializer(change(entry=self.get_object(), actor=actor_of(request), **data)).data)
