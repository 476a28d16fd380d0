"""`/api/v1/events/`: the record, as far as one may see it."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, viewsets

from ledger.errors import Invalid
from ledger.models import Event
from ledger.selectors import search


class EventSerializer(serializers.ModelSerializer[Event]):
    """`seq` and `hash` are null until the linker has reached the event, a fraction of a second later."""

    seq = serializers.IntegerField(source="link.seq", default=None, allow_null=True)
    hash = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = [
            "id",
            "seq",
            "hash",
            "at",
            "verb",
            "actor",
            "scope",
            "subject",
            "before",
            "after",
            "reason",
            "alarm",
            "request_id",
        ]

    def get_hash(self, event: Event) -> str | None:
        link = getattr(event, "link", None)
        return "0x" + bytes(link.hash).hex() if link else None


FILTERS = ("verb", "actor", "subject", "scope")


@extend_schema_view(
    list=extend_schema(
        parameters=[
            OpenApiParameter("verb", str, description="a verb, or its beginning with a star: `proposal.*`"),
            OpenApiParameter("actor", str, description="such as `user:12` or `monitor:oracle-stale`"),
            OpenApiParameter("subject", str, description="such as `incident:42`"),
            OpenApiParameter("scope", int),
        ]
    )
)
class EventViewSet(viewsets.ReadOnlyModelViewSet[Event]):
    """Everything that happened, newest first. Append-only; `manage.py ledger verify` proves it."""

    queryset = Event.objects.none()
    serializer_class = EventSerializer
    lookup_value_converter = "int"

    def get_queryset(self) -> "QuerySet[Event]":
        asked = {name: self.request.query_params.get(name, "") for name in FILTERS}
        if asked["scope"] and not (asked["scope"].isdecimal() and len(asked["scope"]) < 19):
            raise Invalid("scope", "is not the number of a scope")
        return search(self.request.user, **asked)


API = [("events", EventViewSet, "event")]
