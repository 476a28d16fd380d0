"""What can follow in the command box: whole lines to choose from, with a word on each."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import islice

from accounts.models import User
from accounts.selectors import people_at
from incidents.addresses.models import STANDINGS
from incidents.commands.parsing import first_word, split
from incidents.commands.verbs import COMMANDS, Command
from incidents.incidents.board import board_of
from incidents.incidents.forms import MEANING
from incidents.incidents.models import Incident
from incidents.incidents.people import insiders
from incidents.incidents.selectors import open_incidents
from incidents.roles.models import Role
from notify.models import Audience
from runbooks.playbooks.selectors import all_playbooks, suggested

MOST = 8


@dataclass(frozen=True, slots=True)
class Option:
    """The line as it would stand in the box, and what it means."""

    line: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A line under way: its command, what has been written after it, and whose it is."""

    incident: Incident
    user: User
    name: str
    text: str

    @property
    def last(self) -> str:
        """The word that is being written."""
        return self.text.rpartition(" ")[2]

    def with_last(self, word: str, words: str = "") -> Option:
        head = self.text.rpartition(" ")[0]
        return Option(" ".join(part for part in (f"/{self.name}", head, word) if part) + " ", words)

    def with_all(self, text: str, words: str = "") -> Option:
        return Option(f"/{self.name} {text} ", words)


def complete(incident: Incident, user: User, line: str) -> dict[str, object]:
    """`usage` of the command that is being written, and at most eight ways to go on."""
    if not line.startswith("/"):
        return {"usage": "", "options": []}
    if " " not in line:
        found = [Option(f"{one.usage.split()[0]} ", f"{one.words}: {one.usage}") for one in _named(user, line[1:])]
        return {"usage": "", "options": [asdict(option) for option in found[: len(COMMANDS)]]}
    name, _ = split(line)
    command = COMMANDS.get(name)
    if command is None or not user.has_level(command.level):
        return {"usage": "", "options": []}
    asked = Asked(incident, user, name, line.partition(" ")[2].lstrip())
    options = _people(asked) if asked.last.startswith("@") else ARGUMENTS.get(name, _nothing)(asked)
    return {"usage": command.usage, "options": [asdict(option) for option in islice(options, MOST)]}


def _named(user: User, part: str) -> list[Command]:
    return [one for one in COMMANDS.values() if one.name.startswith(part.lower()) and user.has_level(one.level)]


def _nothing(_asked: Asked) -> Iterable[Option]:
    return ()


def _people(asked: Asked) -> Iterable[Option]:
    part = asked.last.removeprefix("@").lower()
    level = "commander" if asked.name == "handover" else "responder"
    people = people_at(level) if asked.name == "invite" else insiders(asked.incident.scope, level)
    for one in people:
        if one.username.lower().startswith(part) or one.display_name.lower().startswith(part):
            yield asked.with_last(f"@{one.username}", one.display_name)


def _severities(asked: Asked) -> Iterable[Option]:
    if " " not in asked.text:
        yield from (asked.with_all(name[3:], MEANING[name]) for name in MEANING if name[3:].startswith(asked.text))


def _roles(asked: Asked) -> Iterable[Option]:
    if " " in asked.text:
        return
    holders = dict(board_of(asked.incident).roles)
    for role in Role:
        if role.value.startswith(asked.text.lower()):
            now = holders[role]
            yield Option(f"/role {role.value} @", f"{role.label}: {now.user.display_name if now else 'nobody'}")


def _promises(asked: Asked) -> Iterable[Option]:
    if not asked.text:
        yield from (asked.with_all(gap, f"the next one is promised within {gap}") for gap in ("15m", "30m", "1h"))
        yield asked.with_all("none", "nothing is promised")


def _playbooks(asked: Asked) -> Iterable[Option]:
    fitting = suggested(asked.incident.failure_mode) if asked.incident.failure_mode else []
    others = [book for book in all_playbooks() if book not in fitting]
    for book in (*fitting, *others):
        if asked.text.lower() in f"{book.slug} {book.title}".lower():
            yield asked.with_all(book.slug, book.title)


def _callable(asked: Asked) -> Iterable[Option]:
    if " " in asked.text:
        return
    for audience in Audience.objects.filter(kind=Audience.Kind.INSIDE).order_by("slug"):
        if audience.slug.startswith(asked.text.lower()):
            yield asked.with_all(audience.slug, audience.purpose or audience.name)


def _addresses(asked: Asked) -> Iterable[Option]:
    """First the contracts of the protocol, by name or address; then how it stands."""
    place, rest = first_word(asked.text)
    if " " in asked.text:
        for standing in STANDINGS:
            shown = standing.replace("_", "-")
            if shown.startswith(rest.lower()):
                yield asked.with_all(f"{place} {shown}", standing.replace("_", " "))
        return
    protocol = asked.incident.protocol
    for contract in protocol.contracts.order_by("name") if protocol else ():
        if place.lower() in f"{contract.name} {contract.address}".lower():
            yield asked.with_all(contract.address, contract.name)


def _funds(asked: Asked) -> Iterable[Option]:
    board = board_of(asked.incident)
    for fund in board.funds:
        word = fund.kind.removeprefix("at_")
        if fund.proposed is not None and word.startswith(asked.text.partition(" ")[0]):
            yield asked.with_all(f"{word} {fund.proposed}", f"as a monitor reads it: {fund.offered}")
        if word.startswith(asked.text):
            yield asked.with_all(word, f"funds {fund.name}: {fund.shown}")


def _tasks(asked: Asked) -> Iterable[Option]:
    for task in board_of(asked.incident).open_tasks:
        if str(task.number).startswith(asked.text.removeprefix("#")):
            yield asked.with_all(str(task.number), task.title)


def _incidents(asked: Asked) -> Iterable[Option]:
    for one in open_incidents(asked.user).exclude(pk=asked.incident.pk):
        if asked.text.lower() in f"{one.pk} {one.title}".lower():
            yield asked.with_all(str(one.pk), one.title)


ARGUMENTS: dict[str, Callable[[Asked], Iterable[Option]]] = {
    "sev": _severities,
    "role": _roles,
    "update": _promises,
    "run": _playbooks,
    "page": _callable,
    "address": _addresses,
    "funds": _funds,
    "done": _tasks,
    "give": _tasks,
    "link": _incidents,
    "merge": _incidents,
}
