"""The demo's people. Their password and the keys of their wallets are public: never in production."""

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.grants.services import bootstrap
from accounts.models import User, Wallet
from accounts.wallets.services import link_wallet
from ledger import record

PASSWORD = "breakglass-demo"  # public on purpose; the command refuses to load it in production

# username, levels, devnet account (the second to fourth of the well-known test mnemonic own the guardian Safe)
PEOPLE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("ana", ("commander", "admin"), ""),
    ("ben", ("commander",), ""),
    ("carol", ("responder",), "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    ("dan", ("responder",), "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    ("erin", ("responder",), "0x90F79bf6EB2c4f870365E785982E1f101E93b906"),
    ("frank", ("auditor",), ""),
    ("val", (), ""),
)


@transaction.atomic
def load(actor: str) -> None:
    """Make whoever is missing; whoever is there keeps what was changed."""
    for username, levels, address in PEOPLE:
        if User.objects.filter(username=username).exists():
            continue
        user = User(username=username, name=username.capitalize(), email=f"{username}@helix.example")
        user.set_password(PASSWORD)
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        record("user.joined", actor=actor, subject=user.actor, after={"username": username})
        bootstrap(user=user, levels=list(levels), actor=actor)
        if address and not Wallet.objects.filter(address=address).exists():
            link_wallet(user=user, address=address, label="devnet", actor=actor)
