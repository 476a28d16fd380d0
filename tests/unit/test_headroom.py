"""No depth of stack is a hundred times slower than another (config/headroom.py)."""

import resource
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.headroom import with_headroom

CALLS, DEEPEST = 500, 400


def _leaf(first: int, second: int) -> int:
    return first + second


def _loop() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for number in range(CALLS):
        _leaf(number, number)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def _down(levels: int) -> int:
    return _loop() if levels == 0 else _down(levels - 1)


def _worst() -> int:
    _down(DEEPEST)  # touches what is there
    return max(_down(levels) for levels in range(DEEPEST))


def test_no_depth_of_stack_pays_for_each_call() -> None:
    with ThreadPoolExecutor(1) as other:  # a stack of its own: this one has headroom already
        assert other.submit(with_headroom, _worst).result(30) < CALLS / 10


def test_it_hands_on_arguments_answers_and_exceptions() -> None:
    assert with_headroom(_leaf, 1, second=2) == 3
    with pytest.raises(ZeroDivisionError):
        with_headroom(lambda: 1 // 0)
    assert with_headroom(with_headroom, _leaf, 3, 4) == 7
