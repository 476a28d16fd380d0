"""What probes, scrapers and browsers are told."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config import embedded
from integrations.models import Chain

pytestmark = pytest.mark.django_db


def test_healthz_asks_nobody(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics"])
def test_a_probe_names_the_process_by_its_address(client: Client, settings: Any, address: str) -> None:
    """Otherwise a load balancer calls a process dead whose only host is its public name."""
    settings.ALLOWED_HOSTS, settings.METRICS_TOKEN = ["desk.example"], "open"
    by_address = {"host": "10.0.0.7:8000", "authorization": "Bearer open"}
    assert client.get(address, headers=by_address).status_code == 200
    assert client.get("/status/", headers=by_address).status_code == 400


def test_ready_when_database_and_broker_answer(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.content
    assert {name: part["ok"] for name, part in answer.json()["parts"].items()} == {
        "database": True,
        "broker": True,
        "chains": True,
    }


def test_not_ready_without_the_broker(client: Client, settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{embedded.free_port()}/0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["broker"] == {"ok": False, "error": "the broker does not answer"}
    assert answer.json()["parts"]["database"]["ok"] is True


@pytest.mark.parametrize(("age", "status"), [(2, 200), (61, 503), (None, 503)])
def test_ready_only_while_the_chain_moves(client: Client, settings: Any, age: int | None, status: int) -> None:
    settings.READY_HEAD_AGE = 60
    chain = Chain.objects.create(chain_id=731337, name="Devnet", short_name="devnet", kind=Chain.Kind.DEVNET)
    chain.endpoints.create(url="http://127.0.0.1:1/")
    if age is not None:
        word = "0x" + "11" * 32
        stamp = timezone.now() - timedelta(seconds=age)
        chain.heads.create(number=7, hash=word, parent_hash=word, timestamp=stamp)
    answer = client.get("/readyz")
    assert answer.status_code == status
    part = answer.json()["parts"]["chains"]
    if status == 200:
        assert 2 <= part["head_age_s"]["devnet"] < 10
    else:
        assert part == {"ok": False, "error": "no block newer than 60 s of: devnet"}


def test_metrics_are_behind_a_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "scrape"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer scrap"}).status_code == 401
    answer = client.get("/metrics", headers={"Authorization": "Bearer scrape"})
    assert answer.status_code == 200
    assert b"django_http_requests_before_middlewares_total" in answer.content


@pytest.mark.parametrize("path", ["/accounts/login/", "/api/docs/", "/nothing-here/"])
def test_every_page_carries_the_strict_policy(client: Client, path: str) -> None:
    answer = client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_docs_read_the_schema_aloud(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    assert "/api/v1/approvals/" in page
    schema = client.get("/api/schema/?format=json").json()
    assert schema["openapi"].startswith("3.1")
    assert all("{format}" not in path for path in schema["paths"])
