"""HTTP requests as steps write them: where to, with which secrets, and which typed values the answer must hold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from integrations.expressions import is_template
from integrations.json_values import PATH, pick, typed
from integrations.outgoing import OWN_HEADERS, Answer, OutgoingError, header_fault, read_url, request
from integrations.secrets.hosts import why_not
from ledger.errors import Refused
from runbooks.plans.later import is_marked, settle
from runbooks.playbooks.durations import Duration
from runbooks.steps import Again, Failed, Output, StepConfig, Whole

NAME = r"^[a-z][a-z0-9_]{0,30}$"
KEY = "Idempotency-Key"
HOUSE_NAMES = ("code", "status", "choices", "values", "proposal", "transaction", "message")
"""By these the house finds its own rows in a step's output: no answer from outside may stand there."""


def an_address(text: str) -> str:
    """Which host is asked must be known when the plan is approved; what follows may be filled in later."""
    if not text.startswith(("https://", "http://", "${{")):
        raise ValueError("an address begins with https://")
    host = text.split("://", 1)[-1].split("/", 1)[0]
    if is_marked(host):
        raise ValueError("the host must be known when the plan is made; only what follows its `/` may come from a step")
    if "@" in host:
        raise ValueError("an address holds no user and no password: put a secret into a header")
    return text


class SecretName(StepConfig):
    """What `${{ secrets.name }}` becomes: the value is looked up when the request is made, and stands in no plan."""

    secret: str = Field(alias="$secret", pattern=r"^[a-z][a-z0-9_]{0,60}$")


class Extract(StepConfig):
    """One value of a JSON answer, with its type and bounds. Later steps use it as `steps.<id>.<name>`."""

    path: Annotated[str, StringConstraints(pattern=f"^({PATH.pattern})$", max_length=300)]
    type: Literal["uint256", "int256", "address", "bytes32", "bool", "text"]
    decimals: Whole = Field(default=0, ge=0, le=36)
    minimum: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,78}$")] | None = None
    maximum: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,78}$")] | None = None
    one_of: tuple[str, ...] = Field(default=(), max_length=50)
    max_length: Whole = Field(default=500, ge=1, le=4_000)

    @model_validator(mode="after")
    def _fits(self) -> "Extract":
        numeric = self.type in ("uint256", "int256")
        if (self.decimals or self.minimum is not None or self.maximum is not None) and not numeric:
            raise ValueError("`decimals`, `minimum` and `maximum` belong to uint256 and int256")
        return self

    @property
    def output(self) -> Output:
        low, high = (None if bound is None else int(bound) for bound in (self.minimum, self.maximum))
        longest = self.max_length if self.type == "text" else None
        return Output(self.type, one_of=self.one_of, minimum=low, maximum=high, max_length=longest)

    def value_in(self, document: Any, name: str) -> str | bool:
        """The value within its bounds, or ValueError with what was wrong with it."""
        try:
            value = typed(pick(document, self.path), self.type, decimals=self.decimals, max_length=self.max_length)
        except ValueError as error:
            raise ValueError(f"{name} (`{self.path}`): {error}") from None
        if self.minimum is not None and int(value) < int(self.minimum):
            raise ValueError(f"{name} is {value}, below {self.minimum}")
        if self.maximum is not None and int(value) > int(self.maximum):
            raise ValueError(f"{name} is {value}, above {self.maximum}")
        if self.one_of and str(value) not in self.one_of:
            raise ValueError(f"{name} is none of {', '.join(self.one_of)}")
        return value


class Request(StepConfig):
    """What every request says, whether it is a step of its own or a check's question."""

    url: Annotated[str, AfterValidator(an_address), Field(max_length=2_000)]
    headers: dict[str, str | SecretName] = Field(default_factory=dict, max_length=20)
    status: Whole | list[Whole] | None = None
    extract: dict[Annotated[str, Field(pattern=NAME)], Extract] = Field(default_factory=dict, max_length=20)
    within: Duration = 10

    @model_validator(mode="after")
    def _can_be_sent(self) -> "Request":
        if not 1 <= self.within <= 60:
            raise ValueError("`within` is from 1s to 60s")
        if any(not 100 <= code <= 599 for code in self.statuses):
            raise ValueError("a `status` is a number such as 200")
        own = sorted({KEY.lower(), *OWN_HEADERS} & {name.lower() for name in self.headers})
        if own:
            raise ValueError(f"the header {own[0]} is set by the step itself")
        for name, value in self.headers.items():
            known = isinstance(value, str) and not is_template(value) and not is_marked(value)
            if fault := header_fault(name, str(value) if known else ""):
                raise ValueError(fault)
        return self

    @property
    def statuses(self) -> list[int]:
        return [self.status] if isinstance(self.status, int) else list(self.status or [])

    def resolved(self) -> dict[str, Any]:
        """As it stands in a plan: secrets by their names."""
        return {
            "url": self.url,
            "headers": {
                name: {"$secret": value.secret} if isinstance(value, SecretName) else value
                for name, value in sorted(self.headers.items())
            },
            "status": self.statuses,
            "extract": {name: one.model_dump(mode="json") for name, one in sorted(self.extract.items())},
            "within": self.within,
        }

    def outputs(self) -> dict[str, Output]:
        return {"code": Output("uint256", minimum=100, maximum=599)} | {
            name: one.output for name, one in self.extract.items()
        }


def must_go(params: Mapping[str, Any], secrets: Mapping[str, Sequence[str]] | None) -> None:
    """ValueError when a request that is being planned would carry a secret to where it may not be sent."""
    for name in sorted(set(_secrets_in(settle([params["headers"], params.get("body")])))):
        if secrets is None:
            return
        if name not in secrets:
            raise ValueError(f"no secret is called {name}")
        try:
            refused = why_not(name, secrets[name], params["url"])
        except OutgoingError as error:
            raise ValueError(error.message) from None
        if refused:
            raise ValueError(refused)


def opened(value: Any, *, to: str) -> Any:
    """With every `{"$secret": name}` replaced by what it stands for, on its way to the address `to`.

    Refused when nothing stands under a name, or when it may not be sent there.
    """
    from integrations.secrets.services import open_secret

    if isinstance(value, Mapping):
        if set(value) == {"$secret"}:
            return open_secret(str(value["$secret"]), to=to)
        return {name: opened(item, to=to) for name, item in value.items()}
    return [opened(item, to=to) for item in value] if isinstance(value, list) else value


def cannot_be_sent(spec: Mapping[str, Any]) -> str:
    """What a rehearsal can tell without sending anything: an address that is none, a secret that is not
    set or may not be sent there."""
    from integrations.secrets.models import Secret

    try:
        read_url(spec["url"])
    except OutgoingError as error:
        return error.message
    wanted = set(_secrets_in([spec["headers"], spec.get("body")]))
    known = dict(Secret.objects.filter(name__in=wanted).values_list("name", "hosts"))
    if missing := sorted(wanted - set(known)):
        return f"there is no secret called {', '.join(missing)}; an admin sets it"
    return "; ".join(filter(None, (why_not(name, known[name], spec["url"]) for name in sorted(known))))


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if set(value) == {"$secret"}:
            yield str(value["$secret"])
        for item in value.values():
            yield from _secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets_in(item)


def expected(spec: Mapping[str, Any], status: int) -> bool:
    return status in spec["status"] if spec["status"] else 200 <= status < 300


def unexpected(spec: Mapping[str, Any], answer: Answer) -> str:
    """What it answered instead, with the beginning of its words: often the only clue at 03:00."""
    from integrations.secrets.scrubbing import scrub

    wanted = f", not {' or '.join(map(str, spec['status']))}" if spec["status"] else ""
    words = " ".join(answer.body[:2_000].decode("utf-8", "replace").split())
    readable = "".join(char for char in scrub(words) if char.isprintable())[:200]
    where = f" to {scrub(answer.headers['location'])[:200]}" if "location" in answer.headers else ""
    return f"answered {answer.status}{wanted}{where}" + (f": {readable}" if readable else "")


def values_in(spec: Mapping[str, Any], answer: Answer) -> dict[str, str | bool]:
    """The HTTP status and every value that was asked for; ValueError or OutgoingError says what was wrong."""
    from integrations.secrets.scrubbing import scrub

    document = answer.json() if spec["extract"] else None
    found = {name: Extract(**one).value_in(document, name) for name, one in spec["extract"].items()}
    clean = {name: scrub(value) if isinstance(value, str) else value for name, value in found.items()}
    return {"code": str(answer.status), **clean}


def fetched(spec: Mapping[str, Any]) -> dict[str, str | bool] | Failed | Again:
    """Ask once; the values, or why there are none now."""
    place = f"GET {spec['url']}"
    try:
        headers = {"Accept": "application/json", **opened(spec["headers"], to=spec["url"])}
        answer = request("GET", spec["url"], headers=headers, timeout=spec["within"])
        if not expected(spec, answer.status):
            return Again(reason=f"{place} {unexpected(spec, answer)}")
        return values_in(spec, answer)
    except Refused as error:
        return Failed(reason=error.message)
    except OutgoingError as error:
        return Failed(reason=error.message) if error.permanent and not error.received else Again(reason=error.message)
    except ValueError as error:
        return Again(reason=f"{place} answered, but {error}")
