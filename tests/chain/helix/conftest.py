"""Helix on a chain of its own: these tests travel in time, which no other test should notice."""

from collections.abc import Iterator

import pytest

from integrations.devnet.anvil import Anvil
from tests.chain.helix.world import World, build


@pytest.fixture(scope="session")
def helix_world() -> Iterator[World]:
    with Anvil(mining="auto") as anvil:
        yield build(anvil)


@pytest.fixture
def helix(helix_world: World) -> Iterator[World]:
    """A fresh Helix with two perpetuals (ETH at 2,000, BTC at 60,000); the clock goes back as well."""
    snapshot = helix_world.rpc("evm_snapshot")
    yield helix_world
    helix_world.rpc("evm_revert", snapshot)
