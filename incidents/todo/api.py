"""`/api/v1/incidents/{incident}/tasks/`."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import StrictSerializer
from accounts.selectors import actor_of
from incidents.incidents.nested import OfIncidentViewSet, given
from incidents.incidents.people import named
from incidents.todo.models import Task
from incidents.todo.services import give, move_task, open_task, reword


class TaskSerializer(serializers.ModelSerializer[Task]):
    assignee = serializers.CharField(source="assignee.actor", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Task
        fields = [
            *("id", "number", "title", "status", "assignee", "due_on", "seen_at"),
            *("opened_by", "opened_at", "ended_at"),
        ]


class NewTaskSerializer(StrictSerializer):
    title = serializers.CharField(max_length=300)
    assignee = serializers.CharField(max_length=160, required=False, help_text="`@ben`, `ben` or `user:12`")
    due_on = serializers.DateField(required=False, help_text="an action item: reminded of until it is done")


class ChangeTaskSerializer(StrictSerializer):
    title = serializers.CharField(max_length=300, required=False)
    status = serializers.ChoiceField(choices=Task.State.choices, required=False)
    assignee = serializers.CharField(max_length=160, required=False, allow_null=True, help_text="null: nobody's")
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


@extend_schema_view(create=extend_schema(request=NewTaskSerializer, responses={201: TaskSerializer}))
class TaskViewSet(OfIncidentViewSet[Task]):
    """What is to be done, beside the steps of runs."""

    queryset = Task.objects.select_related("assignee")
    serializer_class = TaskSerializer
    filterset_fields = ("status",)

    def _create(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Open a task, for somebody or for nobody yet."""
        data = given(NewTaskSerializer, request)
        incident = self.incident()
        user = named(data["assignee"], "assignee") if "assignee" in data else None
        made = open_task(
            incident=incident, title=data["title"], assignee=user, due_on=data.get("due_on"), actor=actor_of(request)
        )
        return self._told(made, status.HTTP_201_CREATED)

    @extend_schema(request=ChangeTaskSerializer, responses={200: TaskSerializer})
    def partial_update(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Reword it, end it or open it again, give it to somebody."""
        data, task, actor = given(ChangeTaskSerializer, request), self.get_object(), actor_of(request)
        if "title" in data:
            reword(task=task, title=data["title"], actor=actor)
        if "status" in data:
            move_task(task=task, to=data["status"], actor=actor, reason=data["reason"])
        if "assignee" in data:
            user = named(data["assignee"], "assignee") if data["assignee"] is not None else None
            give(task=task, user=user, actor=actor)
        return self._told(task, status.HTTP_200_OK)

    def _told(self, task: Task, code: int) -> Response:
        return Response(TaskSerializer(self.get_queryset().get(pk=task.pk)).data, status=code)
