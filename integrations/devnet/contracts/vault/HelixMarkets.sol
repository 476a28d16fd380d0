// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IHelixEngine} from "../interfaces/IHelixEngine.sol";
import {IHelixFeed} from "../interfaces/IHelixFeed.sol";
import {HelixPricing} from "./HelixPricing.sol";

/// @title Listing markets, and the price an option settles at
abstract contract HelixMarkets is IHelixEngine, HelixPricing {
    using SafeCast for uint256;

    uint8 internal constant FEED_DECIMALS = 8;
    /// @dev One bit of an account's `openMarkets` each.
    uint256 internal constant MAX_MARKETS = 256;
    uint256 internal constant SETTLEMENT_PATIENCE = 3 days;

    address private immutable _self = address(this);

    error OnlyInVault();

    modifier onlyInVault() {
        if (address(this) == _self) revert OnlyInVault();
        _;
    }

    // --- administration ------------------------------------------------------------------------

    function addMarket(MarketParams calldata p) external onlyInVault returns (uint256 market) {
        VaultStorage storage s = _vault();
        market = s.markets;
        if (market >= MAX_MARKETS) revert TooManyMarkets(MAX_MARKETS);
        _requireDecimals(p.feed);
        if (p.kind == Kind.PERPETUAL) {
            if (p.strike != 0) revert InvalidParameter("strike");
            if (p.expiry != 0) revert InvalidParameter("expiry");
        } else {
            if (p.strike == 0 || p.strike > uint256(MAX_PRICE)) revert InvalidParameter("strike");
            if (p.expiry <= block.timestamp) revert InvalidParameter("expiry");
        }
        Market storage m = s.market[market];
        s.markets += 1;
        m.symbol = p.symbol;
        m.feed = p.feed;
        m.kind = p.kind;
        m.strike = p.strike;
        m.expiry = p.expiry;
        m.fundingAt = block.timestamp.toUint64();
        _setRisk(m, p.initialBps, p.maintenanceBps, p.bandBps, p.penaltyBps);
        emit MarketAdded(market, p);
    }

    function setMarketRisk(
        uint256 market,
        uint16 initialBps,
        uint16 maintenanceBps,
        uint16 bandBps,
        uint16 penaltyBps
    ) external onlyInVault {
        _setRisk(_market(market), initialBps, maintenanceBps, bandBps, penaltyBps);
        emit MarketRiskSet(market, initialBps, maintenanceBps, bandBps, penaltyBps);
    }

    /// @notice Every liquidation waits a grace period after it: prices may jump with the feed, and those
    ///         who could not act while the old one was wrong get their time.
    function setMarketFeed(uint256 market, address feed) external onlyInVault {
        Market storage m = _market(market);
        _requireDecimals(feed);
        m.feed = feed;
        _price(m);
        _vault().resumedAt = block.timestamp.toUint64();
        emit MarketFeedSet(market, feed);
    }

    /// @notice Brings a perpetual's funding up to date; anyone may.
    function pokeFunding(uint256 market) external onlyInVault {
        Market storage m = _market(market);
        _accrue(market, m, _price(m));
    }

    // --- settlement price ----------------------------------------------------------------------

    /// @notice Fixes an expired option market's price. The caller proves which round was in force at
    ///         expiry (`roundId` came at or before it, the next one after it), so nobody can choose.
    ///         If that round was already stale at expiry, the first one after it counts instead.
    function settleMarket(uint256 market, uint80 roundId) external onlyInVault {
        Market storage m = _market(market);
        uint256 expiry = m.expiry;
        if (!_expired(m)) revert MarketNotExpired(market, expiry);
        IHelixFeed feed = IHelixFeed(m.feed);
        (, int256 answer,, uint256 updatedAt,) = feed.getRoundData(roundId);
        (, int256 nextAnswer,, uint256 nextUpdatedAt,) = feed.getRoundData(roundId + 1);
        if (updatedAt > expiry || nextUpdatedAt <= expiry) {
            revert WrongRound(roundId, updatedAt, nextUpdatedAt, expiry);
        }
        if (answer <= 0 || expiry - updatedAt > feed.heartbeat()) {
            (roundId, answer, updatedAt) = (roundId + 1, nextAnswer, nextUpdatedAt);
        }
        if (answer <= 0 || answer > MAX_PRICE) revert OracleInvalid(address(feed), answer, updatedAt);
        _fixSettlement(market, m, roundId, uint256(answer).toUint128());
    }

    /// @notice Way out when the feed cannot settle an option at all (it died, or both rounds around the
    ///         expiry are bad): after three days the admin, a timelock, names the price in public.
    function settleMarketAt(uint256 market, uint128 price) external onlyInVault {
        Market storage m = _market(market);
        uint256 from = uint256(m.expiry) + SETTLEMENT_PATIENCE;
        if (m.expiry == 0 || block.timestamp < from) revert MarketNotExpired(market, from);
        if (price == 0 || price > uint256(MAX_PRICE)) revert InvalidParameter("price");
        _fixSettlement(market, m, 0, price);
    }

    // --- inner ---------------------------------------------------------------------------------

    function _fixSettlement(uint256 market, Market storage m, uint80 roundId, uint128 price) private {
        if (m.settled) revert AlreadySettled(market, m.settlementPrice);
        m.settled = true;
        m.settlementPrice = price;
        emit MarketSettled(market, roundId, price);
    }

    function _requireDecimals(address feed) private view {
        uint8 given = IHelixFeed(feed).decimals();
        if (given != FEED_DECIMALS) revert FeedDecimals(feed, given, FEED_DECIMALS);
    }

    function _setRisk(Market storage m, uint16 initialBps, uint16 maintenanceBps, uint16 bandBps, uint16 penaltyBps)
        private
    {
        if (initialBps > BPS || initialBps <= maintenanceBps) revert InvalidParameter("initialBps");
        // The penalty must fit into the maintenance margin, or liquidating would make the bad debt itself.
        if (penaltyBps >= maintenanceBps) revert InvalidParameter("penaltyBps");
        if (bandBps == 0 || bandBps >= BPS) revert InvalidParameter("bandBps");
        m.initialBps = initialBps;
        m.maintenanceBps = maintenanceBps;
        m.bandBps = bandBps;
        m.penaltyBps = penaltyBps;
    }
}
