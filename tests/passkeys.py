"""A passkey as a browser would have registered it, for pages that list or ask for one."""

import os

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from accounts.models import User


def add_passkey(user: User, name: str) -> Authenticator:
    """A fresh key pair whose public half is stored; nobody keeps the private one."""
    public = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    handle = os.urandom(16)
    credential = AttestedCredentialData.create(Aaguid(bytes(16)), handle, public)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    data = AuthenticatorData.create(os.urandom(32), flags, 0, credential)
    client = CollectedClientData.create(
        type=CollectedClientData.TYPE.CREATE, challenge=os.urandom(32), origin="http://127.0.0.1"
    )
    return WebAuthn.add(
        user,
        name,
        {
            "type": "public-key",
            "id": websafe_encode(handle),
            "rawId": websafe_encode(handle),
            "response": {
                "clientDataJSON": websafe_encode(bytes(client)),
                "attestationObject": websafe_encode(bytes(AttestationObject.create("none", data, {}))),
            },
            "clientExtensionResults": {"credProps": {"rk": True}},
        },
    ).instance
