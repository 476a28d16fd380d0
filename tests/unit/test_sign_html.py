"""tools/sign.html is what its sources give, byte for byte; nothing in it reaches outside."""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.offline import script_of
from tools import build_sign_html

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "tools/sign.html"


def test_it_is_what_its_sources_give() -> None:
    assert PAGE.read_bytes() == build_sign_html.build().encode(), "run make sign-html"
    assert PAGE.stat().st_size < 400_000
    total = hashlib.sha256(PAGE.read_bytes()).hexdigest()
    assert (ROOT / "tools/sign.html.sha256").read_text() == f"{total}  sign.html\n"


def test_it_is_the_same_from_a_copy_elsewhere(tmp_path: Path) -> None:
    """No path, no time, no order of a folder's files is in it."""
    copy = tmp_path / "a copy"
    for folder in ("tools/sign", "static/js", "static/css"):
        shutil.copytree(ROOT / folder, copy / folder)
    for name in ("tools/build_sign_html.py", "tools/sign.html", "tools/sign.html.sha256"):
        shutil.copy(ROOT / name, copy / name)
    (copy / "node_modules").symlink_to(ROOT / "node_modules")
    command = [sys.executable, "-I", "-S", str(copy / "tools/build_sign_html.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=tmp_path, env={})
    assert done.returncode == 0, done.stderr
    changed = copy / "static/js/safe-hash.js"
    changed.write_text(changed.read_text() + "// one more line\n")
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=tmp_path, env={})
    assert done.returncode == 1 and "make sign-html" in done.stderr


def test_its_modules_are_the_pages_own() -> None:
    """Every line of a module of the pages stands in it; only imports and the word export are not there."""
    script = script_of(PAGE.read_text(encoding="utf-8"))
    for name in (
        "safe-hash.js",
        "safe-message.js",
        "calldata.js",
        "known-calls.js",
        "words.js",
        "bundle.js",
        "sign-wallets.js",
    ):
        text = (ROOT / "static/js" / name).read_text(encoding="utf-8")
        pieces = re.split(r"^import .*\n", text, flags=re.MULTILINE)
        for piece in pieces:
            assert re.sub(r"^export ", "", piece, flags=re.MULTILINE).strip() in script, name


def test_its_policy_lets_nothing_out_and_only_its_own_script_in() -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found
    policy = dict(part.strip().split(" ", 1) for part in found[1].split(";"))
    script = base64.b64encode(hashlib.sha256(script_of(page).encode()).digest()).decode()
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == f"'sha256-{script}'"
    assert "connect-src" not in policy and "img-src" not in policy, "default-src holds for both"
    assert not re.search(r"\b(?:src|href)=", page.replace(script_of(page), ""))
