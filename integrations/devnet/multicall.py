"""Multicall3 at its canonical address, as on every large chain: the bytes that safe-eth-py carries."""

import importlib.util
from functools import cache
from pathlib import Path

from integrations.devnet.rpc import Rpc

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
_FILE = "eth/contracts/abis/multicall.py"
_CONSTRUCTOR = 32
"""Bytes of the init code before the code that it leaves behind."""


@cache
def multicall_code() -> bytes:
    """The runtime code. The file is loaded by itself: its package changes settings of the whole process."""
    package = importlib.util.find_spec("safe_eth")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("safe-eth-py is not installed")
    path = Path(package.submodule_search_locations[0]) / _FILE
    spec = importlib.util.spec_from_file_location("multicall3_bytes", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return bytes(module.multicall_v3_bytecode)[_CONSTRUCTOR:]


def put_multicall(rpc: Rpc) -> None:
    """Its real deployment is a transaction signed for other chains."""
    if not rpc.code(MULTICALL3):
        rpc("anvil_setCode", MULTICALL3, "0x" + multicall_code().hex())
