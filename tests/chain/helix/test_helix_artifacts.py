"""The committed artifacts are what the sources compile to."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from integrations.devnet.anvil import ROOT
from tests.chain.helix.world import node

BUILD = ROOT / "integrations/devnet/contracts/build.mjs"
ARTIFACTS = ROOT / "integrations/devnet/artifacts"
EIP170 = 24_576


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [node(), str(BUILD), "--check", "--artifacts", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)


def test_the_build_reproduces_the_committed_bytes() -> None:
    done = check(ARTIFACTS)
    assert done.returncode == 0, done.stderr


def test_the_check_names_what_differs(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts of a checkout"
    shutil.copytree(ARTIFACTS, folder)
    path = folder / "HelixFeed.json"
    path.write_text(path.read_text().replace("roundAt", "roundBy"))
    (folder / "Gone.json").write_text("{}")
    (folder / "HelixUSD.json").unlink()
    done = check(folder)
    assert done.returncode == 1
    named = {line.rsplit("/", 1)[-1] for line in done.stderr.splitlines()}
    assert named == {"HelixFeed.json", "HelixUSD.json", "Gone.json"}


@pytest.mark.parametrize("path", sorted(ARTIFACTS.glob("*.json")), ids=lambda path: path.stem)
def test_an_artifact_is_whole(path: Path) -> None:
    text = path.read_text()
    assert len(text) < 400_000
    built = json.loads(text)
    assert text == json.dumps(built, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert set(built) == {
        "abi",
        "bytecode",
        "contractName",
        "deployedBytecode",
        "deployedSize",
        "immutableReferences",
        "sourceName",
        "storageLayout",
    }
    assert built["contractName"] == path.stem
    code = bytes.fromhex(built["deployedBytecode"][2:])
    assert 0 < len(code) == built["deployedSize"] <= EIP170
    assert "astId" not in text
    for places in built["immutableReferences"].values():
        for place in places:
            assert not any(code[place["start"] : place["start"] + place["length"]])


def test_the_second_version_only_appends_to_the_storage() -> None:
    layouts = [
        json.loads((ARTIFACTS / f"{name}.json").read_text())["storageLayout"] for name in ("HelixVault", "HelixVaultV2")
    ]
    first, second = layouts
    assert first["storage"] == second["storage"] == [], "everything lives in namespaces"
    members = [layout["namespaces"]["helix.storage.Vault"]["members"] for layout in layouts]
    assert members[1][: len(members[0])] == members[0]
    assert set(second["namespaces"]) - set(first["namespaces"]) == {"helix.storage.VaultV2"}
