"""What has not changed is not done again; what has, is."""

from pathlib import Path

import pytest

from config.supervisor import fingerprints


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "requirements.txt": "django",
        "package-lock.json": "{}",
        "config/npm.py": "",
        "config/settings.py": "",
        "ledger/migrations/0001_initial.py": "a",
        "static/js/app.js": "b",
        "state/postgres/global/pg_control": "identity-and-more",
        "state/static/staticfiles.json": "{}",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ledger/migrations/0001_initial.py", "c"),
        ("ledger/migrations/0002_more.py", ""),
        ("requirements.txt", "django 6"),
        ("state/postgres/global/pg_control", "another"),
    ],
)
def test_migrations_are_run_again_after_a_change(root: Path, name: str, text: str) -> None:
    before = fingerprints.migrations(root, root / "state")
    assert before == fingerprints.migrations(root, root / "state")
    (root / name).write_text(text)
    assert fingerprints.migrations(root, root / "state") not in ("", before)


@pytest.mark.parametrize("name", ["static/js/app.js", "static/js/new.js", "package-lock.json", "config/npm.py"])
def test_static_files_are_collected_again_after_a_change(root: Path, name: str) -> None:
    before = fingerprints.static(root, root / "state")
    assert before == fingerprints.static(root, root / "state")
    (root / name).write_text("changed")
    assert fingerprints.static(root, root / "state") not in ("", before)


def test_what_was_never_done_has_no_mark(root: Path) -> None:
    (root / "state/postgres/global/pg_control").unlink()
    (root / "state/static/staticfiles.json").unlink()
    assert fingerprints.migrations(root, root / "state") == ""
    assert fingerprints.static(root, root / "state") == ""
    assert fingerprints.done(root / "state", "migrate") == ""
