"""256-bit integers, addresses and hashes as the database keeps them."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from integrations.chain.models import Chain, Executor, Head

pytestmark = pytest.mark.django_db
VAULT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@pytest.fixture
def chain() -> Chain:
    return Chain.objects.create(chain_id=731999, name="Fields", short_name="fields", kind="devnet")


def make(chain: Chain, **changes: object) -> Executor:
    values = {"address": VAULT, "label": "x", "environment": "devnet", "keystore": "", **changes}
    return Executor.objects.create(chain=chain, **values)


@pytest.mark.parametrize("number", [0, 1, 2**53 + 1, 2**255 - 19, 2**256 - 1])
def test_every_uint256_is_exact(chain: Chain, number: int) -> None:
    row = make(chain, balance=number)
    row.refresh_from_db()
    assert row.balance == number
    assert type(row.balance) is int
    assert Executor.objects.get(balance=str(number)) == row
    assert Executor.objects.filter(balance__gte=number).count() == 1
    assert Executor.objects.filter(balance__lt=number).count() == 0


@pytest.mark.parametrize("number", [-1, 2**256, 1.5, "1e3", "abc", True, ""])
def test_what_is_no_uint256_is_refused(chain: Chain, number: object) -> None:
    with pytest.raises(ValidationError):
        make(chain, balance=number)


@pytest.mark.parametrize("value", ["-1", f"{2**256}", "1.5"])
def test_the_database_refuses_it_too(chain: Chain, value: str) -> None:
    row = make(chain)
    statement = "UPDATE integrations_executor SET balance = %s::numeric WHERE id = %s"
    if value == "1.5":  # rounded by its type, never kept
        with connection.cursor() as cursor:
            cursor.execute(statement, [value, row.pk])
        row.refresh_from_db()
        assert row.balance == 2
        return
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [value, row.pk])


def test_an_address_has_one_spelling(chain: Chain) -> None:
    row = make(chain, address=VAULT.lower())
    assert row.address == VAULT
    row.refresh_from_db()
    assert row.address == VAULT
    assert Executor.objects.get(address=VAULT.lower()) == row
    assert Executor.objects.get(address="0x" + VAULT[2:].upper()) == row
    with pytest.raises(IntegrityError), transaction.atomic():
        make(chain, address=VAULT.lower(), label="y")


@pytest.mark.parametrize("text", ["0x12", "", "vault.eth", VAULT.replace("FbDB", "fbDB"), VAULT + "0", 5])
def test_what_is_no_address_is_refused(chain: Chain, text: object) -> None:
    with pytest.raises(ValidationError):
        make(chain, address=text)


def test_a_hash_is_lowercase(chain: Chain) -> None:
    digest = "0x" + "AB" * 32
    values = {"chain": chain, "number": 1, "parent_hash": "0x" + "00" * 32, "timestamp": "2026-11-20T00:00:00Z"}
    row = Head.objects.create(hash=digest, **values)
    assert row.hash == digest.lower().replace("0X", "0x")
    assert Head.objects.get(hash=digest) == row
    with pytest.raises(ValidationError):
        Head.objects.get(hash="0x12")
