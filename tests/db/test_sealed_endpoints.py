"""An endpoint's address is sealed in the database; rows from before that are sealed by the migration."""

import pytest
from django.core.exceptions import FieldError
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor

from integrations.chain.models import Chain, Endpoint
from integrations.sealing import SealBroken, seal

URL = "https://rpc.provider.example/v2/their-key"


@pytest.fixture
def chain(db: None) -> Chain:
    return Chain.objects.create(chain_id=731337, name="Devnet", short_name="devnet", kind="devnet")


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT url FROM integrations_endpoint")
        return str(cursor.fetchone()[0])


def test_what_is_stored_is_sealed_and_comes_back_plain(chain: Chain) -> None:
    endpoint = Endpoint.objects.create(chain=chain, url=URL, label="provider")
    assert "their-key" not in stored()
    assert Endpoint.objects.get().url == URL
    assert "their-key" not in f"{endpoint} {endpoint!r} {endpoint.name}"
    with pytest.raises(IntegrityError):
        Endpoint.objects.create(chain=chain, url=URL, label="again")


def test_it_cannot_be_searched_for(chain: Chain) -> None:
    with pytest.raises(FieldError):
        Endpoint.objects.filter(url=URL).first()


def test_a_ciphertext_of_another_purpose_does_not_open(chain: Chain) -> None:
    Endpoint.objects.create(chain=chain, url=URL, label="provider")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_endpoint SET url = %s", [seal(URL, "executor:1")])
    with pytest.raises(SealBroken):
        Endpoint.objects.get()


def test_rows_from_before_are_sealed_by_the_migration_and_opened_on_the_way_back(chain: Chain) -> None:
    """What it does to rows: to lead all rooms back and forth four times would take half a minute."""
    Endpoint.objects.create(chain=chain, url=URL, label="provider")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_endpoint SET url = %s, mark = ''", [URL])
    loader = MigrationExecutor(connection).loader
    before = loader.project_state(("integrations", "0002_signers_and_private_submission"))
    rows = loader.graph.nodes["integrations", "0003_seal_endpoints"].operations[0]
    with connection.schema_editor() as editor:
        rows.database_forwards("integrations", editor, before, before)
    assert "their-key" not in stored()
    assert Endpoint.objects.get().url == URL
    with connection.schema_editor() as editor:
        rows.database_backwards("integrations", editor, before, before)
    assert stored() == URL
