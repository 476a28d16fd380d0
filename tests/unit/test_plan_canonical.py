"""The plan document's bytes: the same everywhere, and nothing that could be read in two ways."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.plans.canonical import LARGEST, NotCanonical, canonical_bytes, hash_of, parse, plan_hash
from governance.plans.diff import Change, diff

MODULE = Path(canonical_bytes.__code__.co_filename)
GOLDEN = Path(__file__).parent.parent / "fixtures/plans/golden.json"
GOLDEN_HASH = "0x0e6af1ef85cb5309c5866698b02d36bb5e5234351a1586bbb006c0c5466375b6"
DOCUMENT = {
    "kind": "playbook",
    "version": 1,
    "environment": "drill",
    "chains": [731337],
    "inputs": {"reason": "Café — stale \u201coracle\u201d \U0001f6a8\n\ttab\u007f", "none": None, "yes": True},
    "steps": [{"id": "pause", "type": "safe.propose", "needs": [], "params": {"value": str(2**256 - 1), "n": LARGEST}}],
}

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(st.characters(max_codepoint=0x17F)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), inner, max_size=4)
    ),
    max_leaves=20,
)


def pythons() -> list[str]:
    """Every Python of 3.11 and later on this machine."""
    found = [sys.executable]
    for root in (Path.home() / ".pyenv/versions", Path("/usr/bin"), Path("/usr/local/bin")):
        found += [str(path) for path in root.glob("3.1[1-9]*/bin/python")]
        found += [str(path) for path in root.glob("python3.1[1-9]")]
    return found


def test_the_golden_file_has_these_bytes_and_this_hash() -> None:
    assert canonical_bytes(DOCUMENT) == GOLDEN.read_bytes()
    assert plan_hash(DOCUMENT) == GOLDEN_HASH


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize(
    "setting",
    [{}, {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "0"}, {"LC_ALL": "C", "PYTHONHASHSEED": "7"}],
    ids=["plain", "turkish", "c"],
)
def test_every_python_locale_and_time_zone_gives_the_same_bytes(python: str, setting: dict[str, str]) -> None:
    script = (
        "import sys,json;sys.path.insert(0,sys.argv[1]);import canonical;"
        "sys.stdout.buffer.write(canonical.canonical_bytes(json.loads(sys.stdin.buffer.read())))"
    )
    answer = subprocess.run(
        [python, "-I", "-c", script, str(MODULE.parent)],
        input=json.dumps(DOCUMENT).encode(),
        capture_output=True,
        env={"PATH": os.environ["PATH"], **setting},
        timeout=20,
        check=True,
    )
    assert answer.stdout == GOLDEN.read_bytes()


def test_the_file_checks_a_plan_by_itself(tmp_path: Path) -> None:
    alone = tmp_path / "canonical.py"
    shutil.copy(MODULE, alone)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(alone), *arguments], capture_output=True, text=True, timeout=20
        )

    good = run(str(GOLDEN), GOLDEN_HASH)
    assert (good.returncode, good.stdout.strip()) == (0, GOLDEN_HASH)
    assert run(str(GOLDEN), "0x" + "00" * 32).returncode == 1
    loose = tmp_path / "loose.json"
    loose.write_text(json.dumps(DOCUMENT, indent=1))
    refused = run(str(loose))
    assert refused.returncode == 1
    assert "not its canonical bytes" in refused.stderr


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (1.0, "$"),
        ({"a": [0, 2**53]}, "$.a[1]"),
        ({"a": -(2**53)}, "$.a"),
        ({"ключ": 1}, "$"),
        ({1: 1}, "$"),
        ({"a b": 1}, "$"),
        ({"": 1}, "$"),
        ({"a": b"x"}, "$.a"),
        ("\ud800", "$"),
        ("\u0378", "$"),
        ("\U0001fae8", "$"),
        (float("nan"), "$"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(value: object, where: str) -> None:
    with pytest.raises(NotCanonical) as caught:
        canonical_bytes(value)
    assert caught.value.path == where


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    value: object = 1
    for _ in range(100):
        value = [value]
    with pytest.raises(NotCanonical, match="nested deeper"):
        canonical_bytes(value)
    with pytest.raises(NotCanonical, match="nested deeper"):
        parse(b"[" * 200_000 + b"]" * 200_000)
    with pytest.raises(NotCanonical):
        parse(b'"' + b"[" * 200_000)  # never closed: no string, no brackets
    assert parse(b'["' + b"[{" * 100 + b'\\""]') == ["[{" * 100 + '"']  # brackets inside a string nest nothing


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b"1.0",
        b"1e3",
        b"NaN",
        b"-0",
        b"9007199254740992",
        b"\xff",
        b'"e\xcc\x81"',
        b'"\\u0041"',
        b"[1]\n",
        b"",
        b"1" * 5000,
    ],
)
def test_other_bytes_of_a_document_are_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        parse(data)


def test_text_is_normalised() -> None:
    assert canonical_bytes("e\u0301") == canonical_bytes("\u00e9") == b'"\xc3\xa9"'


@given(plain)
def test_parsing_gives_the_document_back(value: object) -> None:
    data = canonical_bytes(value)
    assert canonical_bytes(parse(data)) == data
    assert hash_of(data) == plan_hash(value)


@given(plain, plain)
def test_a_diff_is_empty_exactly_when_the_bytes_are_the_same(one: object, other: object) -> None:
    one, other = parse(canonical_bytes(one)), parse(canonical_bytes(other))
    assert (diff(one, other) == []) == (canonical_bytes(one) == canonical_bytes(other))


def test_an_inserted_step_is_one_change() -> None:
    before = {"steps": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]}
    after = {"steps": [{"id": "a", "n": 1}, {"id": "new", "n": 9}, {"id": "b", "n": True}]}
    assert diff(before, after) == [
        Change(".steps[b].n", "changed", 2, True),
        Change(".steps[new]", "added", after={"id": "new", "n": 9}),
    ]


def test_a_changed_order_is_shown() -> None:
    before = {"steps": [{"id": "a"}, {"id": "b"}]}
    assert [change.path for change in diff(before, {"steps": [{"id": "b"}, {"id": "a"}]})] == [".steps (order)"]
