// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IHelixFeed} from "../interfaces/IHelixFeed.sol";
import {HelixStorage} from "./HelixStorage.sol";

/// @title Prices, funding and the arithmetic on them
/// @notice Every price is read here, and a price that is stale, not positive, from the future or
///         absurd is refused here, so no action can forget to check.
abstract contract HelixPricing is HelixStorage {
    using SafeCast for uint256;
    using SafeCast for int256;

    uint256 internal constant LOT = 1e12;
    /// @dev size (18) × price (8) → collateral (6).
    int256 internal constant VALUE_SCALE = 1e20;
    /// @dev size (18) × funding index (18) → collateral (6).
    int256 internal constant FUNDING_SCALE = 1e30;
    int256 internal constant MAX_PRICE = 1e18;
    uint256 internal constant BPS = 10_000;

    /// @notice At most this much time is charged at once, so that an outage is not charged in a blow.
    uint256 internal constant MAX_FUNDING_GAP = 8 hours;

    // --- oracle --------------------------------------------------------------------------------

    function _price(Market storage m) internal view returns (int256) {
        address feed = m.feed;
        (, int256 answer,, uint256 updatedAt,) = IHelixFeed(feed).latestRoundData();
        if (answer <= 0 || answer > MAX_PRICE || updatedAt > block.timestamp) {
            revert OracleInvalid(feed, answer, updatedAt);
        }
        uint256 heartbeat = IHelixFeed(feed).heartbeat();
        if (block.timestamp - updatedAt > heartbeat) revert OracleStale(feed, updatedAt, heartbeat, block.timestamp);
        return answer;
    }

    /// @dev What one unit of the market is worth when its underlying stands at `price`. Options are
    ///      taken at their intrinsic value: the least they can be worth, and it needs no model.
    function _mark(Market storage m, int256 price) internal view returns (int256) {
        if (m.kind == Kind.PERPETUAL) return price;
        int256 intrinsic = m.kind == Kind.CALL ? price - int256(uint256(m.strike)) : int256(uint256(m.strike)) - price;
        return intrinsic > 0 ? intrinsic : int256(0);
    }

    /// @dev What margins and penalties are measured by, rounded up. A put's writer can lose up to the
    ///      strike, everyone else in proportion to the price.
    function _notional(Market storage m, int256 size, int256 price) internal view returns (uint256) {
        int256 base = m.kind == Kind.PUT ? int256(uint256(m.strike)) : price;
        return uint256(-_floorDiv(-_abs(size) * base, VALUE_SCALE));
    }

    function _expired(Market storage m) internal view returns (bool) {
        return m.expiry != 0 && block.timestamp >= m.expiry;
    }

    function _requireLive(uint256 market, Market storage m) internal view {
        if (_expired(m)) revert MarketExpired(market, m.expiry);
    }

    // --- funding -------------------------------------------------------------------------------

    function _accrue(uint256 market, Market storage m, int256 price) internal {
        if (m.kind != Kind.PERPETUAL || m.fundingAt == block.timestamp) return;
        m.fundingIndex = _fundingIndex(m, price);
        m.fundingAt = block.timestamp.toUint64();
        emit FundingAccrued(market, m.fundingIndex, block.timestamp);
    }

    /// @dev The index as it would stand after accruing now: dollars (18 decimals) a long of one unit
    ///      has paid since the market began.
    function _fundingIndex(Market storage m, int256 price) internal view returns (int128) {
        if (m.kind != Kind.PERPETUAL || m.longInterest == 0) return m.fundingIndex;
        uint256 gap = block.timestamp - m.fundingAt;
        if (gap > MAX_FUNDING_GAP) gap = MAX_FUNDING_GAP;
        // price (8) × 1e10 → 18 decimals; × premium (18) / 1e18; × share of a day
        int256 step = (price * 1e10 * int256(m.premium) * int256(gap)) / (1e18 * int256(1 days));
        return (int256(m.fundingIndex) + step).toInt128();
    }

    // --- arithmetic ----------------------------------------------------------------------------

    /// @dev Toward minus infinity, so that an account is never credited with a fraction.
    function _floorDiv(int256 a, int256 b) internal pure returns (int256 q) {
        q = a / b;
        if (a % b < 0) q -= 1;
    }

    function _ceilBps(uint256 amount, uint256 bps) internal pure returns (uint256) {
        return (amount * bps + BPS - 1) / BPS;
    }

    function _abs(int256 x) internal pure returns (int256) {
        return x < 0 ? -x : x;
    }

    function _positive(int256 x) internal pure returns (uint256) {
        return x > 0 ? uint256(x) : 0;
    }

    function _popcount(uint256 x) internal pure returns (uint256 n) {
        for (; x != 0; x &= x - 1) ++n;
    }

    /// @dev Index of the lowest set bit; `x` is not 0.
    function _lowestBit(uint256 x) internal pure returns (uint256) {
        return Math.log2(x & (~x + 1));
    }
}
