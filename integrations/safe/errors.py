"""The codes with which a Safe reverts, in words."""

ERRORS = {
    "GS000": "could not finish initialisation",
    "GS001": "threshold is not set",
    "GS010": "not enough gas to execute the Safe transaction",
    "GS011": "could not pay gas costs with ether",
    "GS012": "could not pay gas costs with the token",
    "GS013": "the inner call failed",
    "GS020": "fewer signatures than the threshold",
    "GS021": "a contract signature points into the static part",
    "GS022": "a contract signature's length is out of bounds",
    "GS023": "a contract signature's data are out of bounds",
    "GS024": "a contract owner does not accept the signature",
    "GS025": "an owner has not approved this hash",
    "GS026": "a signature is not an owner's, or the owners are not in order, or it is over another hash or nonce",
    "GS030": "only owners can approve a hash",
    "GS031": "only the Safe itself may call this",
    "GS100": "modules were set up before",
    "GS101": "not a valid module",
    "GS102": "the module is enabled already",
    "GS103": "the previous module is a wrong one",
    "GS104": "only an enabled module may call this",
    "GS200": "owners were set up before",
    "GS201": "the threshold would exceed the number of owners",
    "GS202": "the threshold must be at least 1",
    "GS203": "not a valid owner",
    "GS204": "the address is an owner already",
    "GS205": "the previous owner is a wrong one",
    "GS300": "the guard does not support the guard interface",
    "GS301": "the module guard does not support its interface",
    "GS400": "the fallback handler cannot be the Safe itself",
}


def explain(reason: str) -> str:
    """A revert reason, with a Safe's error code in words."""
    words = ERRORS.get(reason.strip())
    return f"{reason}: {words}" if words else reason
