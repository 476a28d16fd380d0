"""Whatever is sent, by whomever: no operation of the API answers with a 500, or other than its schema says.

Each operation of the schema gets data that fits it and data that does not, for things that are there (and, now and
then, for some that are not), from an admin's token and browser, a viewer, a token that only reads, and nobody. In the
suite a few calls each, always the same; `FUZZ_EXAMPLES=400 FUZZ_SEED=7` makes more, and others.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.whole_world import Whole

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES, SEED = int(os.environ.get("FUZZ_EXAMPLES", "4")), os.environ.get("FUZZ_SEED", "")
CALLERS = ["admin's token"] * 5 + ["admin's browser", "viewer's browser", "reader's token", "nobody"]

OPERATIONS = {
    operation.label: operation
    for found in schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application()).get_all_operations()
    for operation in [found.ok()]
}


@pytest.fixture(scope="module")
def transactional_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """In place of pytest-django's own, which would close the connection, and the world with it, after each test."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def whole(transactional_db: None) -> Iterator[Whole]:
    """One world for all calls, in a transaction that is never committed."""
    with transaction.atomic():
        yield Whole()
        transaction.set_rollback(True)


@contextmanager
def one_connection() -> Iterator[None]:
    """Django would close its connection, and the world with it, after each call, as a server does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def cases(label: str, known: list[dict[str, Any]]) -> st.SearchStrategy[tuple[Case, dict[str, Any], str]]:
    """A call, what stands for its placeholders (mostly something that is there), and who makes it."""
    operation = OPERATIONS[label]
    fits, does_not = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    there = st.sampled_from([*known * 8, {}] if known != [{}] else known)
    return st.tuples(fits | does_not, there, st.sampled_from(CALLERS))


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_operation_keeps_to_its_schema(label: str, whole: Whole) -> None:
    cache.clear()
    known = whole.known(OPERATIONS[label].path)
    assert known, "there is nothing of this kind in the world: the body would never reach the verb"

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not SEED,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(made=cases(label, known))
    def call(made: tuple[Case, dict[str, Any], str]) -> None:
        case, there, caller = made
        case.path_parameters = {**(case.path_parameters or {}), **there}
        with transaction.atomic():
            answer = case.call(headers=whole.callers[caller])
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS)

    with one_connection():
        (seed(int(SEED))(call) if SEED else call)()
