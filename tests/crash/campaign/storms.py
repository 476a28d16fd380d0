"""What befalls the rest of the house while workers are killed: Redis, PostgreSQL, the chain's endpoint, the chain.

Each storm says what it did; only what was really met is counted (an endpoint's hang-up by the proxy's own journal).
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import redis

from integrations.devnet.proxy import HangUp, HttpError, RpcProxy, Rule, Stall
from integrations.devnet.rpc import Rpc
from tests.crash.campaign.lies import Lies
from tests.crash.campaign.stage import FINALITY, answers
from tests.stack import Stack
from tests.workers import children, until

SEND = "eth_sendRawTransaction"
# By the proxy's kind of fault, and whether the node heard of the call.
MET = {
    ("hang_up", True): "the endpoint takes a transaction and hangs up",
    ("hang_up", False): "the endpoint hangs up before it heard",
    ("stall", True): "the endpoint takes a transaction and never answers",
    ("stall", False): "the endpoint never answers",
    ("http_error", False): "a gateway answers 502",
}
# Of a thousand faults, roughly so many of each; the workers' deaths are the rest.
SHARES = {
    "accepts and hangs up": 60,
    "hangs up before": 15,
    "stalls": 6,
    "gateway": 15,
    "reorg": 40,
    "redis flushed": 25,
    "redis killed": 8,
    "postgres process killed": 8,
    "postgres killed": 5,
    "ledger killed": 6,
    "beat killed": 4,
    "watch killed": 6,
    "lies about owners": 20,
    "lies about a threshold": 12,
    "lies about a nonce": 12,
    "lies about an execution": 12,
}
OF_SAFES = (
    "watch killed",
    "lies about owners",
    "lies about a threshold",
    "lies about a nonce",
    "lies about an execution",
)


@dataclass
class Storms:
    stack: Stack
    proxies: Sequence[RpcProxy]  # of the chain's endpoints
    lies: Lies
    rpc: Rpc
    dice: random.Random
    met: Counter[str] = field(default_factory=Counter)
    last: dict[str, float] = field(default_factory=dict)
    seen_until: float = 0.0
    dropped: int = 0

    def plan(self, faults: int) -> list[str]:
        """In which order they come; at least one of each, however small the campaign."""
        shares = {name: share for name, share in SHARES.items() if self.lies.safes or name not in OF_SAFES}
        names = [name for name, share in shares.items() for _ in range(max(1, round(share * faults / 1000)))]
        self.dice.shuffle(names)
        return names

    def strike(self, name: str) -> None:
        STORMS[name](self)

    def look(self) -> None:
        """Notes what the endpoints' callers met since the last look; their journals forget in time.

        A transaction goes to both endpoints, and what befalls it at both is one fault.
        """
        calls = [call for proxy in self.proxies for call in proxy.journal() if call.at > self.seen_until]
        met = {(kind, call.forwarded, str(call.params), round(call.at)) for call in calls for kind in call.faults}
        self.met.update(MET[kind, forwarded] for kind, forwarded, _, _ in met if kind != "rewrite")
        self.met.update(self.lies.met([call.at for call in calls if "rewrite" in call.faults]))
        self.seen_until = max((call.at for call in calls), default=self.seen_until)

    def clear(self) -> None:
        for proxy in self.proxies:
            proxy.clear()

    def _befall(self, rule: Rule) -> None:
        """Both endpoints: with one of them whole nobody would notice."""
        for proxy in self.proxies:
            proxy.add(rule)

    # --- the endpoint

    def hang_up_after(self) -> None:
        self._befall(HangUp(methods=(SEND,), when="after", times=1))

    def hang_up_before(self) -> None:
        self._befall(HangUp(methods=(SEND,), when="before", times=1))

    def stall(self) -> None:
        self._befall(Stall(methods=(SEND,), when="after", seconds=5, times=1))

    def gateway(self) -> None:
        self._befall(HttpError(methods=(), status=502, times=2))

    def reorg(self) -> None:
        """The last blocks are replaced by empty ones, and what was mined in them is nowhere any more."""
        depth, end = self.dice.randint(1, FINALITY - 2), time.monotonic() + 8
        while not (dropped := self._mined_lately(depth)) and time.monotonic() < end:
            time.sleep(0.2)
        self.rpc("anvil_reorg", depth, [])
        self.met["a reorg drops mined transactions" if dropped else "a reorg of empty blocks"] += 1
        self.dropped += dropped

    def _mined_lately(self, depth: int) -> int:
        """Transactions in so many last blocks."""
        head = self.rpc.block_number()
        calls = [
            ("eth_getBlockTransactionCountByNumber", (hex(number),)) for number in range(head - depth + 1, head + 1)
        ]
        return sum(int(count or "0x0", 16) for count in self.rpc.batch(calls))

    # --- the stores

    def redis_flushed(self) -> None:
        with contextlib.suppress(redis.RedisError):
            redis.Redis.from_url(self.stack.runtime["REDIS_URL"]).flushall()
            self.met["Redis flushed"] += 1

    def redis_killed(self) -> None:
        self._kill("redis", "Redis killed")

    def postgres_killed(self) -> None:
        if self._kill("postgres", "PostgreSQL killed: the postmaster"):
            self._database_answers()

    def postgres_process_killed(self) -> None:
        """Any process of the server: the postmaster ends them all and recovers from the log."""
        found = children(self.stack.pid("postgres"))
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.dice.choice(found), signal.SIGKILL)
                self.met["PostgreSQL killed: one of its processes, so all of them"] += 1
            time.sleep(0.3)
            self._database_answers()

    def _database_answers(self) -> None:
        until(answers, "the database does not come back", 90)

    # --- the house's own processes

    def ledger_killed(self) -> None:
        self._kill("ledger", "the ledger's process killed")

    def beat_killed(self) -> None:
        self._kill("beat", "beat killed")

    def watch_killed(self) -> None:
        self._kill("watch", "the chain's watch killed")

    def _kill(self, name: str, what: str) -> bool:
        """`up` starts it again at once if it lived for a while: not twice within that."""
        pid = self.stack.pid(name)
        if not pid or time.monotonic() - self.last.get(name, 0) < 20:
            return False
        self.last[name] = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.met[what] += 1
        time.sleep(0.2)
        return True


STORMS: dict[str, Callable[[Storms], None]] = {
    "accepts and hangs up": Storms.hang_up_after,
    "hangs up before": Storms.hang_up_before,
    "stalls": Storms.stall,
    "gateway": Storms.gateway,
    "reorg": Storms.reorg,
    "redis flushed": Storms.redis_flushed,
    "redis killed": Storms.redis_killed,
    "postgres process killed": Storms.postgres_process_killed,
    "postgres killed": Storms.postgres_killed,
    "ledger killed": Storms.ledger_killed,
    "beat killed": Storms.beat_killed,
    "watch killed": Storms.watch_killed,
    "lies about owners": lambda storms: storms.lies.owners(),
    "lies about a threshold": lambda storms: storms.lies.threshold(),
    "lies about a nonce": lambda storms: storms.lies.nonce(),
    "lies about an execution": lambda storms: storms.lies.failure(),
}
