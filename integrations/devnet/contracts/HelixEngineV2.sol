// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {HelixEngine} from "./HelixEngine.sol";
import {HelixCaps} from "./vault/HelixCaps.sol";

/// @title The engine that honours caps on open interest
contract HelixEngineV2 is HelixEngine, HelixCaps {
    /// @dev Only growth is refused: with a cap below today's open interest, reducing trades still pass.
    function _afterTrade(uint256 market, uint256 before) internal view override {
        uint256 cap = _caps().openInterestCap[market];
        uint256 open = _market(market).longInterest;
        if (cap != 0 && open > cap && open > before) revert OpenInterestCapExceeded(market, open, cap);
    }
}
