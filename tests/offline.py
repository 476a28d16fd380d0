"""The code that a signer runs on another machine, run here by Node: the pages' modules, and sign.html's own script."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.unit.test_proposal_hashes import ROOT, node

Ask = tuple[Any, ...]
"""A module of static/js, the name of what it exports, arguments."""
ANSWER = """
const answer = JSON.parse(fs.readFileSync(0, "utf8")).map(([module, name, ...given]) => {
  try {
    return { found: modules["static/js/" + module][name](...given) };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? String(value) : value)));
"""


def script_of(page: str) -> str:
    """What runs in sign.html."""
    found = re.search(r"<script>(.*)</script>", page, re.DOTALL)
    assert found
    return found[1]


def in_sign_html(asked: list[Ask], folder: Path) -> list[dict[str, Any]]:
    """The committed file's own script answers; nothing else is loaded."""
    page = (ROOT / "tools/sign.html").read_text(encoding="utf-8")
    return _node(folder / "run.cjs", script_of(page) + 'const fs = require("node:fs");\n' + ANSWER, asked)


def in_page_modules(asked: list[Ask], folder: Path) -> list[dict[str, Any]]:
    """The modules that the proposal's page loads answer, laid out as the static files are."""
    if not (folder / "js").exists():
        shutil.copytree(ROOT / "static/js", folder / "js")
        (folder / "npm").symlink_to(ROOT / "node_modules")
        (folder / "package.json").write_text('{"type": "module"}')
    names = sorted({one[0] for one in asked})
    imports = "".join(f'import * as m{index} from "./js/{name}";\n' for index, name in enumerate(names))
    table = ", ".join(f'"static/js/{name}": m{index}' for index, name in enumerate(names))
    return _node(
        folder / "run.mjs", f"{imports}import fs from 'node:fs';\nconst modules = {{ {table} }};\n{ANSWER}", asked
    )


def _node(file: Path, script: str, asked: list[Ask]) -> list[dict[str, Any]]:
    file.write_text(script, encoding="utf-8")
    command = [node(), file.name]
    questions = json.dumps(asked)
    done = subprocess.run(command, input=questions, capture_output=True, text=True, timeout=120, cwd=file.parent)
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
