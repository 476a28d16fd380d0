"""An incident as the API shows it."""

from rest_framework import serializers

from governance.protocols.models import Protocol
from incidents.incidents.models import Incident


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    protocol = serializers.SlugRelatedField[Protocol](slug_field="slug", read_only=True, allow_null=True)
    commander = serializers.CharField(source="commander.actor", read_only=True, allow_null=True, default=None)
    handover_to = serializers.CharField(source="handover_to.actor", read_only=True, allow_null=True, default=None)
    private = serializers.BooleanField(source="scope.private", read_only=True)

    class Meta:
        model = Incident
        fields = [
            "id",
            "title",
            "summary",
            "severity",
            "status",
            "protocol",
            "failure_mode",
            "commander",
            "private",
            "scope",
            "severity_by",
            "next_update_by",
            "funds_at_risk",
            "funds_moved",
            "funds_saved",
            "handover_to",
            "merged_into",
            "opened_by",
            "first_bad_block",
            "first_bad_at",
            "detected_at",
            "opened_at",
            "ended_at",
        ]
