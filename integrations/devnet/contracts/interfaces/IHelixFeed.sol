// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title What Helix asks of a price feed
/// @notice Chainlink's AggregatorV3Interface and two more questions: how often an answer must
///         come (`heartbeat`), and since when answers have come again after a gap (`restoredAt`).
///         The second is what lets the vault hold liquidations back after an outage without
///         having been called during it.
/// @dev Rounds count up by one. A Chainlink proxy encodes a phase in its round ids and would need
///      an adapter that numbers rounds without gaps.
interface IHelixFeed {
    function decimals() external view returns (uint8);

    function description() external view returns (string memory);

    function version() external view returns (uint256);

    function getRoundData(uint80 roundId)
        external
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    function latestRoundData()
        external
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    /// @notice Longest time in seconds between two answers while the feed is healthy.
    function heartbeat() external view returns (uint256);

    /// @notice Time of the first good answer after the latest gap, or 0 if there never was a gap.
    function restoredAt() external view returns (uint256);
}
