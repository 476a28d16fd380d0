"""Reading settings from the environment: NAME, or the file that NAME_FILE names, or the running demo's runtime.env."""

import base64
import binascii
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class MissingSetting(ImproperlyConfigured):
    """A setting that is not there, or is none; its text is the one line that the operator sees."""


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
        if cast is bool and str(self.ENVIRON.get(var, "")).strip().lower() not in _TRUE_OR_FALSE:
            raise MissingSetting(f"{var} does not hold what it should: true or false")
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

    def database(self, url: str, *, postgres: bool) -> dict[str, Any]:
        """The parts of DATABASE_URL; never in the complaint, since it holds a password."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it would print all of it
                found: dict[str, Any] = self.db_url_config(url)
        except (ValueError, KeyError, TypeError, ImproperlyConfigured) as error:
            raise MissingSetting(_NO_DATABASE) from error
        engine = str(found.get("ENGINE") or "")
        if not engine or not found.get("NAME") or (postgres and not engine.endswith("postgresql")):
            raise MissingSetting(_NO_DATABASE)
        return found

    def field_keys(self, text: str) -> list[str]:
        """Fernet keys, separated by commas."""
        keys = [key.strip() for key in text.split(",") if key.strip()]
        if not keys or not all(_is_fernet_key(key) for key in keys):
            wanted = "each is 32 bytes in url-safe base64, as cryptography's Fernet.generate_key() makes them"
            raise MissingSetting(f"FIELD_KEYS does not hold what it should: {wanted}")
        return keys

    def numbers(self, name: str) -> list[int]:
        """Whole numbers, separated by commas."""
        parts = [part.strip() for part in self.str(name, "").split(",") if part.strip()]
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise MissingSetting(f"{name} does not hold what it should: whole numbers, separated by commas")
        return [int(part) for part in parts]

    def log_level(self) -> str:
        level: str = self.str("LOG_LEVEL", "INFO").upper()
        if level not in logging.getLevelNamesMapping():
            raise MissingSetting(f"LOG_LEVEL is {level[:20]!r}: it must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return level

    def address(self, name: str, text: str, *schemes: str) -> str:
        """An address that begins as it must; never in the complaint, since it may hold a password."""
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise MissingSetting(f"{name} must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text


_TRUE_OR_FALSE = (*environ.Env.BOOLEAN_TRUE_STRINGS, "false", "off", "n", "no", "0", "")
_NO_DATABASE = "DATABASE_URL does not name a PostgreSQL database: write postgres://user:password@host:5432/name"


def _is_fernet_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text.encode())) == 32
    except (ValueError, binascii.Error):
        return False


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
