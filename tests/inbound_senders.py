"""The senders of alerts, as their documentation says that they sign. Payloads stand in tests/fixtures/inbounds."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

FIXTURES = Path(__file__).parent / "fixtures" / "inbounds"
STORIES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))
}
Signed = tuple[bytes, dict[str, str]]
HYPERNATIVE = ec.derive_private_key(7, ec.SECP256R1())


def public_key() -> str:
    form, kind = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(HYPERNATIVE.public_key().public_bytes(form, kind)).decode()


def _hmac(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _grafana(secret: str, raw: bytes, at: datetime) -> Signed:
    said = str(int(at.timestamp()))
    signature = _hmac(secret, said.encode() + b":" + raw)
    return raw, {"X-Grafana-Alerting-Signature": signature, "X-Grafana-Alerting-Timestamp": said}


def _openzeppelin(secret: str, raw: bytes, at: datetime) -> Signed:
    said = str(int(at.timestamp() * 1000))
    return raw, {"X-Signature": _hmac(secret, raw + said.encode()), "X-Timestamp": said}


def _tenderly(secret: str, raw: bytes, at: datetime) -> Signed:
    said = f"{at:%Y-%m-%d %H:%M:%S.%f}123 +0000 UTC m=+3512798.196320121"
    return raw, {"X-Tenderly-Signature": _hmac(secret, raw + said.encode()), "Date": said}


def _hypernative(_secret: str, raw: bytes, at: datetime) -> Signed:
    body = json.loads(raw)
    if isinstance(body.get("data"), dict):
        body["data"] = json.dumps(body["data"]).replace("TIMESTAMP", f"{at:%Y-%m-%dT%H:%M:%S}.000Z")
    signature = HYPERNATIVE.sign(str(body.get("data")).encode(), ec.ECDSA(hashes.SHA256()))
    return json.dumps({**body, "digitalSignature": base64.b64encode(signature).decode()}).encode(), {}


SIGNING: dict[str, Callable[[str, bytes, datetime], Signed]] = {
    "grafana": _grafana,
    "openzeppelin_monitor": _openzeppelin,
    "tenderly": _tenderly,
    "hypernative": _hypernative,
}


class Sender:
    """One of them, with the key that it was given. Each request is a second later, as their clocks go."""

    def __init__(self, format: str, config: dict[str, Any], key: str) -> None:
        self.format, self.secret, self.key = format, str(config.get("secret", "")), key
        self.seconds = 0

    @property
    def address(self) -> str:
        return "/v2/enqueue" if self.format == "pagerduty" else f"/api/v1/inbound/{self.key}/"

    def sign(self, body: Any, *, late: timedelta = timedelta(0)) -> Signed:
        self.seconds += 1
        at = datetime.now(UTC) + timedelta(seconds=self.seconds) - late
        raw = json.dumps(body).replace("ROUTING_KEY", self.key).encode()
        return SIGNING[self.format](self.secret, raw, at) if self.format in SIGNING else (raw, {})

    def send(self, body: Any, *, late: timedelta = timedelta(0)) -> Any:
        return self.post(*self.sign(body, late=late))

    def post(self, raw: bytes, headers: dict[str, str]) -> Any:
        return Client().post(self.address, raw, content_type="application/json", headers=headers)
