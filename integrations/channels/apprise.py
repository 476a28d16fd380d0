"""Everything else that Apprise can reach: one of its URLs, sent from a small process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from pydantic import Field, SecretStr, field_validator

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, Undelivered, body_of, secrets_in
from integrations.posting import fingerprint
from integrations.secrets.scrubbing import take_out

LONGEST = 3_500
SECONDS = 25.0
CHILD = Path(__file__).resolve().parent.parent / "apprise_child.py"


@CHANNELS.register("apprise")
class AppriseUrl(Channel):
    """One of the services that Apprise knows: Matrix, Signal, Teams, Pushover, Opsgenie and a hundred more."""

    label = "Other (Apprise)"
    icon = "external"
    pause, burst, bundle = 5.0, 2, 10

    class Config(families.Config):
        """The URL names the service and holds its secrets."""

        url: SecretStr = Field(title="Apprise URL", description="Such as matrixs://user:password@matrix.example/#room")

        @field_validator("url")
        @classmethod
        def _is_an_apprise_url(cls, value: SecretStr) -> SecretStr:
            text = value.get_secret_value().strip()
            schema, colon, rest = text.partition("://")
            if not colon or not schema.isalnum() or not rest or len(text) > 2_000 or not text.isprintable():
                raise ValueError("is not an Apprise URL, such as matrixs://user:password@matrix.example/#room")
            return SecretStr(text)

    @classmethod
    def address(cls, config: Any) -> str:
        url = config.url.get_secret_value()
        return f"{url.partition('://')[0].lower()} · {fingerprint(url)}"

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        """Apprise's plugins open connections of their own, each in its own way. They do it in a process that refuses
        every private address at the socket, holds none of our keys, and is ended when its time is over."""
        body = body_of(envelope, LONGEST) + (f"\n\n{envelope.link}" if envelope.link else "")
        asked = {
            "url": config.url.get_secret_value(),
            "title": envelope.subject,
            "body": body,
            "allow": settings.OUTGOING_ALLOW,
        }
        said = _in_a_child(json.dumps(asked))
        if not said.get("delivered"):
            reason = take_out(str(said.get("reason", "")), secrets_in(config))
            permanent = bool(said.get("permanent"))
            raise Undelivered(f"Apprise: {reason}"[:240], permanent=permanent)
        return ""


def _in_a_child(asked: str) -> dict[str, Any]:
    env = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE") if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(CHILD)],
            input=asked,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**env, "HOME": "/nonexistent"},
            check=False,
        )
        found = json.loads(done.stdout.strip().rpartition("\n")[2] or "{}")
    except subprocess.TimeoutExpired:
        return {"reason": f"no answer within {SECONDS:.0f} seconds"}
    except (OSError, ValueError):
        return {"reason": "its process did not say what became of it"}
    return found if isinstance(found, dict) and found else {"reason": "its process did not say what became of it"}
