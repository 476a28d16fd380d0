"""`/api/v1/incidents/{incident}/updates/`."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import StrictSerializer
from accounts.models import User
from accounts.selectors import actor_of
from incidents.incidents.nested import OfIncidentViewSet, given
from incidents.updates.models import Update
from incidents.updates.services import EDITED, PARTS, add_note, add_update, edit, report_can
from ledger.errors import Invalid
from ledger.models import Event


class EarlierSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    by = serializers.CharField()
    said = serializers.DictField(child=serializers.CharField())


class UpdateSerializer(serializers.ModelSerializer[Update]):
    earlier = serializers.SerializerMethodField()

    class Meta:
        model = Update
        fields = [
            *("id", "kind", "text", "conditions", "actions", "needs"),
            *("next_by", "posted_by", "posted_at", "edited_at", "earlier"),
        ]

    @extend_schema_field(EarlierSerializer(many=True))
    def get_earlier(self, update: Update) -> Any:
        """What it said before each correction, the first words first."""
        if update.edited_at is None:
            return []
        events = Event.objects.filter(subject=update.subject, verb=EDITED[update.kind]).order_by("pk")
        rows = [{"at": event.at, "by": event.actor, "said": event.before or {}} for event in events]
        return EarlierSerializer(rows, many=True).data


class WriteSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=Update.Kind.choices, default=Update.Kind.UPDATE)
    text = serializers.CharField(max_length=10_000, required=False)
    conditions = serializers.CharField(max_length=10_000, required=False)
    actions = serializers.CharField(max_length=10_000, required=False)
    needs = serializers.CharField(max_length=10_000, required=False)
    next_by = serializers.DateTimeField(required=False, allow_null=True, default=None)


class CorrectSerializer(StrictSerializer):
    text = serializers.CharField(max_length=10_000, required=False)
    conditions = serializers.CharField(max_length=10_000, required=False)
    actions = serializers.CharField(max_length=10_000, required=False)
    needs = serializers.CharField(max_length=10_000, required=False)
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


@extend_schema_view(create=extend_schema(request=WriteSerializer, responses={201: UpdateSerializer}))
class UpdateViewSet(OfIncidentViewSet[Update]):
    """What people wrote: updates, notes, and reports of conditions, actions and needs."""

    queryset = Update.objects.all()
    serializer_class = UpdateSerializer
    filterset_fields = ("kind",)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Post an update, by default; `next_by` promises the next one."""
        made = _write(self.incident(), given(WriteSerializer, request), actor_of(request))
        return Response(UpdateSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=CorrectSerializer, responses={200: UpdateSerializer})
    def partial_update(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Put it right; what it said before is kept."""
        data = given(CorrectSerializer, request)
        reason = data.pop("reason")
        commands = isinstance(request.user, User) and request.user.has_level("commander")
        made = edit(update=self.get_object(), words=data, actor=actor_of(request), reason=reason, commands=commands)
        return Response(UpdateSerializer(made).data)


def _write(incident: Any, data: dict[str, Any], actor: str) -> Update:
    kind, wanted = data["kind"], PARTS if data["kind"] == "can" else ("text",)
    if missing := [name for name in wanted if name not in data]:
        raise Invalid(missing[0], f"is missing in a {kind}", f"a {kind} has {', '.join(wanted)}")
    if odd := [name for name in ("text", *PARTS) if name in data and name not in wanted]:
        raise Invalid(odd[0], f"is no part of a {kind}", f"a {kind} has {', '.join(wanted)}")
    words = {name: data[name] for name in wanted}
    if kind == "can":
        return report_can(incident=incident, actor=actor, **words)
    if kind == "note":
        return add_note(incident=incident, actor=actor, **words)
    return add_update(incident=incident, actor=actor, next_by=data["next_by"], **words)
