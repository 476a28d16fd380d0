"""Signs Helix orders: a trader's consent to be matched, as the vault's `matchTrades` takes it.

domain = OrderDomain(chain_id=CHAIN_ID, vault=proxy)
fill = matched(domain, market=0, long=long_key, short=short_key, size=10**18, price=2_000 * 10**8, deadline=...)
vault.functions.matchTrades([fill])
"""

from dataclasses import astuple, dataclass, replace

from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
ORDER_TYPE = (
    b"Order(address account,uint32 market,bool isLong,bool reduceOnly,uint128 size,uint128 limitPrice,"
    b"uint64 deadline,uint64 epoch,uint256 salt)"
)
ORDER_FIELDS = ("address", "uint32", "bool", "bool", "uint128", "uint128", "uint64", "uint64", "uint256")

OrderTuple = tuple[str, int, bool, bool, int, int, int, int, int]
FillTuple = tuple[OrderTuple, bytes, OrderTuple, bytes, int, int]


@dataclass(frozen=True, slots=True)
class OrderDomain:
    """Which vault, on which chain, an order is good for. `vault` is the proxy's address."""

    chain_id: int
    vault: str

    def separator(self) -> bytes:
        return keccak(
            encode(
                ("bytes32", "bytes32", "bytes32", "uint256", "address"),
                (keccak(DOMAIN_TYPE), keccak(b"HelixVault"), keccak(b"1"), self.chain_id, self.vault),
            )
        )


@dataclass(frozen=True, slots=True)
class Order:
    """In the order of the contract's struct: size has 18 decimals, the price 8."""

    account: str
    market: int
    is_long: bool
    reduce_only: bool
    size: int
    limit_price: int
    deadline: int
    epoch: int
    salt: int

    def as_tuple(self) -> OrderTuple:
        values: OrderTuple = astuple(self)
        return values

    def digest(self, domain: OrderDomain) -> bytes:
        body = keccak(encode(("bytes32", *ORDER_FIELDS), (keccak(ORDER_TYPE), *self.as_tuple())))
        return keccak(b"\x19\x01" + domain.separator() + body)

    def sign(self, domain: OrderDomain, key: PrivateKey) -> bytes:
        signature = key.sign_msg_hash(self.digest(domain))
        return signature.to_bytes()[:64] + bytes([27 + signature.v])


def address_of(key: PrivateKey) -> str:
    return to_checksum_address(key.public_key.to_canonical_address())


def matched(
    domain: OrderDomain,
    *,
    market: int,
    long: PrivateKey,
    short: PrivateKey,
    size: int,
    price: int,
    deadline: int,
    salt: int,
) -> FillTuple:
    """Two orders of the same size, limited to the same price, signed and put together for `matchTrades`."""
    order = Order(address_of(long), market, True, False, size, price, deadline, 0, salt)
    against = replace(order, account=address_of(short), is_long=False)
    return (order.as_tuple(), order.sign(domain, long), against.as_tuple(), against.sign(domain, short), size, price)
