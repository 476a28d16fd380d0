"""Fixtures for every floor."""

import sys
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from _pytest.runner import pytest_runtest_protocol as run_one
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.core.cache import cache
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck, settings
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

from config.headroom import with_headroom

HERE = Path(__file__).parent
# Two cores are shared with dozens of servers: how long an example took says nothing.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
# One process makes the state that others copy (tests/prepared.py); until it is there they do what needs none.
FIRST = ("test_supervisor", "test_helix_invariants", "test_helix_artifacts", "test_campaign")
# Then what takes longest goes first, so that the suite's processes end at about the same time.
FOLDERS = ("crash", "chain/helix", "chain/manager", "chain", "db", "unit", "browser")
LONGEST = ("test_pages", "test_emergency", "test_proposal_page")
ONE_STACK = (
    "tests/browser/test_proposal_page.py",
    "tests/browser/test_newcomer.py",
    "tests/browser/test_war_room.py",
    "tests/browser/test_run.py",
)
AFTER_THESE = ("test_run",)  # it breaks the protocol of the stack that they share
HALVED = "tests/browser/test_pages.py"  # a page has nothing to do with the next one


def _place(name: str, names: tuple[str, ...]) -> int:
    return names.index(name) if name in names else len(names)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> tuple[int, int, int, bool]:
        stem, folder = item.path.stem, item.path.parent.relative_to(HERE).as_posix()
        return _place(stem, FIRST), _place(folder, FOLDERS), _place(stem, LONGEST), stem in AFTER_THESE

    items.sort(key=rank)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> object:
    """Half of the suite's system time was the interpreter's stack (config/headroom.py)."""
    return with_headroom(run_one, item, nextitem)


def _browses(scope: str) -> bool:
    return scope.startswith("tests/browser/")


class ByFile(LoadScopeScheduling):
    """A file stays in one process, with what its tests share; and so do the files that look at one running stack.

    Playwright keeps an event loop running in its process from then on, and tests of asynchronous code want one of
    their own: of three processes or more the first one only browses, beside the others, who often wait for a chain;
    they turn to browsing when all else is done.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if file == HALVED:
            return f"{file} {crc32(nodeid.encode()) % 2}"
        return ONE_STACK[0] if file in ONE_STACK else file

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self._only_browses(node):
            self.workqueue.move_to_end(next(filter(_browses, self.workqueue)), last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self._only_browses(node) and not any(map(_browses, self.workqueue)):
            node.shutdown()
        else:
            super()._reschedule(node)

    def _only_browses(self, node: WorkerController) -> bool:
        return len(self.nodes) > 2 and node is self.nodes[0] and any(map(_browses, self.registered_collections[node]))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False
    return ByFile(config, log)


KEPT = {"django_content_type", "auth_permission"}
UIDS = {create_permissions: "django.contrib.auth.management.create_permissions"}


def _quick_flush(
    _self: Any, _style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
) -> list[str]:
    """Empty only the tables that hold something: TRUNCATE takes a second for all of them, this takes milliseconds.

    `replica` switches off the append-only triggers and the foreign keys, for these statements and only in tests.
    Content types and permissions are kept: they say which models there are, and are not written anew after each test.
    """
    for made_again in (create_contenttypes, create_permissions):
        post_migrate.disconnect(made_again, dispatch_uid=UIDS.get(made_again))
    if not (emptied := set(tables) - KEPT):
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"(SELECT '{table}' FROM \"{table}\" LIMIT 1)" for table in sorted(emptied)))
        filled = [name for (name,) in cursor.fetchall()]
    deletions = [f'DELETE FROM "{name}"' for name in filled]
    return ["SET LOCAL session_replication_role = replica", *deletions, "SET LOCAL session_replication_role = origin"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The tests' database begins with the tables that were made once for all (`tests.migrated`)."""
    connection.settings_dict["TEST"]["TEMPLATE"] = "breakglass"


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> None:
    DatabaseOperations.sql_flush = _quick_flush  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def no_limits_reached() -> None:
    """The cache counts tries to log in; one test's wrong passwords must not slow down the next one's login."""
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def recursion_as_in_production() -> None:
    """safe-eth-py, which only tests import, raises the limit to 100,000, where deep JSON overflows the C stack."""
    sys.setrecursionlimit(1000)
