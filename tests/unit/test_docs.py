"""The documents name files and tests that are there, and their recipes work: a change that forgets them fails here."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)#:]+)\)")
QUOTED = re.compile(r"`([A-Za-z0-9_.*/-]+(?:\.(?:py|js|md|yaml|json|html|css|sol|toml)|/))(?:::(test_\w+))?`")
ROOMS = ("ledger", "work", "accounts", "integrations", "notify", "governance", "runbooks", "incidents", "config")
TOPS = (*ROOMS, "docs", "static", "templates", "tests", "tools", "benchmarks")
SUITES = ("unit", "db", "chain", "browser", "crash")


def _named(text: str) -> list[tuple[str, str]]:
    """Paths from the root that a document names, and the test after them, if any."""
    found = []
    for path, test in QUOTED.findall(text):
        top = path.split("/")[0]
        if top in SUITES:
            found.append((f"tests/{path}", test))
        elif "/" in path.rstrip("/") and top in TOPS and "*" not in path:
            found.append((path, test))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    for path, test in _named(text):
        file = ROOT / path
        if not file.exists():
            missing += [path] if path not in recipes() else []
        elif test and f"def {test}(" not in file.read_text(encoding="utf-8"):
            missing.append(f"{path}::{test}")
    assert not missing


def test_the_architecture_names_every_rule_with_a_test() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rules = re.split(r"\n\d+\. ", text.split("## Rules", 1)[1].split("\n## ", 1)[0])[1:]
    assert len(rules) == 10
    for rule in rules:
        assert any(path.startswith("tests/") for path, _ in _named(rule)), rule[:60]


BLOCK = re.compile(r"`([A-Za-z0-9_/.-]+\.(?:py|md|json))`:?\n\n(`{3,4})\w+\n(.*?)\n\2\n", re.DOTALL)
PACKAGES = ("tests", "docs", *ROOMS, "pyproject.toml")


def recipes() -> dict[str, str]:
    """The files that adding.md tells to write."""
    return {path: text for path, _, text in BLOCK.findall((ROOT / "docs" / "adding.md").read_text(encoding="utf-8"))}


def test_the_recipes_are_followed_literally(tmp_path: Path) -> None:
    """In a copy of the house: the files of adding.md and nothing else, and every family's contract still holds."""
    files = recipes()
    assert len(files) == 12, "four members, each with its code, its page and its fixture"
    for name in PACKAGES:
        source, target = ROOT / name, tmp_path / name
        ignore = shutil.ignore_patterns("__pycache__", "artifacts")
        shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(source, target)
    for path, text in files.items():
        assert not (tmp_path / path).exists(), f"{path} is there already"
        (tmp_path / path).write_text(text + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts="]
    suites = ["tests/unit/test_families.py", "tests/unit/test_governance_findings.py"]
    done = subprocess.run([*command, *suites], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    code = [str(tmp_path / path) for path in files if path.endswith(".py")]
    for check in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *check, "--config", str(ROOT / "pyproject.toml"), *code]
        said = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert said.returncode == 0, said.stdout
