"""Room on the interpreter's stack, so that no call falls off the end of a page of it.

CPython (3.11 to 3.13, as measured) keeps frames in chunks of 16 KiB: a call that crosses the end of one maps a new
chunk, and its return unmaps it. A loop that happens to stand just below such an edge pays for that at every call, a
hundredfold: reading a hostile playbook took 0.3 s or 17 s depending on how deep the caller stood. A frame that asks
for much stack gets a chunk of its own, and everything called from it lives in what that chunk has left.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# In words, and just over half of the chunk of 8 MiB that it gets: the rest holds frames far beyond the recursion
# limit. Reserved only: memory that no frame touches is never given.
WORDS = 600_000


def with_headroom(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call it from a frame that leaves room for all that it calls. Once per thread of work: some 20 µs."""
    return call(*args, **kwargs)


with_headroom.__code__ = with_headroom.__code__.replace(co_stacksize=WORDS)
