"""What several threads want to know at once is asked once: the others wait for the one who asks, and share its end."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field


@dataclass
class Together:
    """`lasting`: after so many seconds nobody joins any more, since what is found out would be too old for them."""

    lasting: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _under_way: dict[Hashable, tuple[float, "Future[None]"]] = field(default_factory=dict)

    def do(self, what: Hashable, call: Callable[[], object]) -> None:
        """Returns, or raises, once somebody's `call` for the same has ended: ours, or one that had begun lately."""
        mine: Future[None] = Future()
        with self._lock:
            began, theirs = self._under_way.get(what, (0.0, None))
            join = theirs is not None and time.monotonic() - began < self.lasting
            if not join:
                self._under_way[what] = (time.monotonic(), mine)
        if join and theirs is not None:
            theirs.result()
            return
        try:
            call()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(None)
        finally:
            with self._lock:
                if self._under_way.get(what, (0.0, None))[1] is mine:
                    del self._under_way[what]
