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


Checked = tuple[subprocess.CompletedProcess[str], Path]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """What one compilation says of the committed artifacts and of a folder in which three are not right."""
    folder = tmp_path_factory.mktemp("checkout") / "artifacts of a checkout"
    shutil.copytree(ARTIFACTS, folder)
    path = folder / "HelixFeed.json"
    path.write_text(path.read_text().replace("roundAt", "roundBy"))
    (folder / "Gone.json").write_text("{}")
    (folder / "HelixUSD.json").unlink()
    command = [node(), str(BUILD), "--check", "--artifacts", str(ARTIFACTS), "--artifacts", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False), folder


def test_the_build_reproduces_the_committed_bytes(checked: Checked) -> None:
    done, _ = checked
    compiled = {line.split()[0] for line in done.stdout.splitlines()}
    assert compiled == {path.stem for path in ARTIFACTS.glob("*.json")}, done.stderr
    assert not [line for line in done.stderr.splitlines() if "artifacts of a checkout" not in line]


def test_the_check_names_what_differs(checked: Checked) -> None:
    done, folder = checked
    assert done.returncode == 1
    named = {line.rsplit("/", 1)[-1] for line in done.stderr.splitlines() if folder.name in line}
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
