"""Whatever is sent, by whomever: no operation of the API answers with a 500, or other than its schema says."""

from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.tokens.services import create_token
from tests.people import person

pytestmark = pytest.mark.django_db
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

OPERATIONS = {
    operation.label: operation
    for found in schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application()).get_all_operations()
    for operation in [found.ok()]
}


@pytest.fixture
def secret(db: None) -> Iterator[str]:
    """A token of somebody who may do everything, so that the calls get as far as they can.

    They share the test's transaction: Django would close its connection after each call, as a server does.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    user = person("fuzz", "admin", "commander")
    yield create_token(user=user, name="fuzz", scopes=["admin"], actor=user.actor)[1]
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_operation_keeps_to_its_schema(label: str, secret: str) -> None:
    @settings(max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[label].as_strategy())
    def call(case: Case) -> None:
        with transaction.atomic():
            answer = case.call(headers={"Authorization": f"Bearer {secret}"})
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS)

    call()
