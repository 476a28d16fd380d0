"""Senders' signatures: shared secrets over the bytes that came in, and how old they may be."""

import base64
import binascii
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from integrations.inbound import Call, Unproved

SKEW = timedelta(minutes=5)
GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d{4})\b")


def header(call: Call, name: str, hint: str) -> str:
    found = call.headers.get(name.lower(), "").strip()
    if not found:
        raise Unproved(f"the header {name} is missing", hint)
    return found


def check_hmac(call: Call, *, secret: SecretStr, given: str, signed: bytes) -> str:
    """HMAC-SHA256 as hexadecimal digits, compared in constant time."""
    right = hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right.encode(), given.strip().lower().encode()):
        raise Unproved("the signature does not match", "sign the body as it is sent, with the secret of this key")
    return right


def check_clock(call: Call, said: str, *, oldest: timedelta = SKEW) -> None:
    """Not older than that, and not from our future: a request that somebody kept is worth nothing later."""
    at = moment(said)
    if at is None:
        raise Unproved("the signed time cannot be read", "seconds or milliseconds since 1970, or an ISO 8601 time")
    if not call.at - oldest <= at <= call.at + SKEW:
        minutes = int(oldest.total_seconds() // 60)
        raise Unproved("the signed time is too far from ours", f"within {minutes} minutes; look at the sender's clock")


def moment(said: str) -> datetime | None:
    """A time as one of the senders writes it: since 1970, ISO 8601, of a mail, or as Go prints it."""
    said = said.strip()
    try:
        if re.fullmatch(r"\d{10}|\d{13}", said):
            return datetime.fromtimestamp(int(said[:10]), UTC)
        if match := GO_TIME.match(said):
            return datetime.strptime(" ".join(match.groups()), "%Y-%m-%d %H:%M:%S %z")
        if re.match(r"\d{4}-\d\d-\d\dT", said):
            at = datetime.fromisoformat(re.sub(r"\.(\d{6})\d+", r".\1", said.replace("Z", "+00:00")))
        else:
            at = parsedate_to_datetime(said)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def read_public_key(text: str) -> ec.EllipticCurvePublicKey:
    """A P-256 key as PEM, or its base64 alone; ValueError if it is none."""
    bare = re.sub(r"-----(BEGIN|END) PUBLIC KEY-----|\s|\\n", "", text)
    try:
        key = serialization.load_der_public_key(base64.b64decode(bare, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("is not a public key in base64 or PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("is not a P-256 public key")
    return key


def check_ecdsa(*, key: str, given: str, signed: bytes) -> str:
    """ECDSA over P-256 and SHA-256, the signature in base64."""
    try:
        read_public_key(key).verify(base64.b64decode(given, validate=True), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        raise Unproved("the signature does not match", "the public key of this key must be the sender's") from None
    # The other half of an ECDSA signature is valid too: what counts once is what was signed.
    return hashlib.sha256(signed).hexdigest()
