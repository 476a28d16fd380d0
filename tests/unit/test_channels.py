"""Each channel against a real HTTP server: the request as its vendor documents it, byte for byte, and every answer."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import time_machine

from config.embedded import free_port
from integrations import posting
from integrations.channels import CHANNELS, Envelope, Undelivered, written
from integrations.families import masked
from tests.receiver import Behaviour, Receiver, answer, hang_up, receiver

AT = datetime(2026, 11, 21, 17, 3, tzinfo=UTC)
ENVELOPE = Envelope("breakglass-delivery-7", "Paused <now> & kept", "Funds are safe.", "https://d.example/m/1/", AT)
TEXT = "Paused <now> & kept\n\nFunds are safe.\n\nhttps://d.example/m/1/"
BOT = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
ROUTING = "R0123456789abcdef0123456789abcde"
ACCOUNT, SERVICE = "AC0123456789abcdef0123456789abcdef", "MG0123456789abcdef0123456789abcdef"
AUTH = "0123456789abcdef0123456789abcdef"
RAW, OLD = b"k" * 32, b"o" * 24
KEY, OLD_KEY = ("whsec_" + base64.b64encode(raw).decode() for raw in (RAW, OLD))


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    with receiver() as made:
        settings.OUTGOING_ALLOW = [made.place]
        settings.PUBLIC_URL = "https://desk.example"
        yield made


def config_of(name: str, there: Receiver) -> dict[str, Any]:
    return {
        "slack": {"url": f"{there.url}/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"},
        "discord": {"url": f"{there.url}/api/webhooks/1234567890/aBcDeFgHiJkLmNoPqRsTuVwXyZ"},
        "telegram": {"chat": "-1001234567890", "token": BOT, "topic": 7, "api": there.url},
        "pagerduty": {"routing_key": ROUTING, "api": there.url},
        "twilio": {"to": "+15005550006", "sender": SERVICE, "account": ACCOUNT, "token": AUTH, "api": there.url},
        "ntfy": {"topic": "helix-desk", "token": "tk_AgQdq7mVBoFD37zQVN29Rh", "server": there.url},
        "webhook": {"url": f"{there.url}/hook?x=1", "key": KEY, "old_key": OLD_KEY},
    }[name]


HTTP = ("slack", "discord", "telegram", "pagerduty", "twilio", "ntfy", "webhook")


def send(name: str, there: Receiver, envelope: Envelope = ENVELOPE) -> str:
    return CHANNELS[name].send(CHANNELS.parse(name, config_of(name, there)), envelope)


def fails(name: str, there: Receiver, *behaviour: Behaviour) -> Undelivered:
    there.script = list(behaviour)
    with pytest.raises(Undelivered) as caught:
        send(name, there)
    assert not any(
        secret in caught.value.reason for secret in (BOT, ROUTING, AUTH, "XXXXXXXX", "aBcDeFgH", "tk_Ag", KEY)
    )
    return caught.value


SHAPES: dict[str, tuple[str, dict[str, str], Any, Any, str]] = {
    "slack": (
        "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        {"content-type": "application/json"},
        {"text": "Paused &lt;now&gt; &amp; kept\n\nFunds are safe.\n\nhttps://d.example/m/1/"},
        b"ok",
        "",
    ),
    "discord": (
        "/api/webhooks/1234567890/aBcDeFgHiJkLmNoPqRsTuVwXyZ?wait=true",
        {"content-type": "application/json"},
        {"content": TEXT, "allowed_mentions": {"parse": []}, "flags": 4},
        {"id": "1199", "type": 0},
        "1199",
    ),
    "telegram": (
        f"/bot{BOT}/sendMessage",
        {"content-type": "application/json"},
        {
            "chat_id": -1001234567890,
            "text": TEXT,
            "link_preview_options": {"is_disabled": True},
            "message_thread_id": 7,
        },
        {"ok": True, "result": {"message_id": 365}},
        "365",
    ),
    "pagerduty": (
        "/v2/enqueue",
        {"content-type": "application/json"},
        {
            "routing_key": ROUTING,
            "event_action": "trigger",
            "dedup_key": "breakglass-delivery-7",
            "payload": {
                "summary": "Paused <now> & kept",
                "source": "desk.example",
                "severity": "critical",
                "custom_details": {"message": "Funds are safe."},
                "timestamp": "2026-11-21T17:03:00.000+00:00",
            },
            "client": "Breakglass",
            "client_url": "https://desk.example",
            "links": [{"href": "https://d.example/m/1/", "text": "Open in Breakglass"}],
        },
        {"status": "success", "message": "Event processed", "dedup_key": "breakglass-delivery-7"},
        "breakglass-delivery-7",
    ),
    "twilio": (
        f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
        {
            "content-type": "application/x-www-form-urlencoded",
            "authorization": "Basic " + base64.b64encode(f"{ACCOUNT}:{AUTH}".encode()).decode(),
        },
        f"To=%2B15005550006&MessagingServiceSid={SERVICE}&Body=Paused+%3Cnow%3E+%26+kept%0A%0AFunds+are+safe.%0A%0A"
        "https%3A%2F%2Fd.example%2Fm%2F1%2F",
        {"sid": "SM123", "status": "queued"},
        "SM123",
    ),
    "ntfy": (
        "/",
        {"content-type": "application/json", "authorization": "Bearer tk_AgQdq7mVBoFD37zQVN29Rh"},
        {
            "topic": "helix-desk",
            "title": "Paused <now> & kept",
            "message": "Funds are safe.",
            "priority": 4,
            "click": "https://d.example/m/1/",
        },
        {"id": "xE73Iyuabi", "event": "message"},
        "xE73Iyuabi",
    ),
    "webhook": (
        "/hook?x=1",
        {"content-type": "application/json", "webhook-id": "breakglass-delivery-7", "webhook-timestamp": "1795280580"},
        {
            "type": "breakglass.message",
            "timestamp": "2026-11-21T17:03:00+00:00",
            "data": {
                "messages": [
                    {
                        "id": "breakglass-delivery-7",
                        "at": "2026-11-21T17:03:00+00:00",
                        "subject": "Paused <now> & kept",
                        "body": "Funds are safe.",
                        "link": "https://d.example/m/1/",
                    }
                ]
            },
        },
        b"",
        "breakglass-delivery-7",
    ),
}


@pytest.mark.parametrize("name", HTTP)
def test_the_request_is_what_the_vendor_documents(name: str, there: Receiver) -> None:
    path, headers, content, said, reference = SHAPES[name]
    there.script = [answer(202 if name == "pagerduty" else 200, said)]
    with time_machine.travel(datetime(2026, 11, 21, 17, 3, tzinfo=UTC), tick=False):
        assert send(name, there) == reference
    sent = there.received[0]
    assert (sent.method, sent.path) == ("POST", path)
    assert {key: sent.headers[key] for key in headers} == headers
    wanted = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    assert sent.body.decode() == wanted


def test_a_webhook_is_signed_by_both_keys_while_they_change(there: Receiver) -> None:
    send("webhook", there)
    sent = there.received[0]
    said = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
    marks = [base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode() for key in (RAW, OLD)]
    assert sent.headers["webhook-signature"] == f"v1,{marks[0]} v1,{marks[1]}"
    CHANNELS["webhook"].send(CHANNELS.parse("webhook", {"url": f"{there.url}/", "key": KEY}), ENVELOPE)
    assert there.received[1].headers["webhook-signature"].count("v1,") == 1
    made = CHANNELS.parse("webhook", {"url": f"{there.url}/"})
    assert made != CHANNELS.parse("webhook", {"url": f"{there.url}/"}) and masked(made)["key"] == "••••••"


@pytest.mark.parametrize("name", HTTP)
def test_every_answer_is_understood(name: str, there: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Busy, broken, silent: again. Gone: the destination is off. Refused words: this copy alone."""
    limited = fails(name, there, answer(429, {"message": "slow down"}, {"Retry-After": "37"}))
    assert (limited.permanent, limited.after) == (False, timedelta(seconds=37)) and "429" in limited.reason
    date = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    later = fails(name, there, answer(503, b"<html>busy</html>", {"Retry-After": date}))
    assert not later.permanent and later.after and timedelta(minutes=118) < later.after <= timedelta(hours=2)
    assert "html" not in later.reason
    assert not fails(name, there, hang_up).permanent
    with monkeypatch.context() as held:
        held.setattr(posting, "TIMEOUT", 0.1)
        assert "did not answer in time" in fails(name, there, there.say_nothing).reason
    gone = fails(name, there, answer(404, {"message": "Unknown Webhook", "code": 10015}))
    assert gone.permanent and gone.closed
    assert fails(name, there, answer(410 if name in ("slack", "webhook") else 403, b"gone")).closed is True
    refused = fails(name, there, answer(400, {"message": "invalid_payload"}))
    assert refused.permanent and not refused.closed
    assert fails(name, there, answer(302, b"", {"Location": "http://127.0.0.1:1/"})).closed
    assert len(there.received) == 8
    there.port = free_port()  # nobody listens there
    settings.OUTGOING_ALLOW = [there.place]
    refusing = fails(name, there)
    assert not refusing.permanent and "no connection" in refusing.reason


def test_what_only_one_vendor_says(there: Receiver) -> None:
    asked = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 34}}
    assert fails("telegram", there, answer(429, asked)).after == timedelta(seconds=34)
    for text in ("Bad Request: chat not found", "Bad Request: group chat was upgraded to a supergroup chat"):
        said = {"ok": False, "description": text, "parameters": {"migrate_to_chat_id": -100987}}
        error = fails("telegram", there, answer(400, said))
        assert error.closed and "the chat is now -100987" in error.reason
    limited = answer(429, {"message": "limited", "retry_after": 64.57, "global": False}, {"Retry-After": "60"})
    assert fails("discord", there, limited).after == timedelta(seconds=64.57)
    faults = {"status": "invalid event", "errors": [f"'routing_key' {ROUTING} is no key"]}
    error = fails("pagerduty", there, answer(400, faults))
    assert error.closed and "'routing_key' •••••• is no key" in error.reason
    assert fails("twilio", there, answer(400, {"code": 21610, "message": "opted out"})).closed
    assert not fails("twilio", there, answer(400, {"code": 21617, "message": "too long"})).closed
    assert not fails("webhook", there, answer(401, b"bad signature")).permanent  # its keys are being changed


@pytest.mark.parametrize(("name", "limit"), [("discord", 2_000), ("telegram", 4_096), ("twilio", 1_600)])
def test_a_long_text_is_cut_and_the_link_stays(name: str, limit: int, there: Receiver) -> None:
    long = Envelope("t", "Paused", "🔥 all of it. " * 2_000, "https://d.example/m/1/")
    there.otherwise = answer(200, {"ok": True})
    send(name, there, long)
    sent = there.received[0]
    text = sent.body.decode() if name == "twilio" else str(sent.json())
    assert "cut" in text and "m/1/" in text.replace("%2F", "/")
    assert len(written(long, limit)) <= limit and written(long, limit).endswith("… (cut)\n\nhttps://d.example/m/1/")


@pytest.mark.parametrize("name", HTTP)
def test_no_private_address_is_called(name: str, there: Receiver, settings: Any) -> None:
    """A config made while it was allowed, or by a name that resolves elsewhere since: refused at the socket."""
    config = CHANNELS.parse(name, json.loads(json.dumps(config_of(name, there)).replace("http://", "https://")))
    settings.OUTGOING_ALLOW = []
    with pytest.raises(Undelivered, match="not a public address") as caught:
        CHANNELS[name].send(config, ENVELOPE)
    assert caught.value.closed and there.connections == 0


def test_an_address_gives_no_secret_away_and_tells_destinations_apart(there: Receiver) -> None:
    for name in HTTP:
        config = CHANNELS.parse(name, config_of(name, there))
        shown = CHANNELS[name].address(config)
        assert not any(secret in shown for secret in (BOT, ROUTING, AUTH, "XXXX", "aBcDe", "tk_", KEY)), shown
    other = {"url": f"{there.url}/services/T00000000/B00000000/YYYY"}
    slack = CHANNELS["slack"]
    assert slack.address(CHANNELS.parse("slack", other)) != slack.address(
        CHANNELS.parse("slack", config_of("slack", there))
    )


def test_apprise_is_guarded_at_the_socket_whatever_its_plugin_does(there: Receiver, settings: Any) -> None:
    channel = CHANNELS["apprise"]

    def deliver(url: str) -> Undelivered | None:
        try:
            channel.send(CHANNELS.parse("apprise", {"url": url}), ENVELOPE)
        except Undelivered as error:
            return error
        return None

    assert deliver(f"json://user:secretword@{there.place}/hook") is None
    sent = there.received[0].json()
    assert isinstance(sent, dict) and (sent["title"], sent["message"].splitlines()[0]) == (
        "Paused <now> & kept",
        "Funds are safe.",
    )
    there.script = [answer(410, b"secretword is gone")]
    gone = deliver(f"json://user:secretword@{there.place}/hook")
    assert gone and gone.closed and "410" in gone.reason and "secretword" not in gone.reason
    settings.OUTGOING_ALLOW = []
    private = deliver(f"json://localhost:{there.port}/")
    assert private and private.closed and "127.0.0.1 is not a public address" in private.reason
    assert there.connections == 2
