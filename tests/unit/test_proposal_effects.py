"""What a simulation did, as findings are given it, and what a call carries: from plain values."""

import pytest

from governance.findings import CallFacts, Effect, find_all
from governance.proposals.effects import MOST, TRANSFER, effects_of
from governance.proposals.unfolding import Carried, carried
from governance.txservice.signatures import read
from integrations.chain.abi import encode_call, selector
from integrations.chain.addresses import checksum, pad32
from integrations.chain.hashing import keccak
from integrations.safe.signatures import WORD_SIGNATURE, contract, parse
from integrations.safe.simulate import Change, SimulatedLog, Simulation
from ledger import Invalid
from tests.unit.test_governance_findings import SAFE, facts_of

VAULT, THIEF, FRIEND, CHILD = (checksum("0x" + f"{number:040x}") for number in (0x91, 0xE1, 0xC1, 0xA2))
IMPLEMENTATION = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
DIGEST = "0x" + "22" * 32


def simulation(*logs: SimulatedLog, changes: tuple[Change, ...] = ()) -> Simulation:
    return Simulation(True, "", 1, changes, logs, 1, False)


def effects(run: Simulation) -> list[Effect]:
    return effects_of(run, safe=SAFE, safes=[CHILD], contracts=[VAULT])


def transfer(amount: int) -> SimulatedLog:
    return SimulatedLog(THIEF, (TRANSFER, pad32(SAFE), pad32(FRIEND)), pad32(amount))


def word(value: int) -> str:
    return f"0x{value:064x}"


def test_no_number_of_logs_hides_what_changes() -> None:
    changes = (
        Change(SAFE, word(4), word(2), word(1)),
        Change(CHILD, word(77), word(0), word(1)),
        Change(VAULT, IMPLEMENTATION, word(0), word(int(THIEF, 16))),
        Change(THIEF, "balance", "0x0", "0xffffff"),
    )
    run = simulation(*(transfer(amount) for amount in range(MOST)), changes=changes)
    found = effects(run)
    assert [one.kind for one in found[:4]] == ["safe", "safe", "code", "coin"]
    assert found[-1] == Effect("cut", "", "", "", "4") and len(found) == MOST + 1
    seen = find_all(facts_of({"effects": [vars(one) for one in found], "listed": True}))
    blocking = {one.finding for one in seen if one.grade == "blocking"}
    assert blocking >= {"too_many_effects", "safe_change", "implementation_change", "unknown_value"}
    same = effects(simulation(*[transfer(1)] * (2 * MOST), changes=changes))
    assert [one.kind for one in same] == ["safe", "safe", "code", "coin", "token"]


def test_an_access_manager_says_who_gets_power() -> None:
    granted = keccak(b"RoleGranted(uint64,address,uint32,uint48,bool)"), pad32(0), pad32(THIEF)
    handed = (keccak(b"AuthorityUpdated(address)"),)
    found = effects(simulation(SimulatedLog(VAULT, granted, b""), SimulatedLog(VAULT, handed, pad32(THIEF))))
    assert [(one.kind, one.at, one.to) for one in found] == [("role", VAULT, THIEF), ("owner", VAULT, THIEF)]


COMPOUND = "(address t, uint256 v, string s, bytes d, uint256 e)"
MODULE = "(address t, uint256 v, bytes d, uint8 o)"
ROLES = "(address t, uint256 v, bytes d, uint8 o, bytes32 r, bool s)"
PAUSE = selector("pause()")


@pytest.mark.parametrize(
    ("signature", "args", "data"),
    [
        (f"queueTransaction{COMPOUND}", [VAULT, 5, "setOwner(address)", pad32(THIEF), 0], b""),
        (f"executeTransaction{COMPOUND}", [VAULT, 5, "setOwner(address)", pad32(THIEF), 0], b""),
        (f"executeTransaction{COMPOUND}", [VAULT, 5, "", PAUSE, 0], PAUSE),
        (f"executeNextTx{MODULE}", [VAULT, 5, PAUSE, 1], PAUSE),
        (f"execTransactionWithRole{ROLES}", [VAULT, 5, PAUSE, 1, bytes(32), True], PAUSE),
        (f"execTransactionWithRoleReturnData{ROLES}", [VAULT, 5, PAUSE, 1, bytes(32), True], PAUSE),
        ("schedule(address t, bytes d, uint48 w)", [VAULT, PAUSE, 0], PAUSE),
        ("execute(address t, bytes d)", [VAULT, PAUSE], PAUSE),
    ],
)
def test_what_timelocks_and_modules_carry_is_opened(signature: str, args: list[object], data: bytes) -> None:
    (one,) = carried(Carried(SAFE, CHILD, 0, encode_call(signature, "", args))) or []
    assert (one.sender, one.to, one.data) == (CHILD, VAULT, data or selector("setOwner(address)") + pad32(THIEF))
    assert (one.value, one.delegated) == (5 if "uint256 v" in signature else 0, "uint8 o" in signature)


def test_what_a_timelock_does_to_itself_is_no_call_of_a_safe() -> None:
    data = encode_call("updateDelay(uint256 d)", "", [999_999])
    itself = CallFacts(to=VAULT, data=data, label="Timelock", registered=True, sender=VAULT, code=True)
    facts = facts_of({"delays": {VAULT: 10}})
    found = find_all(type(facts)(**{**vars(facts), "calls": (itself,)}))
    assert [(one.finding, one.grade) for one in found if one.finding != "allow_list"] == [
        ("unknown_selector", "blocking"),  # it was not decoded here
        ("bypassed_timelock", "warning"),
    ]


# ── contracts' signatures ────────────────────────────────────────────────────────────────────────────────────────────

DATA = b"\x07" * WORD_SIGNATURE
PART = pad32(len(DATA)) + DATA
FILL = bytes(-len(DATA) % 32)


def pointing(owner: str, offset: int) -> bytes:
    return pad32(owner) + pad32(offset) + b"\0"


def test_a_contracts_signature_may_be_filled_up_to_whole_words() -> None:
    plain = bytes.fromhex(contract(VAULT, DATA).hex[2:])
    assert parse(plain + FILL, DIGEST) == parse(plain, DIGEST) == contract(VAULT, DATA)
    for wrong in (plain[:-1], plain + FILL[:-1], plain + FILL + b"\0", plain + b"\1" * len(FILL)):
        with pytest.raises(Invalid, match="promises"):
            parse(wrong, DIGEST)


def test_several_signatures_are_read_to_the_last_byte() -> None:
    first = 2 * WORD_SIGNATURE
    static = pointing(VAULT, first) + pointing(CHILD, first + len(PART + FILL))
    for blob in (static + PART + FILL + PART, static + PART + FILL + PART + FILL):
        assert [one.owner for one in read(blob, DIGEST, ())] == [VAULT, CHILD]
        assert {one.dynamic for one in read(blob, DIGEST, ())} == {PART}
    swapped = pointing(VAULT, first + len(PART)) + pointing(CHILD, first) + PART + PART
    assert [one.owner for one in read(swapped, DIGEST, ())] == [VAULT, CHILD]
    plain = bytes(12) + bytes.fromhex(FRIEND[2:]) + bytes(32) + b"\1"
    assert [one.owner for one in read(plain + plain, DIGEST, ())] == [FRIEND, FRIEND]
    shared = pointing(VAULT, first) + pointing(CHILD, first) + PART
    gap = pointing(VAULT, first + 5) + pointing(CHILD, first + 5 + len(PART)) + b"junk!" + PART + PART
    for blob in (
        shared,
        gap,
        static + PART + FILL + PART + b"junk",
        static + PART + FILL,
        static[:WORD_SIGNATURE],
        plain + b"x",
    ):
        with pytest.raises(Invalid):
            read(blob, DIGEST, ())
