"""One value out of a JSON answer: exact, typed, bounded; what does not fit is refused, never rounded."""

from decimal import Decimal
from typing import Any

import pytest

from integrations.json_values import pick, typed

DOCUMENT = {"data": {"items": [{"price": Decimal("1.5")}, {"price-usd": 7}]}, "list": [[1, 2], [3]]}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.items[0].price", Decimal("1.5")),
        ("data.items[1].price-usd", 7),
        ("list[0][1]", 2),
        ("list", [[1, 2], [3]]),
    ],
)
def test_what_stands_at_a_path(path: str, found: Any) -> None:
    assert pick(DOCUMENT, path) == found


@pytest.mark.parametrize("path", ["data.none", "data.items[2]", "data.items.price", "list[0].x", "data[0]", "nope"])
def test_what_is_not_there_is_named(path: str) -> None:
    with pytest.raises(ValueError, match="there is no"):
        pick(DOCUMENT, path)
    with pytest.raises(ValueError, match="there is no"):
        pick("text", path)


@pytest.mark.parametrize(
    ("value", "kind", "decimals", "text"),
    [
        (5, "uint256", 0, "5"),
        (
            "115792089237316195423570985008687907853269984665640564039457584007913129639935",
            "uint256",
            0,
            str(2**256 - 1),
        ),
        ("0xff", "uint256", 0, "255"),
        (-7, "int256", 0, "-7"),
        (Decimal("1.5"), "uint256", 6, "1500000"),
        (Decimal("1e3"), "uint256", 0, "1000"),
        ("-0.05", "int256", 2, "-5"),
        ("2.500", "uint256", 1, "25"),
        ("0x" + "ab" * 20, "address", 0, "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"),
        ("0x" + "AB" * 32, "bytes32", 0, "0x" + "ab" * 32),
        (True, "bool", 0, True),
        ("fine", "text", 0, "fine"),
    ],
)
def test_typed(value: Any, kind: str, decimals: int, text: Any) -> None:
    assert typed(value, kind, decimals=decimals) == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *((-1, "uint256"), (2**256, "uint256"), (True, "uint256"), (None, "uint256"), ("1_000", "uint256")),
        *(("1.5", "uint256"), (Decimal("1.5"), "int256"), (Decimal("1e999999"), "uint256"), ("", "uint256")),
        *((Decimal("NaN"), "uint256"), ({}, "uint256"), ("9" * 79, "uint256"), ("٣", "uint256"), (2**255, "int256")),
        *(("0x12", "address"), (5, "address"), ("0x12", "bytes32"), ("true", "bool"), (1, "bool"), (5, "text")),
        *(("a\x00", "text"), ("a" * 501, "text"), ("\ud800", "text"), ([], "text")),
    ],
)
def test_what_does_not_fit_is_refused(value: Any, kind: str) -> None:
    with pytest.raises(ValueError):
        typed(value, kind)
