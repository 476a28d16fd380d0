"""What can go wrong between us and a node: one small model each, the same from Python and over the control endpoint."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

Call = dict[str, Any]
"""One JSON-RPC request object."""


class _Rule(BaseModel):
    """When a rule applies: to these methods (none named: to all), to calls where these paths hold these values,
    after letting the first `skip` pass, `times` times (None: until cleared)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = ()
    where: dict[str, JsonValue] = {}
    skip: int = Field(default=0, ge=0)
    times: int | None = Field(default=None, ge=1)

    def concerns(self, call: Call) -> bool:
        if self.methods and call.get("method") not in self.methods:
            return False
        return all(_same(at(call, path), value) for path, value in self.where.items())


class Latency(_Rule):
    """The answer comes late."""

    kind: Literal["latency"] = "latency"
    seconds: float = Field(ge=0, le=600)


class HangUp(_Rule):
    """The connection is cut: before the node hears of the call, or after it has done what was asked."""

    kind: Literal["hang_up"] = "hang_up"
    when: Literal["before", "after"] = "before"


class Stall(_Rule):
    """The node does (or, with "before", never hears) what was asked, and no answer ever comes."""

    kind: Literal["stall"] = "stall"
    when: Literal["before", "after"] = "after"
    seconds: float = Field(default=600, ge=0, le=600)


class HttpError(_Rule):
    """A gateway in between answers with an HTTP status and no JSON."""

    kind: Literal["http_error"] = "http_error"
    status: int = Field(default=500, ge=400, le=599)
    body: str = "upstream error"


class RateLimit(_Rule):
    """More than `limit` calls in `window` seconds get 429, as a hosted endpoint does."""

    kind: Literal["rate_limit"] = "rate_limit"
    limit: int = Field(ge=0)
    window: float = Field(default=1.0, gt=0, le=600)


class Error(_Rule):
    """A JSON-RPC error instead of the answer; with `forward` the node does what was asked all the same."""

    kind: Literal["error"] = "error"
    code: int = -32000
    message: str
    data: JsonValue = None
    forward: bool = False


class Rewrite(_Rule):
    """A lie: the answer with the value at `path` (such as `result` or `result.0.data`) replaced."""

    kind: Literal["rewrite"] = "rewrite"
    path: str = Field(pattern=r"^result(\.[A-Za-z0-9_]+)*$")
    value: JsonValue


class Lag(_Rule):
    """The node is `blocks` behind: it answers as it would have then, and knows nothing later."""

    kind: Literal["lag"] = "lag"
    blocks: int = Field(ge=1)


class Split(_Rule):
    """These calls go to another node, which may be on another branch of the chain."""

    kind: Literal["split"] = "split"
    upstream: str = Field(pattern=r"^http://(127\.0\.0\.1|localhost|\[::1\]):\d+/?$")


class Garbage(_Rule):
    """HTTP 200 with a body that is no JSON."""

    kind: Literal["garbage"] = "garbage"
    body: str = "<html><body>Please enable JavaScript</body></html>"


class Truncate(_Rule):
    """The true answer, cut short, under a Content-Length that says it is whole."""

    kind: Literal["truncate"] = "truncate"
    keep: float = Field(default=0.5, ge=0, lt=1)


Rule = Annotated[
    Latency | HangUp | Stall | HttpError | RateLimit | Error | Rewrite | Lag | Split | Garbage | Truncate,
    Field(discriminator="kind"),
]
RULE: TypeAdapter[Rule] = TypeAdapter(Rule)

SEND = ("eth_sendRawTransaction",)


def already_known(*, forward: bool = True, times: int | None = None) -> Error:
    """What a node says of bytes that it has; by default it then truly has them."""
    return Error(methods=SEND, message="already known", forward=forward, times=times)


def nonce_too_low(*, times: int | None = None) -> Error:
    return Error(methods=SEND, message="nonce too low", times=times)


def at(value: Any, path: str) -> Any:
    """The value at a dotted path; None where there is nothing."""
    for part in path.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


def put(value: Any, path: str, new: Any) -> bool:
    """Replaces what is at a dotted path; says whether the place was there."""
    *parents, last = path.split(".")
    holder = at(value, ".".join(parents)) if parents else value
    if isinstance(holder, list) and last.isdigit() and int(last) < len(holder):
        holder[int(last)] = new
        return True
    if isinstance(holder, dict):
        holder[last] = new
        return True
    return False


def _same(found: Any, wanted: Any) -> bool:
    """Hex is written in either letter case."""
    if isinstance(found, str) and isinstance(wanted, str):
        return found.lower() == wanted.lower()
    return bool(found == wanted)
