"""The campaign's playbooks, and what each of them must have done in the end: exactly that, each once.

They are written as data and stored as JSON, which is YAML too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Step = dict[str, Any]
PATIENT = {"retry": {"attempts": 20, "delay": "3s"}, "timeout": "30m"}


@dataclass(frozen=True, slots=True)
class Book:
    """`chain` names the numbers that it is given; the `undone` ones among them must not be counted. `sink`: its deeds
    outside. `ends`: the run's status. `answers`: further inputs."""

    slug: str
    steps: list[Step]
    sink: tuple[str, ...]
    chain: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    ends: str = "done"
    last: list[Step] = field(default_factory=list)
    answers: Mapping[str, str] = field(default_factory=dict)

    @property
    def done_on_chain(self) -> tuple[str, ...]:
        return tuple(name for name in self.chain if name not in self.undone)

    def yaml(self, sink: str) -> str:
        inputs = {"number": {"type": "text", "title": "Number"}, "tally": {"type": "contract", "title": "Tally"}}
        document = {
            "playbook": f"campaign-{self.slug}",
            "title": f"Campaign {self.slug}",
            "summary": "What a run of the campaign does, for the judge to count.",
            "inputs": inputs
            | {name: {"type": "uint256", "title": "Number"} for name in self.chain}
            | {name: {"type": "text", "title": "Answer"} for name in self.answers},
            "steps": self.steps,
            **({"finally": self.last} if self.last else {}),
        }
        return json.dumps(document, indent=1).replace("SINK", sink)


def tell(step: str, deed: str, **more: Any) -> Step:
    subject = "Deed ${{ inputs.number }}-" + deed
    return {"id": step, "notify": {"audience": "campaign", "subject": subject, "text": "It is done."}, **more}


def call(step: str, deed: str, repeat: str = "safe", **more: Any) -> Step:
    """Asks the sink. `never`: a lost answer is a person's to judge."""
    return {"id": step, "http": _request(deed, repeat), **PATIENT, **more}


def _request(deed: str, repeat: str = "safe") -> Step:
    name = "${{ inputs.number }}-" + deed
    return {"method": "POST", "url": f"SINK/deeds/{name}", "body": {"deed": name}, "repeat": repeat, "within": "5s"}


def send(step: str, key: str, executor: int, **more: Any) -> Step:
    return {"id": step, "send": _transaction(key, executor), **PATIENT, **more}


def _transaction(key: str, executor: int) -> Step:
    args = ["${{ inputs." + key + " }}"]
    return {"executor": f"executor {executor}", "on": "${{ inputs.tally }}", "call": "count(uint256)", "args": args}


def _counts(key: str, that: str = "times == 1") -> Step:
    args = ["${{ inputs." + key + " }}"]
    read = {"on": "${{ inputs.tally }}", "call": "counts(uint256) returns (uint256)", "args": args}
    return {"reads": {"times": read}, "that": that}


def look(step: str, key: str, that: str = "times == 1", **more: Any) -> Step:
    """Holds once the chain has counted it."""
    return {"id": step, "check": _counts(key, that), **PATIENT, **more}


def wait(step: str, seconds: int, **more: Any) -> Step:
    return {"id": step, "wait": {"duration": f"{seconds}s"}, **more}


_ALL = (
    Book(
        "plain",
        [
            tell("begun", "begun"),
            wait("left", 1, needs=["begun"]),
            wait("right", 2, needs=["begun"]),
            wait("both", 0, needs=["left", "right"]),
            send("send", "key", 0),
            look("seen", "key"),
            call("call", "called"),
            tell("over", "over"),
        ],
        sink=("begun", "called", "over"),
        chain=("key",),
    ),
    Book(
        "wide",
        [
            {
                "id": "all",
                "parallel": {
                    "steps": [
                        send("one", "first", 1, after=_counts("first")),
                        send("two", "second", 2),
                        call("three", "third"),
                        tell("four", "fourth"),
                    ]
                },
            },
            look("sure", "second"),
            call("over", "over"),
        ],
        sink=("third", "fourth", "over"),
        chain=("first", "second"),
    ),
    Book(  # an answer that is lost is a person's to judge
        "once",
        [
            call("call", "called", "never"),
            send("send", "key", 3),
            call("again", "again", "never"),
            look("seen", "key"),
            tell("over", "over"),
        ],
        sink=("called", "again", "over"),
        chain=("key",),
    ),
    Book(  # the last step cannot succeed: what was done is undone in reverse
        "back",
        [
            send("send", "key", 0, rollback={"send": _transaction("back", 1), **PATIENT}),
            call("call", "called", rollback={"http": _request("called_back"), **PATIENT}),
            look("never", "key", "times == 99", retry={"attempts": 2, "delay": "1s"}, on_failure="rollback"),
            call("not_reached", "not_reached"),
        ],
        sink=("called", "called_back", "over"),
        chain=("key", "back"),
        ends="rolled_back",
        last=[tell("over", "over")],
    ),
    Book(  # one way of two, under a lock that all runs of this kind want, and a failure that is gone around
        "guarded",
        [
            look("seen", "key", "times == 99", retry={"attempts": 1, "delay": "1s"}, on_failure="way"),
            call("left_out", "left_out"),
            {
                "id": "way",
                "if": {
                    "that": "inputs.way == 'left'",
                    "then": [call("left", "left", lock="${{ inputs.tally }}")],
                    "else": [call("right", "right")],
                },
            },
            send("send", "key", 2, **{"if": "steps.left.status == 'done'"}),
            tell("told", "told", **{"if": "steps.right.status == 'done'"}),
        ],
        sink=("left", "over"),
        chain=("key",),
        answers={"way": "left"},
        last=[call("over", "over")],
    ),
)
BOOKS = {book.slug: book for book in _ALL}
