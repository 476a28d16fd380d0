"""`/api/v1/safes/`: registered Safes as they were last read from their chain."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ReadScoped
from governance.proposals.queue import queue_of
from governance.safes.models import Safe
from governance.safes.selectors import all_safes


class SafeSerializer(serializers.ModelSerializer[Safe]):
    chain_id = serializers.IntegerField(source="chain.chain_id", read_only=True)
    protocol = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]  # of DRF
    nonce = serializers.CharField(help_text="decimal text")
    owners = serializers.ListField(child=serializers.CharField())
    modules = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Safe
        fields = [
            "id",
            "chain_id",
            "protocol",
            "address",
            "label",
            "version",
            "owners",
            "threshold",
            "nonce",
            "modules",
            "guard",
            "module_guard",
            "fallback_handler",
            "singleton",
            "code_hash",
            "problem",
            "read_block",
            "read_at",
        ]


class EntrySerializer(serializers.Serializer[Any]):
    """An open proposal in the queue."""

    proposal = serializers.IntegerField(source="proposal.pk")
    title = serializers.CharField(source="proposal.title")
    status = serializers.CharField(source="proposal.status")
    signed = serializers.IntegerField(help_text="by present owners")
    threshold = serializers.IntegerField()
    rivals = serializers.ListField(child=serializers.IntegerField(), help_text="dead once this one is executed")
    frees = serializers.ListField(child=serializers.IntegerField(), help_text="next once this one is executed")
    is_rejection = serializers.BooleanField()


class EndedSerializer(serializers.Serializer[Any]):
    """Ended here, at a nonce that the chain has not used."""

    proposal = serializers.IntegerField(source="proposal.pk")
    status = serializers.CharField(source="proposal.status")
    armed = serializers.BooleanField(help_text="fully signed: whoever has the signatures can still execute it")


class PlaceSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["dead", "next", "later", "gap"])
    nonce = serializers.CharField(help_text="decimal text; the first of a run of empty ones")
    last = serializers.CharField(help_text="decimal text")
    entries = EntrySerializer(many=True)
    ended = EndedSerializer(many=True)


class QueueSerializer(serializers.Serializer[Any]):
    nonce = serializers.CharField(source="safe.nonce", help_text="the chain's, decimal text")
    blocked = serializers.CharField(help_text="why nothing behind the chain's nonce moves; empty when it does")
    places = PlaceSerializer(many=True)


class SafeViewSet(viewsets.ReadOnlyModelViewSet[Safe]):
    """Registered Safes."""

    permission_classes = [ReadScoped]
    serializer_class = SafeSerializer
    lookup_value_converter = "int"
    queryset = all_safes()

    @extend_schema(responses=QueueSerializer)
    @action(detail=True, methods=["get"], serializer_class=QueueSerializer, pagination_class=None, filter_backends=[])
    def queue(self, request: Request, pk: int) -> Response:
        """What is open, by nonce: rivals, gaps, what is dead, and what executing one does to the rest."""
        return Response(QueueSerializer(queue_of(self.get_object(), request.user)).data)
