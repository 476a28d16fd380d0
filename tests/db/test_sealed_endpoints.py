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


@pytest.mark.django_db(transaction=True)
def test_rows_from_before_are_sealed_by_the_migration_and_opened_on_the_way_back() -> None:
    before = [("integrations", "0001_initial")]
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()  # rooms above were led back with it
    try:
        old = MigrationExecutor(connection)
        old.migrate(before)
        apps = old.loader.project_state(before).apps
        chain = apps.get_model("integrations", "Chain").objects.create(
            chain_id=731337, name="Devnet", short_name="devnet", kind="devnet"
        )
        apps.get_model("integrations", "Endpoint").objects.create(chain=chain, url=URL, label="provider")
        MigrationExecutor(connection).migrate(latest)
        assert "their-key" not in stored()
        assert Endpoint.objects.get().url == URL
        MigrationExecutor(connection).migrate(before)
        assert stored() == URL
    finally:
        MigrationExecutor(connection).migrate(latest)
