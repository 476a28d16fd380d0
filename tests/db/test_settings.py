"""Production's settings: nothing defaulted, secrets from files too, nothing said that a stranger may not know."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.environment import Environment, MissingSetting, read_runtime, write_runtime

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "BREAKGLASS_PROFILE": "production",
    "SECRET_KEY": "k" * 25 + "0123456789abcdefghijklmnopqrstuvwxyz",
    "FIELD_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "ALLOWED_HOSTS": "breakglass.example",
    "PUBLIC_URL": "https://breakglass.example",
    "DATABASE_URL": "postgres://breakglass@database.example/breakglass",
    "REDIS_URL": "redis://redis.example/0",
    "METRICS_TOKEN": "scrape",
    "EMAIL_HOST": "mail.example",
    "DEFAULT_FROM_EMAIL": "desk@breakglass.example",
}
ASK = "from config.start import settings_or_exit; settings_or_exit(); from django.conf import settings; print({})"


def python(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**bare, **env}, capture_output=True, text=True, timeout=60
    )


def test_production_passes_djangos_own_deployment_check(tmp_path: Path) -> None:
    said = python(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION, BREAKGLASS_STATE=str(tmp_path)
    )
    assert said.returncode == 0, said.stderr
    assert "no issues (0 silenced)" in said.stdout


@pytest.mark.parametrize("name", sorted(set(PRODUCTION) - {"BREAKGLASS_PROFILE"}))
def test_what_is_missing_stops_the_start_with_one_line(name: str) -> None:
    env = {key: value for key, value in PRODUCTION.items() if key != name}
    said = python("-c", ASK.format("settings.PROFILE"), **env)
    assert said.returncode == 1
    assert said.stdout == ""
    assert said.stderr.strip().splitlines() == [
        f"breakglass cannot start: {name} is not set: give {name}, or {name}_FILE with the path of a file"
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "somewhere", "DATABASE_URL does not name a PostgreSQL database"),
        ("DATABASE_URL", "sqlite:///tmp/x.db", "DATABASE_URL does not name a PostgreSQL database"),
        ("FIELD_KEYS", "a-key,another", "FIELD_KEYS does not hold what it should: each is 32 bytes"),
        ("REDIS_URL", "redis.example", "REDIS_URL must begin with redis://"),
        ("PUBLIC_URL", "breakglass.example", "PUBLIC_URL must begin with https://"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is 'LOUD': it must be DEBUG"),
        ("EMAIL_USE_TLS", "ture", "EMAIL_USE_TLS does not hold what it should: true or false"),
        ("SIGN_IN_CHAIN_IDS", "1,mainnet", "SIGN_IN_CHAIN_IDS does not hold what it should: whole numbers"),
        ("INBOUND_PER_MINUTE", "many", "INBOUND_PER_MINUTE does not hold what it should: int"),
    ],
)
def test_what_is_none_stops_the_start_with_one_line_too(name: str, value: str, said: str) -> None:
    """And without the value where it could hold a password."""
    found = python("-c", ASK.format("settings.PROFILE"), **{**PRODUCTION, name: value})
    assert found.returncode == 1
    (line,) = found.stderr.strip().splitlines()
    assert line.startswith(f"breakglass cannot start: {said}")


def test_tls_from_the_start_is_instead_of_starttls() -> None:
    """Django refuses both at the first mail, which is late."""
    ask = ASK.format("settings.EMAIL_PORT, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL")
    assert python("-c", ask, **PRODUCTION).stdout.split() == ["587", "True", "False"]
    assert python("-c", ask, **PRODUCTION, EMAIL_USE_SSL="true").stdout.split() == ["465", "False", "True"]
    both = python("-c", ask, **PRODUCTION, EMAIL_USE_SSL="true", EMAIL_USE_TLS="true")
    assert both.stderr.startswith("breakglass cannot start: EMAIL_USE_TLS and EMAIL_USE_SSL are both on")


@pytest.mark.parametrize(
    "entry", [("manage.py", "check"), ("-m", "config.web"), ("-m", "celery", "-A", "config", "report")]
)
def test_every_entry_says_it_the_same_way(entry: tuple[str, ...]) -> None:
    env = {**PRODUCTION, "SECRET_KEY": "  "}
    said = python(*entry, **env)
    assert said.returncode == 1
    assert said.stderr.strip().splitlines()[-1].startswith("breakglass cannot start: SECRET_KEY is empty")
    assert "Traceback" not in said.stderr


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file-" * 6 + "\n")
    env = {key: value for key, value in PRODUCTION.items() if key != "SECRET_KEY"}
    said = python("-c", ASK.format("settings.SECRET_KEY"), **env, SECRET_KEY_FILE=str(tmp_path / "key"))
    assert said.stdout == "from-a-file-" * 6 + "\n", said.stderr


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = python("-c", ASK.format("1"), **PRODUCTION, SECRET_KEY_FILE=str(tmp_path / "none"))
    assert said.returncode == 1
    assert said.stderr.strip() == (
        f"breakglass cannot start: SECRET_KEY_FILE names {tmp_path / 'none'}, which cannot be read: "
        "No such file or directory"
    )


def test_the_demo_is_not_loaded_in_production() -> None:
    said = python("manage.py", "demo", "load", **PRODUCTION)
    assert said.returncode == 1
    assert "not loaded in production" in said.stderr


def test_the_environment_comes_before_the_running_demo() -> None:
    env = Environment({"REDIS_URL": "redis://given/0"}, {"REDIS_URL": "redis://running/0", "PORT": "8001"})
    assert env.str("REDIS_URL") == "redis://given/0"
    assert env.int("PORT") == 8001
    with pytest.raises(MissingSetting, match="NOTHING is not set"):
        env.required("NOTHING")
    with pytest.raises(MissingSetting, match="PORT does not hold"):
        Environment({"PORT": "eighty"}).int("PORT")


def test_runtime_env_is_read_as_it_was_written(tmp_path: Path) -> None:
    values = {"A": "b=c d", "KEY": "x" * 44 + "="}
    write_runtime(tmp_path / "runtime.env", values)
    assert read_runtime(tmp_path / "runtime.env") == values
    assert read_runtime(tmp_path / "nothing.env") == {}
