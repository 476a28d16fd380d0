"""A real Chromium, and a whole Breakglass for it to look at."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.stack import ROOT, Stack, running

# A shell without windows draws the same pages with half of the work.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKED = ROOT / ".breakglass" / "browser"
HOW = (
    "no browser: run the suite with `make test`, which gets one; or install Chromium "
    "(on Debian: apt-get install chromium); or set CHROMIUM to the path of one"
)


def find_chromium() -> str:
    """CHROMIUM, the machine's own, or the one that `make test` got from npm. None is an error, never a skip."""
    if given := os.environ.get("CHROMIUM"):
        if not Path(given).is_file():
            pytest.fail(f"CHROMIUM names {given}, which is no file", pytrace=False)
        return given
    for name in NAMES:
        if found := shutil.which(name):
            return found
    if (PACKED / "stamp").exists():
        return str(PACKED / "chromium")
    pytest.fail(HOW, pytrace=False)


def _environment(executable: str) -> dict[str, str | float | bool]:
    """The packed browser brings the libraries and the font that a bare machine lacks."""
    env: dict[str, str | float | bool] = {**os.environ}
    if Path(executable).parent != PACKED:
        return env
    if subprocess.run([executable, "--version"], capture_output=True).returncode:
        env["LD_LIBRARY_PATH"] = str(PACKED / "lib")
    if not any(Path("/usr/share/fonts").glob("**/*.[to]tf")):
        config = PACKED / "own-fonts.conf"
        config.write_text(
            '<?xml version="1.0"?><fontconfig>'
            f"<dir>{PACKED / 'fonts'}</dir><cachedir>{PACKED / 'font-cache'}</cachedir></fontconfig>"
        )
        env["FONTCONFIG_FILE"] = str(config)
    return env


@pytest.fixture(scope="session", autouse=True)
def orm_beside_playwright() -> None:
    """Playwright keeps an event loop in the tests' thread, which Django would take for asynchronous code; the session's
    later tests run in that thread too."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """As long as Playwright waits for everything else: a busy machine is no failure."""
    expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    executable = find_chromium()
    return {
        **browser_type_launch_args,
        "executable_path": executable,
        "args": ["--no-sandbox"],  # root, as in a container, has no sandbox
        "env": _environment(executable),
    }


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Web, worker, beat, linker, watcher, devnet and the demo, as separate processes on private ports."""
    with running() as found:
        yield found
