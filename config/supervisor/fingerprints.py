"""Has anything changed since a job was last done? What has not is not done again: a second start is quick."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def migrations(root: Path, state_dir: Path) -> str:
    """The embedded cluster by its identity, our migrations by their text, the libraries' by the lock file."""
    control = state_dir / "postgres" / "global" / "pg_control"
    if not control.exists():
        return ""
    files = [*sorted(root.glob("*/migrations/*.py")), root / "requirements.txt"]
    texts = (part for file in files for part in (str(file.relative_to(root)).encode(), file.read_bytes()))
    return _over([control.read_bytes()[:8], *texts])


def static(root: Path, state_dir: Path) -> str:
    """Our files by name, size and time, npm's and the libraries' by their lock files, and how they are collected."""
    if not (state_dir / "static" / "staticfiles.json").exists():
        return ""
    ours = sorted(file for file in (root / "static").rglob("*") if file.is_file())
    marks = (f"{file.relative_to(root)} {file.stat().st_size} {file.stat().st_mtime_ns}".encode() for file in ours)
    rules = ("package-lock.json", "requirements.txt", "config/npm.py", "config/settings.py")
    return _over([*marks, *((root / name).read_bytes() for name in rules)])


def done(state_dir: Path, job: str) -> str:
    """What `job` was last done for; empty if it never was."""
    try:
        return _mark(state_dir, job).read_text()
    except OSError:
        return ""


def remember(state_dir: Path, job: str, mark: str) -> None:
    _mark(state_dir, job).write_text(mark)


def _mark(state_dir: Path, job: str) -> Path:
    return state_dir / "run" / f"{job}.done"


def _over(texts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()
