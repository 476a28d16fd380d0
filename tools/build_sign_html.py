#!/usr/bin/env python3
"""Build tools/sign.html: one file, from the very modules that the pages load. Standard library only.

    python3 tools/build_sign_html.py            write it, and its sha256 beside it
    python3 tools/build_sign_html.py --check    only say whether the committed file is what these sources give

The same sources give the same bytes. Each module becomes a function whose exports stand in a table; nothing in it is
minified or reordered, so that the file can be read beside its sources. Packages are those of package-lock.json.
"""

import argparse
import base64
import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = ROOT / "tools/sign/main.js"
TARGET = ROOT / "tools/sign.html"
SUM = ROOT / "tools/sign.html.sha256"
STYLES = (ROOT / "static/css/tokens.css", ROOT / "tools/sign/page.css")

NAMED = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
WHOLE = re.compile(r'^import (\w+) from "([^"]+)";$', re.MULTILINE)
DECLARED = re.compile(r"^export ((?:async )?(?:function\*?|class|const|let) ([A-Za-z_$][\w$]*))", re.MULTILINE)
LISTED = re.compile(r"^export \{([^}]*)\};$", re.MULTILINE)
DEFAULT = re.compile(r"^export default (\w+);$", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def resolve(path: Path, target: str) -> Path:
    """The file that an import names; `static/npm` is served from node_modules."""
    found = Path(*_plain((path.parent / target).parts))
    inside = found.relative_to(ROOT).parts
    return ROOT.joinpath("node_modules", *inside[2:]) if inside[:2] == ("static", "npm") else found


def _plain(parts: tuple[str, ...]) -> list[str]:
    """Without its `..`; links are not followed, so that names do not depend on where packages lie."""
    found: list[str] = []
    for part in parts:
        if part == "..":
            found.pop()
        else:
            found.append(part)
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pairs(listed: str, joint: str) -> list[tuple[str, str]]:
    """`a, b as c` as [(a, a), (b, c)]."""
    found = []
    for one in (part.strip() for part in listed.split(",")):
        if one:
            first, _, second = one.partition(joint)
            found.append((first, second or first))
    return found


def as_function(path: Path, text: str) -> str:
    """One module as a function that returns its exports."""

    def named(match: re.Match[str]) -> str:
        taken = ", ".join(a if a == b else f"{a}: {b}" for a, b in pairs(match[1], " as "))
        return f'const {{ {taken} }} = modules["{name_of(resolve(path, match[2]))}"];'

    def whole(match: re.Match[str]) -> str:
        return f'const {match[1]} = modules["{name_of(resolve(path, match[2]))}"].default;'

    exports = [(name, name) for _, name in DECLARED.findall(text)]
    exports += [pair for listed in LISTED.findall(text) for pair in pairs(listed, " as ")]
    exports += [(name, "default") for name in DEFAULT.findall(text)]
    body = DEFAULT.sub("", LISTED.sub("", DECLARED.sub(r"\1", WHOLE.sub(whole, NAMED.sub(named, text)))))
    if left := LEFT.search(body):
        raise SystemExit(f"{name_of(path)}: {left[0]!r} is not understood")
    given = ", ".join(f"{outside}: {inside}" for inside, outside in exports)
    return f'modules["{name_of(path)}"] = (() => {{\n{body.strip()}\nreturn {{ {given} }};\n}})();\n'


def collect(path: Path, done: dict[Path, str]) -> None:
    """Every module after those that it imports."""
    if path in done:
        return
    text = path.read_text(encoding="utf-8")
    for target in [*(match[1] for match in NAMED.findall(text)), *(match[1] for match in WHOLE.findall(text))]:
        collect(resolve(path, target), done)
    done[path] = as_function(path, text)


def fingerprint(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def build() -> str:
    modules: dict[Path, str] = {}
    collect(START, modules)
    script = '"use strict";\nconst modules = {};\n' + "\n".join(modules.values())
    style = "\n".join(path.read_text(encoding="utf-8") for path in STYLES)
    for text in (script, style):
        if re.search(r"</(?:script|style)|<!--", text, re.IGNORECASE):
            raise SystemExit("a source holds what would end the script or the style")
    page = (ROOT / "tools/sign/page.html").read_text(encoding="utf-8")
    parts = {"script": script, "style": style, "script_hash": fingerprint(script), "style_hash": fingerprint(style)}
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], page)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    page = build().encode()
    total = f"{hashlib.sha256(page).hexdigest()}  sign.html\n"
    if not options.check:
        TARGET.write_bytes(page)
        SUM.write_text(total)
    elif TARGET.read_bytes() != page or SUM.read_text() != total:
        print("tools/sign.html is not what its sources give: run make sign-html", file=sys.stderr)
        return 1
    print(total, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
