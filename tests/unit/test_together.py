"""One asks, the others wait for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from governance.safes.together import Together

PATIENCE = 30


def asked_by(many: int, together: Together, call: Callable[[], object]) -> "list[Future[Any]]":
    """The first one's call goes on when all the others have joined it."""
    entered, go_on, joined = threading.Event(), threading.Event(), threading.Semaphore(0)

    def slowly() -> None:
        entered.set()
        assert go_on.wait(PATIENCE)
        call()

    with ThreadPoolExecutor(many) as threads:
        asked = [threads.submit(together.do, "safe", slowly)]
        assert entered.wait(PATIENCE)
        (_, first) = together._under_way["safe"]
        ended = first.result
        first.result = lambda: (joined.release(), ended())  # type: ignore[assignment,method-assign,misc,return-value]
        asked += [threads.submit(together.do, "safe", call) for _ in range(many - 1)]
        assert all(joined.acquire(timeout=PATIENCE) for _ in range(many - 1))
        go_on.set()
    return asked


def test_what_is_asked_together_is_asked_once() -> None:
    counted: list[int] = []
    together = Together(lasting=PATIENCE)
    for one in asked_by(5, together, lambda: counted.append(1)):
        one.result()
    assert counted == [1]
    together.do("safe", lambda: counted.append(2))
    assert counted == [1, 2] and not together._under_way


def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    def refused() -> None:
        raise LookupError("no endpoint answers")

    together = Together(lasting=PATIENCE)
    for one in asked_by(3, together, refused):
        with pytest.raises(LookupError, match="no endpoint"):
            one.result()
    together.do("safe", lambda: None)


def test_what_began_long_ago_is_joined_by_nobody() -> None:
    together = Together(lasting=0)
    counted: list[int] = []

    def outer() -> None:
        together.do("safe", lambda: counted.append(1))
        counted.append(2)

    together.do("safe", outer)
    assert counted == [1, 2]
