"""Who is who."""

from collections.abc import Iterable

from django.http import HttpRequest

from accounts.models import ApiToken, User, Wallet


def user_for_wallet(address: str) -> User | None:
    """The active person who proved to hold this address, however its letters are cased."""
    wallet = Wallet.objects.select_related("user").filter(address__iexact=address, user__is_active=True).first()
    return wallet.user if wallet else None


def user_for_actor(actor: str) -> User | None:
    """The person behind `user:12` or `token:ci`; None for monitors and the system."""
    kind, _, name = actor.partition(":")
    if kind == "user" and name.isascii() and name.isdigit() and len(name) < 19:
        return User.objects.filter(pk=int(name)).first()
    if kind == "token":
        token = ApiToken.objects.select_related("user").filter(name=name).first()
        return token.user if token else None
    return None


def actor_name(actor: str) -> str:
    """How an actor is shown to people: a display name for a person, the string itself for everything else."""
    if actor.startswith("user:") and (user := user_for_actor(actor)):
        return user.display_name
    return actor


def actor_names(actors: Iterable[str]) -> dict[str, str]:
    """The same for many at once, with one query."""
    wanted = set(actors)
    numbers = [int(name[5:]) for name in wanted if name.startswith("user:") and name[5:].isdigit()]
    people = {user.actor: user.display_name for user in User.objects.filter(pk__in=numbers)}
    return {actor: people.get(actor, actor) for actor in wanted}


def actor_of(request: HttpRequest) -> str:
    """`token:ci` when a program calls with a token, `user:12` for a person."""
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        return token.actor
    if isinstance(request.user, User):
        return request.user.actor
    raise PermissionError("nobody is signed in")


def people_at(level: str) -> list[User]:
    """Every active person at this level or above, by name; two queries, however many they are."""
    people = User.with_granted(User.objects.filter(is_active=True).order_by("username"))
    return [user for user in people if user.has_level(level)]
