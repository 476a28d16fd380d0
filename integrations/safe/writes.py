"""What a Safe's own functions write into its storage: so that a change is explained by a call that makes exactly it."""

from collections.abc import Mapping
from typing import Any

from integrations.chain.addresses import pad32
from integrations.chain.hashing import keccak
from integrations.safe.reads import SENTINEL, approved_hash_slot

MODULES, OWNERS = 1, 2  # mappings of a Safe, each a linked list
STORAGE = "storage"
Written = set[tuple[str, str]]


def written_by(name: str, args: Mapping[str, Any]) -> Written:
    """(what, what it is afterwards) for each named place, (storage, slot) for each other; "": whatever it is."""
    found: Written = set()
    if "threshold" in args:
        found.add(("threshold", str(args["threshold"])))
    if name in ("addOwnerWithThreshold", "removeOwner"):
        found.add(("number of owners", ""))
    for place, field in (("guard", "guard"), ("fallback handler", "handler")):
        if field in args:
            found.add(("module guard" if name == "setModuleGuard" else place, args[field]))
    return found | {(STORAGE, slot) for slot in _links(name, args)}


def _links(name: str, args: Mapping[str, Any]) -> set[str]:
    """Where a list of owners or modules is opened, and what is put in or taken out."""
    if name in ("addOwnerWithThreshold", "removeOwner", "swapOwner"):
        at = OWNERS
    elif name in ("enableModule", "disableModule"):
        at = MODULES
    else:
        return set()
    before = args.get("prevOwner") or args.get("prevModule") or SENTINEL
    named = [before, *(args[one] for one in ("owner", "module", "gone") if one in args)]
    return {_link(one, at) for one in named}


def _link(address: str, mapping: int) -> str:
    return "0x" + keccak(pad32(address) + pad32(mapping)).hex()


def written_by_approval(sender: str, digest: str) -> Written:
    """An approveHash, on whichever Safe it is made."""
    return {(STORAGE, approved_hash_slot(sender, digest))}
