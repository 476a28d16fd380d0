"""What owners of an owning Safe sign: server, browser module and a wallet's own encoding agree in all nine pairings."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from eth_account.messages import encode_typed_data

from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.hashing import keccak
from integrations.safe.contracts import FALLBACK_HANDLERS
from integrations.safe.hashes import SUPPORTED, domain_hash, safe_message_hash, safe_message_struct_hash
from integrations.safe.nested import asked_of_owner, why_no_signature
from tests.safe_txs import generated
from tests.unit.test_proposal_hashes import ROOT, node, raw_of

CHILD = "0xd9Db270c1B5E3Bd161E8c8503c55cEABeE709552"
SCRIPT = """
import { readFileSync } from "node:fs";
import { messageHashes, messageTypedData } from "./js/safe-message.js";
const answer = JSON.parse(readFileSync(0, "utf8")).map(([raw, child]) => {
  return { ...messageHashes(raw, child), typed: messageTypedData(raw, child) };
});
process.stdout.write(JSON.stringify(answer));
"""


def test_both_levels_are_hashed_alike(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    for name in ("safe-hash.js", "safe-message.js"):
        shutil.copy(ROOT / "static/js" / name, tmp_path / "js")
    (tmp_path / "npm").symlink_to(ROOT / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(SCRIPT)
    pairs = [(tx, child) for parent in SUPPORTED for tx in generated(parent, 20) for child in SUPPORTED]
    given = [[raw_of(tx), {"safe": CHILD, "version": child}] for tx, child in pairs]
    done = subprocess.run(
        [node(), "run.js"], input=json.dumps(given), capture_output=True, text=True, cwd=tmp_path, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    for (tx, child), one in zip(pairs, found, strict=True):
        message = asked_of_owner(tx)
        assert one["domain"] == "0x" + domain_hash(child, tx.chain_id, CHILD).hex()
        assert one["message"] == "0x" + safe_message_struct_hash(message).hex()
        assert one["safeMessage"] == safe_message_hash(child, tx.chain_id, CHILD, message)
        parts = encode_typed_data(full_message=one["typed"])
        assert "0x" + keccak(b"\x19" + parts.version + parts.header + parts.body).hex() == one["safeMessage"]


def test_seven_pairs_sign_and_the_others_say_why() -> None:
    for handler, known in FALLBACK_HANDLERS.items():
        for parent in SUPPORTED:
            for child in SUPPORTED:
                why = why_no_signature(parent, child, handler)
                official = (known == "1.5.0") == (child == "1.5.0")
                assert bool(why) == (not official or (child == "1.5.0" and parent != "1.5.0")), (parent, child, known)
    assert "no fallback handler" in why_no_signature("1.4.1", "1.4.1", ZERO_ADDRESS)
    assert "cannot be foreseen" in why_no_signature("1.5.0", "1.4.1", CHILD)
