"""The API's ground: who is let in, and that every error is a problem document."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from django.urls import path
from django.utils import timezone
from rest_framework import mixins, serializers, viewsets
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.test import APIClient

from accounts.api import problems
from accounts.api.idempotency import IdempotentCreateMixin
from accounts.api.serializers import StrictSerializer
from accounts.models import ApiToken, StoredAnswer
from accounts.permissions import Admin, Commander, ReadScoped, Responder
from accounts.tokens.services import create_token, revoke_token
from config import urls as real_urls
from ledger.errors import Invalid, Refused, StaleTransition
from ledger.models import Scope
from tests.people import LEVELS, caller, person, program_of, who_may

pytestmark = pytest.mark.django_db


class Thing(StrictSerializer):
    title = serializers.CharField(max_length=20)
    fate = serializers.CharField(required=False)


RAISED: dict[str, Exception] = {
    "invalid": Invalid("title", "is not right", "try another"),
    "refused": Refused("the rule says no", "ask again"),
    "stale": StaleTransition("it moved"),
    "crash": RuntimeError("the secret is 42"),
    "away": OperationalError("connection to server at 127.0.0.1, port 42 failed"),
}


class Things(IdempotentCreateMixin, mixins.CreateModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Scope]):
    """Makes scopes, since any row will do; the rules are those of the base."""

    serializer_class = Thing
    permission_classes = [Responder]
    token_scope = "incidents:write"
    queryset = Scope.objects.order_by("-id")

    def _create(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        thing = self.get_serializer(data=request.data)
        thing.is_valid(raise_exception=True)
        if fate := thing.validated_data.get("fate"):
            raise RAISED[fate]
        scope = Scope.objects.create(kind="thing", title=thing.validated_data["title"])
        return Response({"id": scope.pk, "title": scope.title}, status=201)

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([{"id": scope.pk} for scope in page or []])


class OnlyRead(Things):
    permission_classes = [ReadScoped]


class ForCommanders(Things):
    permission_classes = [Commander]


class ForAdmins(Things):
    permission_classes = [Admin]


router = DefaultRouter()
for name, viewset in (("things", Things), ("read", OnlyRead), ("command", ForCommanders), ("admin", ForAdmins)):
    router.register(f"api/v1/test-{name}", viewset, f"test-{name}")
urlpatterns = [*router.urls, path("boom/", problems.no_such_address), *real_urls.urlpatterns]
here = override_settings(ROOT_URLCONF=__name__)


@pytest.fixture(autouse=True)
def _routes() -> Any:
    with here:
        yield


def told(response: Any, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status and body["type"] == f"urn:breakglass:problem:{kind}"
    assert all(set(error) == {"field", "message", "hint"} for error in body["errors"])
    return dict(body)


@pytest.mark.parametrize(
    ("fate", "status", "kind"),
    [("invalid", 400, "invalid"), ("refused", 409, "refused"), ("stale", 409, "stale-transition")],
)
def test_what_a_service_raises_becomes_a_problem(fate: str, status: int, kind: str) -> None:
    before = Scope.objects.count()
    answer = caller(person("", "responder")).post("/api/v1/test-things/", {"title": "x", "fate": fate})
    body = told(answer, status, kind)
    assert body["errors"][0]["hint"] and Scope.objects.count() == before


def test_an_unforeseen_error_says_nothing_of_itself() -> None:
    answer = caller(person("", "responder")).post("/api/v1/test-things/", {"title": "x", "fate": "crash"})
    told(answer, 500, "internal")
    assert b"42" not in answer.content and b"RuntimeError" not in answer.content


def test_while_the_database_is_away_the_answer_is_to_come_again() -> None:
    answer = caller(person("", "responder")).post("/api/v1/test-things/", {"title": "x", "fate": "away"})
    told(answer, 503, "unavailable")
    assert answer["Retry-After"] == "2" and b"42" not in answer.content


def test_unknown_fields_are_refused_with_what_was_likely_meant() -> None:
    answer = caller(person("", "responder")).post("/api/v1/test-things/", {"titel": "x"})
    errors = told(answer, 400, "invalid")["errors"]
    assert errors == [{"field": "titel", "message": "unknown field; did you mean title?", "hint": ""}]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"title": "a", "title": "b"}',
        b'{"title": NaN}',
        b'{"title": "\\u0000"}',
        b'{"title": "\\ud800"}',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"title": ' + b"9" * 5000 + b"}",
    ],
)
def test_malformed_json_is_a_400(body: bytes) -> None:
    answer = caller(person("", "responder")).generic("POST", "/api/v1/test-things/", body, "application/json")
    told(answer, 400, "malformed")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null"])
def test_json_of_another_shape_is_a_400(body: bytes) -> None:
    answer = caller(person("", "responder")).generic("POST", "/api/v1/test-things/", body, "application/json")
    told(answer, 400, "invalid")


def test_wrong_method_type_and_address() -> None:
    client = caller(person("", "admin"))
    assert "GET" in client.put("/api/v1/test-things/", {})["Allow"]
    told(client.put("/api/v1/test-things/", {}), 405, "method-not-allowed")
    told(client.generic("POST", "/api/v1/test-things/", b"a=1", "text/plain"), 415, "unsupported-media-type")
    told(client.get("/api/v1/no-such-thing/"), 404, "not-found")
    told(client.get("/api/v1/approvals/999999999999999999999/"), 404, "not-found")
    told(client.get("/api/v1/test-things/", HTTP_ACCEPT="text/csv"), 406, "not-acceptable")


def test_strangers_are_asked_to_sign_in_and_bad_tokens_are_refused() -> None:
    stranger = APIClient()
    answer = stranger.get("/api/v1/test-things/")
    told(answer, 401, "unauthenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    for header in ("Bearer bg_wrong", "Bearer", "Bearer a b", "Bearer bg_\xff"):
        stranger.credentials(HTTP_AUTHORIZATION=header)
        told(stranger.get("/api/v1/test-things/"), 401, "unauthenticated")


def test_a_browser_needs_the_csrf_token() -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(person("", "responder"), backend="allauth.account.auth_backends.AuthenticationBackend")
    told(client.post("/api/v1/test-things/", {"title": "x"}), 403, "forbidden")


MATRIX = {
    ("read", "GET"): {"viewer", "auditor", "responder", "commander", "admin"},
    ("read", "POST"): set(),
    ("things", "GET"): {"viewer", "auditor", "responder", "commander", "admin"},
    ("things", "POST"): {"responder", "commander", "admin"},
    ("command", "POST"): {"commander", "admin"},
    ("admin", "GET"): {"admin"},
    ("admin", "POST"): {"admin"},
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("resource", "verb"), MATRIX)
def test_who_may_do_what(level: str, resource: str, verb: str) -> None:
    user = person("", *LEVELS[level])
    for client in (caller(user), program_of(user, "incidents:write")):
        answer = client.generic(verb, f"/api/v1/test-{resource}/", b'{"title": "x"}', "application/json")
        allowed = level in MATRIX[resource, verb]
        assert answer.status_code == ({"GET": 200, "POST": 201}[verb] if allowed else 403), answer.content


def test_a_rooms_matrix_is_asked_by_level() -> None:
    assert who_may("POST", "/api/v1/test-things/", {"title": "x"}) == MATRIX["things", "POST"]
    assert who_may("POST", "/api/v1/test-command/", {"title": "x" * 99}) == MATRIX["command", "POST"]
    assert who_may("DELETE", "/api/v1/test-read/") == set()


def test_a_token_acts_within_its_scopes_and_dies_with_its_owner() -> None:
    user, admin = person("", "responder"), person("", "admin")
    reader = program_of(user, "read")
    assert reader.get("/api/v1/test-things/").status_code == 200
    body = told(reader.post("/api/v1/test-things/", {"title": "x"}), 403, "forbidden")
    assert "incidents:write" in body["detail"]
    writer = program_of(user, "incidents:write")
    assert writer.post("/api/v1/test-things/", {"title": "x"}).status_code == 201
    user.is_active = False
    user.save()
    told(writer.get("/api/v1/test-things/"), 401, "unauthenticated")
    assert program_of(admin, "admin").post("/api/v1/test-admin/", {"title": "x"}).status_code == 201


def test_a_token_is_stored_hashed_expires_and_can_be_revoked() -> None:
    user, other = person("", "responder"), person("", "commander")
    soon = timezone.now() + timedelta(hours=1)
    token, secret = create_token(user=user, name="ci", scopes=["read"], expires_at=soon, actor=user.actor)
    assert secret.startswith("bg_") and secret not in str(ApiToken.objects.values().get(pk=token.pk))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert client.get("/api/v1/test-things/").status_code == 200
    assert ApiToken.objects.get(pk=token.pk).last_used_at is not None
    with pytest.raises(Refused, match="somebody else"):
        revoke_token(token=token, by=other)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/v1/test-things/").status_code == 401
    ApiToken.objects.filter(pk=token.pk).update(expires_at=None)
    assert client.get("/api/v1/test-things/").status_code == 200
    revoke_token(token=token, by=user)
    assert client.get("/api/v1/test-things/").status_code == 401
    with pytest.raises(Invalid, match="used before"):
        create_token(user=user, name="ci", scopes=["read"], actor=user.actor)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "Not A Slug"}, "name"),
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expires_at"),
    ],
)
def test_a_bad_token_request_names_its_field(fields: dict[str, Any], field: str) -> None:
    user = person("", "commander")
    with pytest.raises(Invalid) as caught:
        create_token(**({"user": user, "name": "ci", "scopes": ["read"], "actor": user.actor} | fields))
    assert caught.value.field == field and not ApiToken.objects.exists()


def test_pages_follow_the_cursor_and_a_bad_cursor_is_a_400() -> None:
    client = caller(person())
    made = [Scope.objects.create(kind="thing", title=str(n)).pk for n in range(5)]
    seen: list[int] = []
    url = "/api/v1/test-things/?limit=2"
    while url:
        body = client.get(url).json()
        seen += [row["id"] for row in body["results"]]
        url = body["next"]
    assert [pk for pk in seen if pk in made] == sorted(made, reverse=True)
    for query in ("cursor=nonsense", "cursor=cD1hYmM%3D", "cursor=%00", "limit=0", "limit=x", "limit=5000"):
        told(client.get(f"/api/v1/test-things/?{query}"), 400, "invalid")


def test_too_many_requests_say_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.api.throttles import CallerThrottle

    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"caller": "2/min"})
    client = caller(person())
    answers = [client.get("/api/v1/test-things/") for _ in range(3)]
    told(answers[-1], 429, "throttled")
    assert int(answers[-1]["Retry-After"]) > 0 and answers[0].status_code == 200


# --- Idempotency-Key ------------------------------------------------------------------------------------------------


def test_the_same_key_and_body_makes_one_and_answers_alike() -> None:
    client = caller(person("", "responder"))
    first = client.post("/api/v1/test-things/", {"title": "x"}, HTTP_IDEMPOTENCY_KEY="k1")
    again = client.post("/api/v1/test-things/", {"title": "x"}, HTTP_IDEMPOTENCY_KEY="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() and again["Idempotency-Replayed"] == "true"
    assert Scope.objects.filter(kind="thing").count() == 1


def test_the_same_key_with_another_body_is_a_422_and_keys_belong_to_their_actor() -> None:
    user = person("", "responder")
    client = caller(user)
    client.post("/api/v1/test-things/", {"title": "x"}, HTTP_IDEMPOTENCY_KEY="k1")
    told(client.post("/api/v1/test-things/", {"title": "y"}, HTTP_IDEMPOTENCY_KEY="k1"), 422, "idempotency-key-reused")
    for other in (caller(person("", "responder")), program_of(user, "incidents:write")):
        assert other.post("/api/v1/test-things/", {"title": "y"}, HTTP_IDEMPOTENCY_KEY="k1").status_code == 201


def test_a_failed_create_leaves_its_key_free() -> None:
    client = caller(person("", "responder"))
    told(client.post("/api/v1/test-things/", {"title": "x" * 21}, HTTP_IDEMPOTENCY_KEY="k1"), 400, "invalid")
    assert not StoredAnswer.objects.exists()
    assert client.post("/api/v1/test-things/", {"title": "x"}, HTTP_IDEMPOTENCY_KEY="k1").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there"])
def test_a_key_that_is_none_is_named(key: str) -> None:
    answer = caller(person("", "responder")).post("/api/v1/test-things/", {"title": "x"}, HTTP_IDEMPOTENCY_KEY=key)
    assert told(answer, 400, "invalid")["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_transaction", [True, False])
def test_eight_at_once_with_one_key_make_one(in_transaction: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Things, "idempotent_in_transaction", in_transaction)
    user = person("", "responder")
    gate, answers = threading.Barrier(8), []

    def send() -> None:
        try:
            client = caller(user)
            gate.wait(10)
            answers.append(client.post("/api/v1/test-things/", {"title": "x"}, HTTP_IDEMPOTENCY_KEY="k1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert Scope.objects.filter(kind="thing").count() == 1
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(201) >= 1 and set(statuses) <= ({201} if in_transaction else {201, 409}), statuses


def test_a_lost_outcome_is_said_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Things, "idempotent_in_transaction", False)
    client = caller(person("", "responder"))
    client.post("/api/v1/test-things/", {"title": "x"}, HTTP_IDEMPOTENCY_KEY="k1")
    StoredAnswer.objects.update(status_code=None)  # as a crash between the create and its answer leaves it
    answer = client.post("/api/v1/test-things/", {"title": "x"}, HTTP_IDEMPOTENCY_KEY="k1")
    told(answer, 409, "idempotency-outcome-unknown")
    assert Scope.objects.filter(kind="thing").count() == 1


# --- OpenAPI --------------------------------------------------------------------------------------------------------


def test_the_schema_is_openapi_3_1_and_documents_the_errors() -> None:
    answer = APIClient().get("/api/schema/?format=json")
    assert answer.status_code == 200
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    operation = schema["paths"]["/api/v1/approvals/{id}/give/"]["post"]
    assert {"200", "400", "401", "403", "404", "409", "429"} <= set(operation["responses"])
    content = operation["responses"]["409"]["content"]["application/problem+json"]
    assert content["schema"]["$ref"] == "#/components/schemas/Problem"
    assert set(schema["components"]["schemas"]["Problem"]["properties"]) == {
        "type",
        "title",
        "status",
        "detail",
        "errors",
    }
    assert {"token", "session"} <= set(schema["components"]["securitySchemes"])
