"""Reading settings from the environment: NAME, or the file that NAME_FILE names, or the running demo's runtime.env."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class MissingSetting(ImproperlyConfigured):
    """A setting without which nothing may start; its text is the one line that the operator sees."""


class Sources(Mapping[str, str]):
    """The process's environment before the fallback; in each, a file named by NAME_FILE before NAME itself."""

    def __init__(self, *sources: Mapping[str, str]) -> None:
        self.sources = sources

    def __getitem__(self, key: str) -> str:
        for source in self.sources:
            path = source.get(f"{key}_FILE")
            if path:
                try:
                    return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
                except (OSError, UnicodeDecodeError) as error:
                    why = getattr(error, "strerror", None) or "not text"
                    raise MissingSetting(f"{key}_FILE names {path}, which cannot be read: {why}") from error
            if key in source:
                return source[key]
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter({key for source in self.sources for key in source})

    def __len__(self) -> int:
        return len(set(self))


class Environment(environ.Env):  # type: ignore[misc]  # django-environ has no types
    """django-environ over `Sources`, whose complaint names the variable and what to do."""

    def __init__(self, *sources: Mapping[str, str]) -> None:
        super().__init__()
        self.ENVIRON = Sources(*sources)

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        try:
            return super().get_value(var, cast=cast, default=default, parse_default=parse_default)
        except MissingSetting:
            raise
        except ImproperlyConfigured as error:
            raise MissingSetting(f"{var} is not set: give {var}, or {var}_FILE with the path of a file") from error
        except (ValueError, TypeError) as error:
            raise MissingSetting(f"{var} does not hold what it should: {cast.__name__ if cast else 'text'}") from error

    def required(self, name: str) -> str:
        """A value that must be there and say something."""
        value: str = self.str(name)
        if not value.strip():
            raise MissingSetting(f"{name} is empty: give {name}, or {name}_FILE with the path of a file")
        return value


def read_runtime(path: Path) -> dict[str, str]:
    """What `manage.py up` wrote about the running demo, so that a bare `manage.py x` in another shell finds it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def write_runtime(path: Path, values: Mapping[str, str]) -> None:
    """Whole or not at all, and for nobody else's eyes: it holds the demo's keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write("# written by manage.py up\n")
        out.writelines(f"{name}={value}\n" for name, value in sorted(values.items()))
    fresh.replace(path)
