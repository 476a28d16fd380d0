"""Closed families of plugins: one file holds one class with its pydantic `Config`; a decorator registers it.

A member of the family "channel" lives in a package called `channels` of any room; `discover_and_freeze` imports them
all once the last app is ready, and from then on nothing can be added. The config model renders the form, the OpenAPI
schema and the mask of secrets.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from django.apps import apps
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from ledger.errors import Invalid


class Config(BaseModel):
    """What a member can be told. Unknown keys are refused; a `SecretStr` is masked wherever it is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Member:
    """One plugin. Subclasses say how they are called and what they can be told."""

    name: ClassVar[str]
    label: ClassVar[str]
    Config: ClassVar[type[BaseModel]] = Config


M = TypeVar("M", bound=Member)


class Family(Generic[M]):
    """A closed registry of members that share a base class."""

    all: ClassVar[dict[str, "Family[Any]"]] = {}

    def __init__(self, name: str, base: type[M], packages: tuple[str, ...] = ()) -> None:
        self.name, self.base, self.packages = name, base, packages
        self.plural = name + "s"
        self._members: dict[str, type[M]] = {}
        self._frozen = False
        Family.all[name] = self

    def register(self, name: str) -> Callable[[type[M]], type[M]]:
        def add(member: type[M]) -> type[M]:
            if self._frozen:
                raise RuntimeError(f"{self.plural} are closed; {name} came too late")
            if name in self._members:
                raise RuntimeError(f"two {self.plural} are called {name}")
            if not issubclass(member, self.base):
                raise TypeError(f"{member.__name__} is not a {self.base.__name__}")
            member.name = name
            self._members[name] = member
            return member

        return add

    def __getitem__(self, name: str) -> type[M]:
        try:
            return self._members[name]
        except KeyError:
            known = ", ".join(sorted(self._members))
            raise Invalid(self.name, f"there is no {self.name} called {name!r}", f"one of: {known}") from None

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._members))

    def items(self) -> list[tuple[str, type[M]]]:
        return sorted(self._members.items())

    def choices(self) -> list[tuple[str, str]]:
        return [(name, member.label) for name, member in self.items()]

    def parse(self, name: str, config: Mapping[str, Any], field: str = "config") -> BaseModel:
        """The member's config, checked; the first fault as a field error that says what would be right."""
        try:
            return self[name].Config.model_validate(config)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in (field, *first["loc"]))
            raise Invalid(where, first["msg"].removeprefix("Value error, "), _hint(self[name].Config)) from None

    def freeze(self) -> None:
        self._frozen = True

    def discover(self) -> None:
        for package in (*self.packages, *(f"{app.name}.{self.plural}" for app in apps.get_app_configs())):
            for module in _modules(package):
                importlib.import_module(module)


def _hint(model: type[BaseModel]) -> str:
    return "fields: " + ", ".join(
        name + ("" if field.is_required() else " (optional)") for name, field in model.model_fields.items()
    )


def _modules(package: str) -> list[str]:
    try:
        found = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name and (package == error.name or package.startswith(error.name + ".")):
            return []
        raise
    return [f"{package}.{info.name}" for info in pkgutil.iter_modules(getattr(found, "__path__", ()))]


def masked(config: BaseModel) -> dict[str, Any]:
    """A config as it may be shown: secrets as dots."""
    return {
        name: "••••••" if isinstance(value, SecretStr) and value.get_secret_value() else value
        for name, value in ((name, getattr(config, name)) for name in type(config).model_fields)
    }


def unmasked(config: BaseModel) -> dict[str, Any]:
    """A config as it is stored, encrypted by the caller."""
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in ((name, getattr(config, name)) for name in type(config).model_fields)
    }


def discover_and_freeze() -> None:
    """Called once, by the last app to become ready."""
    for family in list(Family.all.values()):
        family.discover()
    for family in Family.all.values():
        family.freeze()
