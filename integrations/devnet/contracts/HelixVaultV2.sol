// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {HelixVault} from "./HelixVault.sol";
import {HelixCaps} from "./vault/HelixCaps.sol";

/// @title The Helix vault with a cap on each market's open interest
/// @notice The upgrade that drills rehearse: it adds one thing and changes nothing that the first
///         version stored. Deploy it with a `HelixEngineV2`, which enforces the cap.
contract HelixVaultV2 is HelixVault, HelixCaps {
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor(address engine_) HelixVault(engine_) {}

    function version() external pure override returns (string memory) {
        return "2.0.0";
    }

    /// @notice Trades may not leave more than `cap` open on one side; 0 means no cap.
    function setOpenInterestCap(uint256 market, uint256 cap) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _market(market);
        _caps().openInterestCap[market] = cap;
        emit OpenInterestCapSet(market, cap);
    }

    function openInterestCap(uint256 market) external view returns (uint256) {
        return _caps().openInterestCap[market];
    }
}
