"""Senders' keys: made, shown once, rotated, switched off; what they sent; silence; maintenance."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from governance.protocols.models import Protocol
from incidents.alerts.models import Alert
from incidents.alerts.services import raise_alert
from incidents.inbound import silence
from incidents.inbound.limits import SENDERS
from incidents.inbound.models import InboundKey, InboundPayload
from incidents.inbound.payloads import forget
from incidents.inbound.services import change_key, create_key, enable_key, rotate_key
from incidents.incidents.models import Incident
from incidents.windows.models import Window
from incidents.windows.services import KIND as WINDOW
from incidents.windows.services import end_window, open_window
from ledger.errors import Invalid
from tests.audiences import load_audiences
from tests.drain import settle
from tests.people import browser_of, person
from work.models import Work

pytestmark = pytest.mark.django_db
ALERT = {"key": "outflow", "title": "Outflow above limit", "severity": "warning"}


def post(secret: str, body: Any = ALERT, **headers: str) -> Any:
    address = f"/api/v1/inbound/{secret}/" if secret else "/api/v1/inbound/"
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(address, raw, content_type="application/json", headers=headers)


def test_a_key_lets_in_by_address_or_header_until_it_is_rotated_or_switched_off() -> None:
    key, first = create_key(name="script", actor="user:1")
    assert len(first) == 32 and first not in str(key.__dict__)
    for answer in (post(first), post("", Authorization=f"Bearer {first}"), post("", **{"X-API-Key": first})):
        assert answer.status_code == 202
    assert Alert.objects.get().times == 3
    ready = Client().get(f"/api/v1/inbound/{first}/")
    assert (ready.status_code, ready.json()) == (200, {"format": "generic"}) and Alert.objects.get().times == 3

    second = rotate_key(key=key, actor="user:1")
    assert post(first).status_code == post(second).status_code == 202
    InboundKey.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    assert [post(one).status_code for one in (first, second)] == [404, 202]
    third = rotate_key(key=key, actor="user:1", grace=timedelta(0))
    assert [post(one).status_code for one in (second, third)] == [404, 202]
    enable_key(key=key, enabled=False, actor="user:1")
    assert post(third).status_code == Client().get(f"/api/v1/inbound/{third}/").status_code == 404
    assert post("", Authorization="Basic abc").status_code == post("wrong").status_code == 404


def test_secrets_of_a_sender_are_sealed_and_its_payloads_kept_without_theirs() -> None:
    key, secret = create_key(name="g", format="grafana", config={"secret": "hmac-secret"}, actor="user:1")
    key.refresh_from_db()
    assert "hmac-secret" not in json.dumps(key.config) + key.sealed and key.secrets() == ["secret"]
    changed = change_key(key=key, actor="user:1", config={"severities": "page=SEV1"}, severity="SEV2")
    settings: Any = changed.settings
    assert settings.secret.get_secret_value() == "hmac-secret" and settings.severities == "page=SEV1"
    assert post(secret).status_code == 403
    with pytest.raises(Invalid):
        change_key(key=key, actor="user:1", config={"severities": "page"}, severity="SEV2")

    _, plain = create_key(name="p", actor="user:1")
    body = {**ALERT, "db": {"password": "hunter2", "Api_Key": "k-123"}, "token": "USDC"}
    assert post(plain, body).status_code == 202
    kept = json.dumps([InboundPayload.objects.get().body, Alert.objects.get().detail])
    assert "hunter2" not in kept and "k-123" not in kept and "USDC" in kept
    forget()
    assert InboundPayload.objects.exists()
    InboundPayload.objects.update(last_at=timezone.now() - timedelta(days=31))
    forget()
    assert not InboundPayload.objects.exists() and Alert.objects.exists()


def test_one_flooding_sender_keeps_nobody_else_out(settings: Any) -> None:
    SENDERS.forget()
    settings.INBOUND_PER_MINUTE = 3
    (_, loud), (_, other) = create_key(name="loud", actor="user:1"), create_key(name="other", actor="user:1")
    answers = [post(loud).status_code for _ in range(5)]
    assert answers == [202, 202, 202, 429, 429] and post(other).status_code == 202
    assert int(post(loud)["Retry-After"]) > 0
    SENDERS.forget()


def test_a_graver_word_of_the_sender_raises_what_was_too_slight() -> None:
    load_audiences("system:test")
    _, secret = create_key(name="s", actor="user:1")
    post(secret)
    assert Alert.objects.get().incident is None
    post(secret, {**ALERT, "severity": "critical"})
    alert = Alert.objects.get()
    assert (alert.severity, alert.times) == ("SEV1", 2) and alert.incident == Incident.objects.get()
    post(secret, {**ALERT, "severity": "low"})
    assert Alert.objects.get().severity == "SEV1", "people lower it"


def test_long_keys_that_begin_alike_stay_two() -> None:
    _, secret = create_key(name="s", actor="user:1")
    for end in "ab":
        assert post(secret, {**ALERT, "key": "x" * 190 + end}).status_code == 202
    assert Alert.objects.count() == 2


def test_silence_is_an_alert_by_a_timer_in_the_database() -> None:
    load_audiences("system:test")
    config = {"period": 60, "grace": 30}
    key, secret = create_key(name="keeper", format="heartbeat", config=config, actor="user:1", severity="SEV1")
    row = Work.objects.get(kind=silence.KIND)

    def wait(seconds: int) -> None:
        """Time passes: for the key, and for the timer."""
        InboundKey.objects.filter(heard_at__isnull=False).update(heard_at=timezone.now() - timedelta(seconds=seconds))
        Work.objects.filter(pk=row.pk).update(run_at=timezone.now(), status="waiting")
        settle((silence.KIND,))

    wait(80)
    assert not Alert.objects.exists()
    wait(100)
    alert = Alert.objects.get()
    assert alert.title == "No heartbeat from keeper" and alert.incident == Incident.objects.get()
    wait(200)
    assert Alert.objects.get().times == 1, "one silence is one alert"
    assert Client().get(f"/api/v1/inbound/{secret}/").status_code == 200
    assert Alert.objects.get().status == "firing", "looking at the address is no beat"
    for body in (b"", b"anything", b'{"status": "ok"}'):
        assert post(secret, body).status_code == 202
    assert Alert.objects.get().status == "cleared"
    wait(100)
    assert Alert.objects.count() == 2 and Incident.objects.count() == 1, "it joins what is still open"
    enable_key(key=key, enabled=False, actor="user:1")
    assert not Alert.objects.filter(status="firing").exists()
    wait(10_000)
    assert Alert.objects.count() == 2
    row.refresh_from_db()
    assert row.status == "waiting" and row.run_at is None


def test_a_window_mutes_what_is_expected_and_hands_over_what_lasts() -> None:
    load_audiences("system:test")
    helix = Protocol.objects.create(slug="helix", name="Helix")

    def fire(key: str, severity: str = "SEV2", protocol: Protocol | None = helix) -> Alert:
        return raise_alert(key=key, severity=severity, title=key, source="monitor:x", protocol=protocol)

    soon = timezone.now() + timedelta(hours=1)
    for pattern, end in (
        ("*", soon),
        ("?*", soon),
        ("*:*", soon),
        ("a*", timezone.now()),
        ("a*", soon + timedelta(days=8)),
    ):
        with pytest.raises(Invalid):
            open_window(title="x", pattern=pattern, ends_at=end, actor="user:1")
    window = open_window(title="Feeds", ends_at=soon, actor="user:1", protocol=helix, pattern="stale:*")
    muted, gone = fire("stale:a"), fire("stale:b")
    assert (muted.window, muted.incident) == (window, None) and not Incident.objects.exists()
    assert fire("outflow").incident and fire("stale:c", "SEV1").incident and fire("stale:d", protocol=None).incident
    Alert.objects.filter(pk=gone.pk).update(status="cleared")
    before = Incident.objects.count()
    Window.objects.update(starts_at=timezone.now() - timedelta(hours=2), ends_at=timezone.now())
    Work.objects.filter(kind=WINDOW).update(run_at=timezone.now())
    settle((WINDOW,))
    muted.refresh_from_db()
    assert muted.incident is not None and muted.window is None and Incident.objects.count() == before + 1
    window.refresh_from_db()
    assert window.state == "over" and window.ended_by == "system:windows"
    late = fire("stale:late")  # muted by who read the window while it was open, and committed after its end
    Alert.objects.filter(pk=late.pk).update(window=window, incident=None)
    Work.objects.filter(kind=WINDOW).update(run_at=timezone.now())
    settle((WINDOW,))
    late.refresh_from_db()
    assert late.incident is not None and Work.objects.get(kind=WINDOW).status == "waiting"
    other = open_window(title="Again", ends_at=soon, actor="user:1", pattern="stale:e*")
    assert fire("stale:e").incident is None
    end_window(window=other, actor="user:1")
    settle((WINDOW,))
    assert Alert.objects.get(key="stale:e").incident is not None


def test_the_pages_make_a_key_try_a_mapping_and_never_show_a_secret_again() -> None:
    load_audiences("system:test")
    admin = browser_of(person("ada", "admin"))
    made = admin.post("/incidents/inbound/", {"name": "Scripts", "format": "generic", "severity": "SEV3"})
    assert made.status_code == 200
    key = InboundKey.objects.get()
    secret = made.context["secret"]
    page = f"/incidents/inbound/{key.pk}/"
    assert secret in made.content.decode() and secret not in admin.get(page).content.decode()
    body = {"key": "7", "title": "Fits", "alert": {"name": "<b>Deep</b>", "grave": True}, "severity": "low"}
    assert post(secret, body).status_code == 202
    mapping = {"title": "alert.name", "key": "key", "severity": '"SEV1" if alert.grave else "SEV3"'}
    tried = admin.post(page + "try/", {**mapping, "pasted": '{"key": "8", "alert": {"grave": false}}'})
    said = tried.content.decode()
    assert "&lt;b&gt;Deep" in said and "<b>Deep" not in said and "SEV1" in said and "counted once more" in said
    assert "alert.name: is missing" in said, "the pasted one has no name"
    assert "not an expression" in admin.post(page + "try/", {**mapping, "title": "a..b"}).content.decode()
    assert InboundKey.objects.get().config["title"] == "title", "nothing was saved"
    assert admin.post(page, {**mapping, "rule-severity": "SEV3", "title": "a..b"}).status_code == 422
    assert admin.post(page, {**mapping, "rule-severity": "SEV2"}).status_code == 302
    assert (InboundKey.objects.get().config["title"], InboundKey.objects.get().severity) == ("alert.name", "SEV2")
    rotated = admin.post(page + "rotate/", {"grace": "0"})
    assert rotated.context["secret"] != secret and post(secret, body).status_code == 404
    assert admin.post(page + "switch/", {"enabled": "no"}).status_code == 302
    assert post(rotated.context["secret"], body).status_code == 404
