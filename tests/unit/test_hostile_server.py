"""Our server as an enemy: whatever it changes in what it hands out, the offline verifier and sign.html disagree.

A bundle that is consistent in itself cannot be told from an honest one without something from elsewhere: then the words
are those of what would really happen, and the hash that the device or a colleague shows is another one.
"""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from governance.findings import (
    FINDINGS,
    blind_hash,
    bypassed_timelock,
    implementation_change,
    role_change,
    safe_change,
    unknown_value,
    unlimited_approval,
)
from governance.plans.schema import Call
from governance.proposals.building import build
from governance.proposals.bundle import _owner
from governance.proposals.unfolding import CARRIERS
from integrations.chain.abi import encode_call
from integrations.chain.abi_types import Param, parse_signature
from integrations.chain.addresses import checksum
from integrations.safe.hashes import SafeTx, safe_tx_hash
from tests.offline import in_sign_html
from tests.unit.test_proposal_hashes import PAUSE, VAULT, bundle_of, pausing, raw_of
from tools import verify_safe_tx

THIEF = checksum(b"\x66" * 20)
COUNCIL = checksum(b"\x77" * 20)
Bundle = dict[str, Any]


def honest(tx: SafeTx | None = None) -> Bundle:
    """Pausing a vault, from a Safe that another Safe owns."""
    tx = tx or pausing()
    owner: Any = SimpleNamespace(address=COUNCIL, version=tx.version, nonce=4)
    meaning = {"address": VAULT, "what": "paused", "before": "false", "after": "true"}
    diff = {"block": "7", "meanings": [meaning], "changes": []}
    made = bundle_of(tx, nested=[_owner(tx, owner)], diff=diff, plan="ab" * 32)
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


def swap() -> SafeTx:
    """What a thief would have signed: an owner of the Safe itself replaced."""
    data = encode_call("swapOwner(address,address,address)", "", [checksum(b"\0" * 19 + b"\1"), COUNCIL, THIEF])
    return pausing(to=pausing().safe, data=bytes(data))


def field(name: str, value: Any) -> Callable[[Bundle], None]:
    def lie(bundle: Bundle) -> None:
        bundle["fields"][name] = value

    return lie


def put(value: Any, *path: Any) -> Callable[[Bundle], None]:
    def lie(bundle: Bundle) -> None:
        at: Any = bundle
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return lie


def drop(*path: Any) -> Callable[[Bundle], None]:
    def lie(bundle: Bundle) -> None:
        at: Any = bundle
        for key in path[:-1]:
            at = at[key]
        del at[path[-1]]

    return lie


COLLIDING = {"type": "function", "name": "pause", "inputs": [{"name": "vault", "type": "uint256"}]}
LIES: dict[str, Callable[[Bundle], None]] = {
    "another chain": field("chainId", "10"),
    "another Safe": field("safe", THIEF),
    "another version": field("version", "1.5.1"),
    "another target": field("to", THIEF),
    "a value": field("value", "1"),
    "other calldata": field("data", "0x3f4ba83a"),
    "a byte after the arguments": field("data", "0x8456cb5900"),
    "a delegatecall": field("operation", 1),
    "gas to be refunded": field("safeTxGas", "1"),
    "more gas to be refunded": field("baseGas", "1"),
    "a price for it": field("gasPrice", "1"),
    "a token to pay it in": field("gasToken", THIEF),
    "somebody to be paid": field("refundReceiver", THIEF),
    "another nonce": field("nonce", "4"),
    "a field more": field("surprise", "1"),
    "a field less": drop("fields", "gasToken"),
    "a number for a text": field("value", 0.0),
    "true for a number": field("operation", False),
    "the hashes of another transaction": lambda bundle: bundle.update(hashes=honest(swap())["hashes"]),
    "another domain hash": put("0x" + "11" * 32, "hashes", "domain"),
    "another message hash": put("0x" + "11" * 32, "hashes", "message"),
    "no Safe tx hash": drop("hashes", "safeTx"),
    "the fields of another transaction": lambda bundle: bundle.update(fields=raw_of(swap())),
    "other calls shown": put([{"to": VAULT, "value": "0", "data": "0x"}], "calls"),
    "no calls shown": put([], "calls"),
    "an ABI without the function": put([{**PAUSE, "name": "resume"}], "abis", VAULT),
    "an ABI with other arguments": put([COLLIDING], "abis", VAULT),
    "an ABI with a name that draws": put([{**PAUSE, "name": "pause()\n  2. nothing"}], "abis", VAULT),
    "an ABI that is none": put("pause()", "abis", VAULT),
    "an ABI that is an object": put({}, "abis", VAULT),
    "an ABI that is empty text": put("", "abis", VAULT),
    "an ABI with arguments that are none": put([{**PAUSE, "inputs": ""}], "abis", VAULT),
    "an ABI with something that no ABI has": put([{**PAUSE, "meaning": "harmless"}], "abis", VAULT),
    "an argument with something that no ABI has": put(
        [PAUSE, {**PAUSE, "name": "other", "inputs": [{"type": "bool", "note": "x"}]}], "abis", VAULT
    ),
    "an ABI for an address in small letters": put([PAUSE], "abis", THIEF.lower()[:-1] + "f"),
    "an ABI for what is not called": put([PAUSE], "abis", THIEF),
    "a hash in a list": put([safe_tx_hash(pausing())], "hashes", "safeTx"),
    "a plan in a list": put(["ab" * 32], "plan"),
    "a plan that is no hash": put("approved by all", "plan"),
    "a diff with numbers": put(7, "diff", "meanings", 0, "after"),
    "a diff with more to say": put("trust me", "diff", "why"),
    "a nested hash of something else": put("0x" + "11" * 32, "nested", 0, "message", "safeMessage"),
    "a nested approval of something else": put("0x" + "11" * 32, "nested", 0, "approve", "safeTx"),
    "a nested Safe that it is not": put(THIEF, "nested", 0, "safe"),
    "a nested Safe of an unknown version": put("1.4.2", "nested", 0, "version"),
    "a part more": put("1", "signatures"),
    "a part less": drop("diff"),
    "another format": put("breakglass-safe-tx-1", "format"),
}
RAW_LIES = {
    "a key that stands twice": lambda text: text.replace('"value": "0"', '"value": "0", "value": "1"', 1),
    "a huge number": lambda text: text.replace('"nonce": "3"', '"nonce": ' + "9" * 5_000, 1),
    "infinity": lambda text: text.replace('"nonce": "3"', '"nonce": 1e999', 1),
    "not a number": lambda text: text.replace('"nonce": "3"', '"nonce": NaN', 1),
    "something after its end": lambda text: text + "{}",
    "cut off": lambda text: text[:-1],
    "nested without end": lambda text: text.replace('"calls": [', '"calls": [' + "[" * 5_000, 1),
    "nothing": lambda _: "",
}


def verifier_says(text: str, folder: Path, *arguments: str) -> int:
    path = folder / "bundle.json"
    path.write_text(text)
    return verify_safe_tx.main([str(path), *arguments])


def test_whatever_is_changed_in_a_bundle_is_refused_by_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"the truth": json.dumps(honest())}
    for name, lie in LIES.items():
        bundle = honest()
        lie(bundle)
        told[name] = json.dumps(bundle)
    told |= {name: lie(told["the truth"]) for name, lie in RAW_LIES.items()}
    assert len(set(told.values())) == len(told), "each lie was told"
    answers = in_sign_html([("bundle.js", "readBundle", text) for text in told.values()], tmp_path)
    for (name, text), answer in zip(told.items(), answers, strict=True):
        status = verifier_says(text, tmp_path)
        said = capsys.readouterr()
        if name == "the truth":
            assert (status, said.err) == (0, "") and "error" not in answer
        else:
            assert (status, said.out) == (1, ""), name
            assert said.err.startswith("DO NOT SIGN: "), name
            assert answer.get("error"), f"sign.html takes {name}"


def test_a_consistent_lie_is_put_into_true_words_and_has_another_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server shows a pause and hands out a consistent bundle of something else."""
    shown, evil = honest(), honest(swap())
    evil |= {"abis": {pausing().safe: [PAUSE]}, "plan": shown["plan"], "diff": shown["diff"]}
    text = json.dumps(evil)
    assert verifier_says(text, tmp_path) == 0
    said = capsys.readouterr().out
    assert "replaces an owner: swapOwner" in said and THIEF in said and "pause" not in said.replace("paused", "")
    assert verifier_says(text, tmp_path, "--safe-tx", shown["hashes"]["safeTx"]) == 1
    assert "the device says safeTx" in capsys.readouterr().err
    [answer] = in_sign_html([("bundle.js", "readBundle", text)], tmp_path)
    found = answer["found"]
    assert found["sentences"][0].startswith("swapOwner(") and THIEF in found["sentences"][0]
    assert found["findings"][0] == "call 1 replaces an owner: swapOwner(address,address,address)"
    assert found["hashes"]["safeTx"] == safe_tx_hash(swap()) != shown["hashes"]["safeTx"]


def test_a_name_with_the_same_selector_does_not_hide_what_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four bytes are soon collided with: what gives power or funds away is known by its bytes, whatever an ABI says."""
    data = bytes(encode_call("transfer(address,uint256)", "", [THIEF, 10**18]))
    bundle = honest(pausing(data=data))
    alias = {"type": "function", "name": "many_msg_babbage", "inputs": [{"name": "text", "type": "bytes1"}]}
    assert verify_safe_tx.selector("many_msg_babbage(bytes1)") == data[:4]
    bundle["abis"] = {VAULT: [alias]}
    wanted = "the bundle calls it many_msg_babbage(bytes1), but 0xa9059cbb is transfer(address,uint256)"
    assert verifier_says(json.dumps(bundle), tmp_path) == 1
    assert wanted in capsys.readouterr().err
    [answer] = in_sign_html([("bundle.js", "readBundle", json.dumps(bundle))], tmp_path)
    assert wanted in answer["error"]


def words_of(bundle: Bundle) -> tuple[list[str], list[str]]:
    """Sentences and findings as the verifier has them."""
    fields = verify_safe_tx.read_fields(bundle["fields"])
    calls = verify_safe_tx.calls_of(fields)
    sentences = [verify_safe_tx.put_in_words(*call, bundle["abis"]) for call in calls]
    return sentences, verify_safe_tx.findings(fields, calls, bundle["abis"])


def example(part: Param) -> Any:
    """Something of the type; the largest number, so that nothing is within a limit."""
    if part.type.endswith("[]"):
        return [example(Param(part.name, part.type[:-2], part.components))]
    if part.type == "tuple":
        return [example(one) for one in part.components]
    if part.type.startswith("uint"):
        return 1 if part.type == "uint8" else 2 ** int(part.type[4:]) - 1
    sized = part.type.removeprefix("bytes")
    fixed = {"address": THIEF, "bool": True, "string": "words"}
    return fixed.get(part.type) or (b"\7" * int(sized) if sized else b"\1\2\3\4")


ROLE = encode_call("grantRole(bytes32,address)", "", [b"\0" * 32, THIEF])
NOBODY = "0x" + "00" * 20
SCHEDULE = "schedule(address,uint256,bytes,bytes32,bytes32,uint256)"
COMPOUND = "queueTransaction(address,uint256,string,bytes,uint256)"
TARGETS = "execute(address[],uint256[],bytes[],bytes32)"


def batched(*calls: tuple[str, bytes], operation: int = 0) -> bytes:
    packed = b"".join(
        bytes([operation]) + bytes.fromhex(to[2:]) + bytes(32) + len(data).to_bytes(32, "big") + data
        for to, data in calls
    )
    return bytes(encode_call("multiSend(bytes)", "", [packed]))


def carrying() -> dict[bytes, list[str]]:
    """Calls inside calls: in a timelock, a multicall, another Safe, an upgrade, a batch; with what is said of each."""
    approve = encode_call("approve(address,uint256)", "", [THIEF, 2**95])
    run = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
    inside = encode_call(run, "", [THIEF, 3, b"", 1, 0, 0, 0, NOBODY, NOBODY, b""])
    pinned = verify_safe_tx.PINNED_BATCH["1.4.1"][0]
    batch = batched((pinned, batched((COUNCIL, b"\1\2\3\4"))), (VAULT, bytes(ROLE)))
    found = {
        encode_call(SCHEDULE, "", [VAULT, 1, ROLE, *[b"\0" * 32] * 2, 9]): [
            "call 1 schedules a call",
            "call 1.1 is carried along: grantRole(0x",
            "call 1.1 grants a role",
            "call 1.1 sends 1 wei",
        ],
        encode_call(TARGETS, "", [[VAULT, COUNCIL], [0, 5], [approve, b""], b"\0" * 32]): [
            "call 1.1 lets another spend without limit",
            "call 1.2 is carried along: send to",
            "call 1.2 sends 5 wei",
        ],
        encode_call(TARGETS, "", [[NOBODY], [0], [b"\1\2\3\4"], b"\0" * 32]): ["call 1.1 is to the zero address"],
        encode_call("aggregate3Value((address,bool,uint256,bytes)[])", "", [[(COUNCIL, True, 4, inside)]]): [
            "call 1.1.1 runs the code at",
            "call 1.1.1 sends 3 wei",
            "call 1.1 executes another Safe's transaction",
        ],
        encode_call("execute(address,uint256,bytes)", "", [pinned, 0, batch]): [
            "call 1.1 passes on a batch",
            "call 1.1.1.1 is 0x01020304 on",
            "call 1.1.2 grants a role",
        ],
        encode_call(COMPOUND, "", [VAULT, 0, "transferOwnership(address)", bytes(12) + bytes.fromhex(THIEF[2:]), 9]): [
            "call 1 queues a call",
            f"call 1.1 is carried along: transferOwnership({THIEF})",
        ],
        encode_call(COMPOUND, "", [VAULT, 0, "", ROLE, 9]): ["call 1.1 grants a role"],
        encode_call("approveAndCall(address,uint256,bytes)", "", [THIEF, 1, b""]): [
            "call 1.1 is carried along: empty call to"
        ],
    }
    return {bytes(data): words for data, words in found.items()}


def unreadable() -> dict[bytes, str]:
    """What is carried and cannot be opened to its end: as at the top, nobody may sign it."""
    deep = ROLE
    for _ in range(8):
        deep = encode_call("multicall(bytes[])", "", [[deep]])
    found = {
        encode_call("upgradeToAndCall(address,bytes)", "", [COUNCIL, ROLE + b"\0"]): "1 trailing bytes",
        encode_call("multicall(bytes[])", "", [[b"\1\2\3"]]): "no function call",
        deep: "call 1.1.1.1.1.1.1.1 lies deeper than anybody reads",
        batched((VAULT, b"")): f"a batch passed to {VAULT}, which is not a pinned MultiSendCallOnly",
        encode_call(
            "forward(address,uint256,bytes)",
            "",
            [verify_safe_tx.PINNED_BATCH["1.3.0"][0], 0, batched((VAULT, b""), operation=1)],
        ): "a delegatecall inside a batch",
    }
    return {bytes(data): words for data, words in found.items()}


def test_what_a_call_carries_is_opened_and_what_is_not_known_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for data, words in carrying().items():
        bundle = honest(pausing(data=data)) | {"abis": {}}
        assert verifier_says(json.dumps(bundle), tmp_path) == 0
        said = capsys.readouterr().out
        for one in words:
            assert one in said, said
        assert "whether a commander let pass what blocks it there" in said
    told = {json.dumps(honest(pausing(data=data)) | {"abis": {}}): why for data, why in unreadable().items()}
    answers = in_sign_html([("bundle.js", "readBundle", text) for text in told], tmp_path)
    for (text, why), answer in zip(told.items(), answers, strict=True):
        assert verifier_says(text, tmp_path) == 1
        assert why in capsys.readouterr().err
        assert answer["error"], why
    [answer] = in_sign_html([("words.js", "undecided")], tmp_path)
    assert answer["found"] == [one.strip() for one in verify_safe_tx.undecided()]


def test_nothing_of_a_bundle_is_believed_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that stands in the bundle alone is said to; of what is known here not even arguments have other names."""
    assert verifier_says(json.dumps(honest()), tmp_path) == 0
    assert "LOOK: call 1 is named pause by the bundle only: not known here" in capsys.readouterr().out
    upgrade = pausing(data=bytes(encode_call("upgradeToAndCall(address,bytes)", "", [COUNCIL, b"\1\2\3\4"])))
    assert verifier_says(json.dumps(honest(upgrade)), tmp_path) == 0  # the ABI is that of before the upgrade
    assert "call 1.1 is 0x01020304 on" in capsys.readouterr().out
    bundle = honest(pausing(data=bytes(encode_call("transfer(address,uint256)", "", [THIEF, 5]))))
    inputs = [{"name": "from", "type": "address"}, {"name": "refunded_to_you", "type": "uint256"}]
    bundle["abis"] = {VAULT: [{"type": "function", "name": "transfer", "inputs": inputs}]}
    for value, words in (("0", ""), ("5", "LOOK: value is 5 beside a delegatecall")):
        assert verifier_says(json.dumps(bundle), tmp_path) == 0
        said = capsys.readouterr().out
        assert f"1. transfer({THIEF}, 5)" in said and "refunded" not in said and words in said
        built = build([Call(to=VAULT, value="0", data=bundle["calls"][0]["data"])] * 2, version="1.4.1")
        batch = pausing(to=built.to, value=int(value) or 5, data=built.data, operation=built.operation)
        bundle = honest(batch) | {"abis": bundle["abis"]}
    for option in ("--safe-tx", "--domain", "--message"):
        for nothing in ("", "0x", "0x12"):
            assert verifier_says(json.dumps(honest()), tmp_path, option, nothing) == 1
            assert "of the device: not a hash of 32 bytes" in capsys.readouterr().err
    assert verifier_says(json.dumps(honest()), tmp_path, "--owner-safe", COUNCIL, "1.4.1", "4") == 1
    assert "give at least one of the hashes" in capsys.readouterr().err


def test_the_offline_tools_know_what_the_findings_know() -> None:
    """Whoever adds a finding, or a function to one, says here what of it can be decided offline."""
    lists = (safe_change.SIGNATURES, role_change.GIVES, role_change.TAKES, role_change.GIVES_UP)
    lists += (unlimited_approval.APPROVES, unknown_value.MOVES, blind_hash.APPROVES, bypassed_timelock.DELAYS)
    lists += (implementation_change.REPLACES, implementation_change.CUTS, tuple(CARRIERS))
    known = {parse_signature(one).signature for found in lists for one in found}
    assert known <= set(verify_safe_tx.KNOWN)
    carriers = {parse_signature(one).signature for one in CARRIERS} - {"multiSend(bytes)"}
    assert carriers == set(verify_safe_tx.CARRIERS)
    assert set(verify_safe_tx.UNDECIDED) == {*FINDINGS, "waivers"}
    assert verify_safe_tx.UNLIMITED == unlimited_approval.UNLIMITED


def many() -> list[Bundle]:
    """One transaction for every function that is known, and a batch of odd ones."""
    made = []
    for signature in [one for one in verify_safe_tx.KNOWN if one != "multiSend(bytes)"]:
        data = encode_call(signature, "", [example(one) for one in parse_signature(signature).inputs])
        made.append(honest(pausing(data=bytes(data))))
    made += [honest(pausing(data=data)) for data in carrying()]
    made.append(honest(pausing(to=verify_safe_tx.PINNED_BATCH["1.3.0"][1], data=batched((VAULT, b"\1\2\3\4")))))
    pay = {
        "type": "function",
        "name": "pay",
        "inputs": [
            {"name": "note", "type": "string"},
            {"name": "", "type": "tuple[]", "components": [{"name": "a", "type": "int8"}, {"type": "bytes4[2]"}]},
        ],
    }
    odd = bytes(encode_call([pay], "pay", ['a "b" \u202e é', [(-3, [b"abcd", b"\0" * 4])]]))
    calls = [
        Call(to=VAULT, value="0", data="0x8456cb59"),
        Call(to=THIEF, value="5", data="0x"),
        Call(to=THIEF, value="0", data="0xdeadbeef"),
        Call(to=COUNCIL, value="1", data="0x" + odd.hex()),
        Call(to=pausing().safe, value="0", data="0x"),
    ]
    built = build(calls, version="1.4.1")
    gas = {"safe_tx_gas": 1, "base_gas": 2, "gas_price": 3, "refund_receiver": THIEF}
    batch = honest(pausing(to=built.to, value=built.value, data=built.data, operation=built.operation, **gas))
    batch["abis"] = {VAULT: [PAUSE], COUNCIL: [pay]}
    return [*made, batch]


def test_both_say_the_same_of_every_transaction(tmp_path: Path) -> None:
    bundles = many()
    for bundle in bundles[:-1]:
        bundle["abis"] = {}
    answers = in_sign_html([("bundle.js", "readBundle", json.dumps(bundle)) for bundle in bundles], tmp_path)
    for bundle, answer in zip(bundles, answers, strict=True):
        sentences, findings = words_of(bundle)
        assert (answer["found"]["sentences"], answer["found"]["findings"]) == (sentences, findings)
        assert findings


@pytest.mark.parametrize("version", ["1.3.0", "1.4.1", "1.5.0"])
def test_the_hashes_of_an_owning_safe_are_the_same_on_both_sides(version: str, tmp_path: Path) -> None:
    from integrations.safe.hashes import safe_message_hash
    from integrations.safe.nested import asked_of_owner

    tx = SafeTx(731337, pausing().safe, version, VAULT, data=b"\x84\x56\xcb\x59", nonce=9)
    for child in ("1.3.0", "1.4.1", "1.5.0"):
        owner: Any = SimpleNamespace(address=COUNCIL, version=child, nonce=4)
        entry = _owner(tx, owner)
        assert (entry["message"] is None) == (child == "1.5.0" and version != "1.5.0")
        if entry["message"]:
            wanted = safe_message_hash(child, tx.chain_id, COUNCIL, asked_of_owner(tx))
            assert entry["message"]["safeMessage"] == wanted
        lines = verify_safe_tx.nested([entry], verify_safe_tx.read_fields(raw_of(tx)))
        assert entry["approve"]["safeTx"] in lines[-1]
        bundle = honest(tx) | {"nested": [entry]}
        [answer] = in_sign_html([("bundle.js", "readBundle", json.dumps(bundle))], tmp_path)
        assert {name: answer["found"]["nested"][0][name] for name in ("message", "approve")} == {
            name: entry[name] for name in ("message", "approve")
        }
        device = entry["message"] or entry["approve"]
        shown = {"safeTx": device.get("safeMessage") or device["safeTx"]}
        assert verify_safe_tx.verify(bundle, shown, [COUNCIL, child, "4"])
        with pytest.raises(verify_safe_tx.Refuse, match="neither"):
            verify_safe_tx.verify(bundle, {"safeTx": safe_tx_hash(tx)}, [COUNCIL, child, "4"])


def test_whatever_is_typed_wrongly_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = {**raw_of(pausing()), "operation": "0"}
    for changes, status in (({}, 0), ({"nonce": "three"}, 1), ({"to": VAULT.lower().replace("0x1", "0xA")}, 1)):
        answers = iter({**typed, **changes}.values())
        monkeypatch.setattr("builtins.input", lambda _, answers=answers: next(answers))
        assert verify_safe_tx.main(["--fields"]) == status
        assert ("DO NOT SIGN" in capsys.readouterr().err) == bool(status)
