// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title What the second version stores, in a namespace of its own
abstract contract HelixCaps {
    /// @custom:storage-location erc7201:helix.storage.VaultV2
    struct CapsStorage {
        mapping(uint256 market => uint256) openInterestCap;
    }

    // keccak256(abi.encode(uint256(keccak256("helix.storage.VaultV2")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant CAPS_STORAGE = 0x69f0097bfcf64ff9d973061d3cfa87ce1dae20f65479d819e1ccc222ae0a9700;

    event OpenInterestCapSet(uint256 indexed market, uint256 cap);

    error OpenInterestCapExceeded(uint256 market, uint256 openInterest, uint256 cap);

    function _caps() internal pure returns (CapsStorage storage s) {
        bytes32 slot = CAPS_STORAGE;
        assembly ("memory-safe") {
            s.slot := slot
        }
    }
}
