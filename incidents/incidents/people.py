"""People of an incident: who may see it, and who is meant by a name."""

from collections.abc import Iterable

from accounts.models import User
from accounts.selectors import people_at
from incidents.incidents.models import Incident
from ledger.access import ScopeGate
from ledger.errors import Invalid, Refused
from ledger.models import Scope


def named(name: str, field: str = "user") -> User:
    """`@ben`, `ben` or `user:12`, whoever is active."""
    plain = name.strip().removeprefix("@")
    if not plain:
        raise Invalid(field, "is empty", "a person, such as @ben")
    people = User.objects.filter(is_active=True)
    number = plain.removeprefix("user:")
    if plain != number and number.isascii() and number.isdigit() and len(number) < 19:
        found = people.filter(pk=int(number)).first()
    else:
        found = people.filter(username__iexact=plain.replace("\x00", "")[:150]).first()
    if found is None:
        raise Invalid(field, f"@{plain[:40]} is nobody here", "the name that they log in with")
    return found


def must_see(incident: Incident, user: User) -> None:
    """Nobody is given work in a private incident that they cannot look at."""
    if not ScopeGate(incident.scope_id).lets(user):
        raise Refused(
            f"{user.display_name} cannot see this private incident.", "let them in first: /invite", "not-inside"
        )


def must_help(incident: Incident, user: User) -> None:
    """Whoever is to do something here must be allowed to do anything here."""
    must_see(incident, user)
    if not user.has_level("responder"):
        raise Refused(f"{user.display_name} may only read.", "somebody who is a responder or above", "not-a-responder")


def insiders(scope: Scope, level: str) -> list[User]:
    """Those of a level or above who may see what hangs on this scope."""
    return seeing(scope, people_at(level))


def seeing(scope: Scope, people: Iterable[User]) -> list[User]:
    gate = ScopeGate(scope.pk)
    return [user for user in people if gate.lets(user)]
