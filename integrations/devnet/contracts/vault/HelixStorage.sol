// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IHelixVault} from "../interfaces/IHelixVault.sol";

/// @title Where the vault keeps its state
/// @notice One ERC-7201 namespace: no contract in the inheritance line has a plain state variable, so
///         an upgrade can reorder, add or drop base contracts without moving a single slot. Upgrades
///         append to this struct's end or open a namespace of their own;
///         what there is many of lives in mappings, so that those structs can grow as well.
abstract contract HelixStorage is IHelixVault {
    /// @dev Bit `i` of `openMarkets` is set while the account holds a position in market `i`.
    struct Account {
        int128 collateral;
        uint64 epoch;
        bool known;
        uint256 openMarkets;
    }

    /// @custom:storage-location erc7201:helix.storage.Vault
    struct VaultStorage {
        IERC20 token;
        Mode mode;
        uint64 pausedUntil;
        uint64 resumedAt;
        uint64 gracePeriod;
        uint64 pauseDuration;
        uint64[3] pauseStarts;
        address migrationTarget;
        uint64 accounts;
        int128 totalCollateral;
        uint128 insurance;
        uint128 badDebt;
        uint64 markets;
        mapping(uint256 market => Market) market;
        mapping(address account => Account) account;
        mapping(address account => mapping(uint256 market => Position)) position;
        mapping(bytes32 orderHash => uint256) filled;
    }

    // keccak256(abi.encode(uint256(keccak256("helix.storage.Vault")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant VAULT_STORAGE = 0x22cdfd333f8a987a454c4ac5c99babbc9a6f77814f04b38ebb28a000a8058400;

    function _vault() internal pure returns (VaultStorage storage s) {
        bytes32 slot = VAULT_STORAGE;
        assembly ("memory-safe") {
            s.slot := slot
        }
    }

    function _market(uint256 market) internal view returns (Market storage) {
        VaultStorage storage s = _vault();
        if (market >= s.markets) revert NoSuchMarket(market);
        return s.market[market];
    }
}
