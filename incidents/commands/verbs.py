"""The commands of the box: each parses its words and calls the one service that its button calls too."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from incidents.addresses.services import put
from incidents.commands.parsing import first_word, number_in, person_in, promise_in, split, wanted_person
from incidents.incidents import leading, services
from incidents.incidents.calling import answered_by, call
from incidents.incidents.models import Incident
from incidents.incidents.people import named
from incidents.incidents.selectors import visible_incidents
from incidents.links.services import link_incidents, merge
from incidents.roles.services import assign, known_role, release, see
from incidents.todo.services import give, move_task, numbered, open_task
from incidents.updates.services import add_note, add_update, report_can, usual_promise
from integrations.chain.addresses import parse_address
from integrations.chain.models import Chain
from ledger.errors import Invalid, Refused
from runbooks.playbooks.models import Playbook


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answers: words beside the box, or where it leads on to."""

    words: str
    goto: str = ""


Do = Callable[[Incident, User, str], Said]


@dataclass(frozen=True, slots=True)
class Command:
    """`takes` is how its words go; `key` presses its button from anywhere on the page."""

    name: str
    takes: str
    words: str
    level: str
    do: Do
    key: str = ""
    bar: bool = True  # has a button beside the box, and not only one elsewhere

    @property
    def usage(self) -> str:
        return f"/{self.name} {self.takes}".strip()


COMMANDS: dict[str, Command] = {}


def command(
    name: str, takes: str, words: str, *, level: str = "responder", key: str = "", bar: bool = True
) -> Callable[[Do], Do]:
    def register(do: Do) -> Do:
        COMMANDS[name] = Command(name, takes, words, level, do, key, bar)
        return do

    return register


def carry_out(incident: Incident, user: User, line: str) -> Said:
    """One line of the box. Whoever writes here has seen what was given to them here."""
    if not line.strip().startswith("/"):
        raise Invalid("", "A command begins with a slash.", f"to write it down: /note {line.strip()[:60]}")
    name, rest = split(line)
    found = COMMANDS.get(name)
    if found is None:
        raise Invalid("", f"There is no command /{name[:30]}.", " ".join(f"/{known}" for known in COMMANDS))
    if not user.has_level(found.level):
        raise Refused(f"/{name} is for a {found.level} or above.", "ask one of them here", "level")
    answered_by(incident, user)  # before: what is done may end all pages of the incident, and whoever does it has come
    said = found.do(incident, user, rest)
    see(incident=incident, user=user)
    return said


@command("update", "[15m] what everybody should know", "Post an update", key="u")
def update(incident: Incident, user: User, text: str) -> Said:
    gap, given, words = promise_in(text)
    promised = (timezone.now() + gap if gap else None) if given else usual_promise(incident)
    add_update(incident=incident, text=words, actor=user.actor, next_by=promised)
    return Said(f"Posted. The next one is promised by {promised:%H:%M} UTC." if promised else "Posted.")


@command("note", "what is worth remembering", "Write a note", key="n")
def note(incident: Incident, user: User, text: str) -> Said:
    add_note(incident=incident, text=text, actor=user.actor)
    return Said("Noted.")


@command("sev", "1…4 [why]", "Judge the severity", key="s")
def sev(incident: Incident, user: User, text: str) -> Said:
    word, why = first_word(text)
    wanted = f"SEV{word.upper().removeprefix('SEV')}"
    services.change_severity(incident=incident, severity=wanted, actor=user.actor, reason=why[:500])
    return Said(f"It is {wanted}.")


@command("role", "role @person, or role none", "Give a role", key="o")
def role(incident: Incident, user: User, text: str) -> Said:
    if text.split()[-1:] == ["none"]:
        name = known_role(text.rpartition("none")[0])
        release(incident=incident, role=name.value, actor=user.actor)
        return Said(f"Nobody is {name.label.lower()} now.")
    who, words = person_in(text)
    name = known_role(words)
    if who is None:
        raise Invalid("", "Nobody is named.", f"/role {name.value} @{user.username}")
    assign(incident=incident, role=name.value, user=who, actor=user.actor)
    return Said(f"{who.display_name} is {name.label.lower()}.")


@command("task", "what is to be done [@person]", "Open a task", key="t")
def task(incident: Incident, user: User, text: str) -> Said:
    who, words = person_in(text)
    made = open_task(incident=incident, title=words, assignee=who, actor=user.actor)
    return Said(f"Task {made.number}{f' for {who.display_name}' if who else ''}.")


@command("done", "number of a task", "End a task", bar=False)
def done(incident: Incident, user: User, text: str) -> Said:
    number, why = number_in(text, "task")
    move_task(task=numbered(incident, number), to="done", actor=user.actor, reason=why)
    return Said(f"Task {number} is done.")


@command("give", "number of a task @person", "Give a task to somebody", bar=False)
def give_task(incident: Incident, user: User, text: str) -> Said:
    who, words = wanted_person(text)
    number, _ = number_in(words, "task")
    give(task=numbered(incident, number), user=who, actor=user.actor)
    return Said(f"Task {number} is {who.display_name}'s.")


@command("address", "0x… [standing] [chain 1] [label]", "Put an address on the board", key="a")
def address(incident: Incident, user: User, text: str) -> Said:
    place, words = first_word(text)
    place = parse_address(place)
    standing, words = _standing_in(words)
    chain_id, label = _chain_in(words, incident)
    made = put(incident=incident, address=place, chain_id=chain_id, status=standing, label=label, actor=user.actor)
    return Said(f"{made.label or made.address} is on the board: {made.get_status_display().lower()}.")


def _standing_in(text: str) -> tuple[str, str]:
    """`at risk`, `needs-review` … in front; what was not said needs review."""
    plain = text.lower().replace("-", " ").replace("_", " ")
    for standing in ("at risk", "impacted", "paused", "saved", "needs review"):
        if plain == standing or plain.startswith(f"{standing} "):
            return standing, text[len(standing) :].strip()
    return "needs_review", text


def _chain_in(text: str, incident: Incident) -> tuple[int, str]:
    """`chain 10`; else the chain of the protocol's contracts, or the only one that is set up here."""
    word, rest = first_word(text)
    if word.lower() == "chain":
        number, rest = number_in(rest, "chain")
        return number, rest
    known = Chain.objects.exclude(kind="fork").values_list("chain_id", flat=True)
    protocol = incident.protocol
    ours = list(dict.fromkeys(known.filter(pk__in=protocol.contracts.values("chain")))) if protocol else []
    chains = ours or list(known)
    if len(chains) != 1:
        raise Invalid("", "It is not said on which chain.", f"chain {chains[0] if chains else 1} {text}".strip())
    return chains[0], text


@command("funds", "risk|moved|saved 41.2M", "Say what is at stake", key="f")
def funds(incident: Incident, user: User, text: str) -> Said:
    word, rest = first_word(text)
    kind = {"risk": "at_risk", "at-risk": "at_risk"}.get(word.lower(), word.lower())
    if rest.lower().startswith("risk "):
        kind, rest = "at_risk", rest[5:]
    amount, why = first_word(rest)
    held = leading.set_funds(
        incident=incident, kind=kind, amount=leading.read_amount(amount), actor=user.actor, reason=why
    )
    return Said(f"Funds {kind.replace('_', ' ')}: {leading.short_amount(getattr(held, f'funds_{kind}'))}.")


@command("page", "@person|audience [what is wanted]", "Call people here", key="p")
def page(incident: Incident, user: User, text: str) -> Said:
    word, words = first_word(text)
    if not word:
        raise Invalid("", "Nobody is named.", "/page @ben, or /page responders")
    called = call(incident=incident, whom=word, words=words, user=user)
    return Said(f"Called: {called}.")


@command("run", "playbook", "Start a playbook", key="x")
def run(incident: Incident, user: User, text: str) -> Said:
    """Its inputs are looked at before it starts."""
    services.open_only(incident)
    slug, _ = first_word(text)
    found = Playbook.objects.filter(slug=slug.lower().replace("\x00", ""), archived=False).first()
    if found is None:
        raise Invalid("playbook", f"{slug[:60]!r} is not there", "its short name, as the list completes it")
    return Said("", reverse("incidents:start", args=[incident.pk, found.slug]))


@command("can", "conditions | actions | needs", "Report conditions, actions, needs", key="r")
def can(incident: Incident, user: User, text: str) -> Said:
    parts = [part.strip() for part in text.split("|")]
    if len(parts) != 3:
        raise Invalid("", "It has three parts.", "/can conditions | actions | needs")
    report_can(incident=incident, conditions=parts[0], actions=parts[1], needs=parts[2], actor=user.actor)
    return Said("Reported.")


@command("take", "[over]", "Take command", level="commander", bar=False)
def take(incident: Incident, user: User, text: str) -> Said:
    """From somebody who has it only by saying so."""
    services.take_command(incident=incident, user=user, over=None if first_word(text)[0] == "over" else "")
    return Said("You command.")


@command("handover", "@person [how it stands]", "Hand over command", level="commander", key="h")
def handover(incident: Incident, user: User, text: str) -> Said:
    who, words = wanted_person(text)
    leading.offer_command(incident=incident, to=who, note=words, actor=user.actor)
    return Said(f"{who.display_name} is asked to take command; until then nothing changes.")


@command("contain", "[why]", "Mark it contained", level="commander", key="c")
def contain(incident: Incident, user: User, text: str) -> Said:
    return _move(incident, user, "contained", text)


@command("restore", "[why]", "Mark it restored", level="commander", bar=False)
def restore(incident: Incident, user: User, text: str) -> Said:
    return _move(incident, user, "restored", text)


@command("reopen", "[why]", "Make it active again", level="commander", bar=False)
def reopen(incident: Incident, user: User, text: str) -> Said:
    return _move(incident, user, "active", text)


@command("close", "why it is over", "Close it", level="commander")
def close(incident: Incident, user: User, text: str) -> Said:
    return _move(incident, user, "closed", text)


@command("decline", "why it is none", "Decline it", level="commander", bar=False)
def decline(incident: Incident, user: User, text: str) -> Said:
    return _move(incident, user, "declined", text)


def _move(incident: Incident, user: User, to: str, why: str) -> Said:
    services.move(incident=incident, to=to, actor=user.actor, reason=why)
    return Said(f"It is {to}.")


@command("link", "number of another incident", "Link another incident", bar=False)
def link(incident: Incident, user: User, text: str) -> Said:
    other = _other(user, text)
    link_incidents(incident=incident, other=other, actor=user.actor)
    return Said(f"Linked: {other.title}")


@command(
    "merge", "number of the incident that it becomes part of", "Merge it into another", level="commander", bar=False
)
def merge_into(incident: Incident, user: User, text: str) -> Said:
    into = _other(user, text)
    merge(incident=incident, into=into, actor=user.actor)
    return Said("", reverse("incidents:incident", args=[into.pk]))


def _other(user: User, text: str) -> Incident:
    number, _ = number_in(text, "incident")
    found = visible_incidents(user).filter(pk=number).first()
    if found is None:
        raise Invalid("incident", f"{number} is not there", "the number in its address")
    return found


@command("invite", "@person", "Let somebody into a private incident", level="commander", bar=False)
def invite(incident: Incident, user: User, text: str) -> Said:
    who = named(first_word(text)[0])
    if not incident.scope.private:
        raise Refused("It is not private: everybody here sees it.", "", "not-private")
    services.invite(incident=incident, user=who, actor=user.actor)
    return Said(f"{who.display_name} is inside.")


@command("seen", "", "Say that you have seen what was given to you", bar=False)
def seen(incident: Incident, user: User, _text: str) -> Said:
    return Said("Good." if see(incident=incident, user=user) else "Nothing waits for you to be seen.")
