"""Static files: npm's by an allow-list, hashed names everywhere, ES modules that find each other."""

import base64
import hashlib
import posixpath
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command

from config.integrity import integrity
from config.npm import StaticStorage

IMPORT = re.compile(r"""(?:^|[\s;])(?:import|export)\b[^;'"]*?["'](\.{1,2}/[^"']+)["']""")
COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


@pytest.mark.parametrize(
    "path", ["npm/htmx.org/dist/htmx.min.js", "npm/@noble/hashes/sha3.js", "npm/@noble/hashes/utils.js"]
)
def test_served_from_npm(path: str) -> None:
    assert finders.find(path)
    assert finders.find(path, find_all=True) == [finders.find(path)]


@pytest.mark.parametrize(
    "path",
    [
        "npm/htmx.org/package.json",
        "npm/solc/soljson.js",
        "npm/@noble/hashes/../../solc/index.js",
        "npm/@noble/hashes/src/sha3.ts",
        "npm/../manage.py",
        "@noble/hashes/sha3.js",
    ],
)
def test_not_served_from_npm(path: str) -> None:
    assert not finders.find(path)


def test_collected_modules_import_each_other_by_hashed_names(tmp_path: Path, settings: Any) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "config.npm.StaticStorage"}}
    call_command("collectstatic", "--no-input", verbosity=0)
    storage = StaticStorage(location=str(tmp_path), base_url="/static/")
    hashed = {tmp_path / name for name in storage.hashed_files.values()}
    assert len(hashed) > 10
    checked = 0
    for file in (each for each in hashed if each.suffix == ".js" and "/mfa/" not in str(each)):
        for target in IMPORT.findall(COMMENT.sub("", file.read_text())):
            found = (file.parent / target).resolve()
            assert found in hashed, f"{file.name} imports {target}, which is no hashed file"
            checked += 1
    assert checked > 5
    bound = integrity(storage)
    for name in bound:
        file = tmp_path / name.removeprefix("/static/")
        digest = base64.b64encode(hashlib.sha384(file.read_bytes()).digest()).decode()
        assert bound[name] == f"sha384-{digest}"
        for target in IMPORT.findall(COMMENT.sub("", file.read_text())):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) in bound
    assert any("@noble" in name for name in bound)
