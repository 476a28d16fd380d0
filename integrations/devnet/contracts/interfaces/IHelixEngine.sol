// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IHelixVault} from "./IHelixVault.sol";

/// @title The vault's functions that live in its engine
/// @notice Vault and module both implement this, so the calldata of one fits the other.
interface IHelixEngine is IHelixVault {
    /// @notice Lists a market; its number is the next free one.
    function addMarket(MarketParams calldata params) external returns (uint256 market);

    function setMarketRisk(
        uint256 market,
        uint16 initialBps,
        uint16 maintenanceBps,
        uint16 bandBps,
        uint16 penaltyBps
    ) external;

    /// @notice Prices a market from another feed (the first is dead or wrong); it must answer already.
    function setMarketFeed(uint256 market, address feed) external;

    /// @notice Brings a perpetual's funding up to date.
    function pokeFunding(uint256 market) external;

    /// @notice Fixes an expired option market's price; `roundId` is the feed's round in force at expiry.
    function settleMarket(uint256 market, uint80 roundId) external;

    /// @notice Fixes it by hand, where the feed could not for three days.
    function settleMarketAt(uint256 market, uint128 price) external;

    /// @notice Matches pairs of signed orders; all of them or none.
    function matchTrades(Fill[] calldata fills) external;

    /// @notice Takes over `size` of a position whose account fell below its maintenance margin.
    function liquidate(address account, uint256 market, uint128 size) external;

    /// @notice Pays out positions of a settled market.
    function settleAccounts(uint256 market, address[] calldata accounts) external;
}
