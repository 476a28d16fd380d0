"""Sign-In with Ethereum (EIP-4361): the message is made here, signed in the wallet, and read back strictly.

`siwe` is imported where it is used: it builds grammars for a second, which every process would pay at its start.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from eth_utils.address import to_checksum_address
from pydantic import ValidationError

from accounts.models import SignInNonce
from accounts.wallets.chains import known_chain_ids
from ledger import Invalid, Refused

if TYPE_CHECKING:
    from siwe import SiweMessage

ADDRESS = re.compile(r"^0x[0-9a-fA-F]{40}$")
SIGNATURE = re.compile(r"^0x[0-9a-fA-F]{130}$")
LIFE = timedelta(minutes=5)
STATEMENTS = {
    "login": "Sign in to Breakglass. This costs nothing and moves nothing.",
    "link": "Link this wallet to your Breakglass account. This costs nothing and moves nothing.",
}


@dataclass(frozen=True)
class Ours:
    """What the message must name: our domain and address, from the settings and never from a header."""

    scheme: str
    domain: str
    uri: str


def ours() -> Ours:
    parts = urlsplit(settings.PUBLIC_URL)
    return Ours(parts.scheme, parts.netloc, settings.PUBLIC_URL)


def checksummed(address: str) -> str:
    if not ADDRESS.match(address):
        raise Invalid("address", f"{address[:60]!r} is not an address", "0x and 40 hex digits")
    return str(to_checksum_address(address))


def _check_chain(chain_id: int) -> None:
    known = known_chain_ids()
    if chain_id not in known:
        names = ", ".join(str(one) for one in sorted(known)) or "none is set up"
        raise Invalid("chain_id", f"chain {chain_id} is not known here", f"switch the wallet to one of: {names}")


def new_nonce(*, purpose: str) -> str:
    """A nonce for one purpose; the caller binds it to the session."""
    SignInNonce.objects.filter(expires_at__lt=timezone.now() - timedelta(days=1)).delete()
    nonce = secrets.token_hex(12)
    SignInNonce.objects.create(nonce=nonce, purpose=purpose, expires_at=timezone.now() + LIFE)
    return nonce


def message_for(*, address: str, chain_id: int, nonce: str, purpose: str) -> str:
    """The text that the wallet shows and signs."""
    from siwe import ISO8601Datetime, SiweMessage

    _check_chain(chain_id)
    now = datetime.now(UTC)
    mine = ours()
    message = SiweMessage(
        domain=mine.domain,
        address=checksummed(address),
        statement=STATEMENTS[purpose],
        uri=mine.uri,
        version="1",
        chain_id=chain_id,
        nonce=nonce,
        issued_at=ISO8601Datetime.from_datetime(now),
        expiration_time=ISO8601Datetime.from_datetime(now + LIFE),
    )
    return str(message.prepare_message())


def verify(*, text: str, signature: str, nonce: str | None, purpose: str) -> str:
    """The address that signed a message of ours, in this session, now. The nonce is used up, whatever follows."""
    from siwe import ExpiredMessage, NotYetValidMessage, VerificationError

    if not nonce or not _use_nonce(nonce, purpose):
        raise Refused("this sign-in has expired or was used already", "press the button again", "nonce")
    message = _parsed(text)
    _check_fields(message, nonce, purpose)
    if not SIGNATURE.match(signature):
        raise Invalid(
            "signature",
            "is not the 65 bytes of an externally owned account's signature",
            "contract wallets (EIP-1271) cannot sign in here: use one of their owners' wallets",
        )
    try:
        message.verify(signature, domain=ours().domain, nonce=nonce)
    except (ExpiredMessage, NotYetValidMessage) as exc:
        raise Refused("this message has expired", "press the button again", "expired") from exc
    except (VerificationError, ValueError, TypeError) as exc:
        raise Invalid("signature", "is not by the wallet that the message names", "sign again") from exc
    except Exception as exc:  # eth-keys raises its own types for bytes that are no curve point
        raise Invalid("signature", "recovers no address", "sign again") from exc
    return str(message.address)


def _use_nonce(nonce: str, purpose: str) -> bool:
    now = timezone.now()
    fresh = SignInNonce.objects.filter(nonce=nonce, purpose=purpose, used_at=None, expires_at__gt=now)
    return bool(fresh.update(used_at=now))


def _parsed(text: str) -> "SiweMessage":
    from siwe import SiweMessage

    try:
        if len(text) > 2000:
            raise ValueError("too long")
        message = SiweMessage.from_message(text)
    except (ValueError, ValidationError) as exc:
        raise Invalid("message", "is not a Sign-In with Ethereum message", "sign the text that this page gave") from exc
    if message.prepare_message() != text:
        raise Invalid("message", "is not spelled as EIP-4361 wants", "sign the text that this page gave")
    return message


def _check_fields(message: "SiweMessage", nonce: str, purpose: str) -> None:
    mine = ours()
    expected = {"domain": mine.domain, "uri": mine.uri, "nonce": nonce, "statement": STATEMENTS[purpose]}
    for name, value in expected.items():
        if getattr(message, name) != value:
            raise Invalid("message", f"its {name} is not ours", f"{name} must be {value!r}" if name != "nonce" else "")
    if message.scheme not in (None, mine.scheme):
        raise Invalid("message", "its scheme is not ours", f"{mine.scheme} or none")
    if message.expiration_time is None:
        raise Invalid("message", "has no expiration time")
    _check_chain(message.chain_id)
