// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {HelixMarkets} from "./vault/HelixMarkets.sol";
import {HelixOrders} from "./vault/HelixOrders.sol";
import {HelixPositions} from "./vault/HelixPositions.sol";

/// @title Markets, matching, liquidation and settlement
/// @notice A keeper brings two signed orders together; it can choose whom to match and when, but
///         never a price or size that either side has not signed. Liquidation and settlement are
///         open to everyone: they must not depend on one key being awake.
/// @dev Runs by delegatecall from the vault, on the vault's storage: one contract with all of it would be
///      over the size limit of EIP-170. The vault's function of the same name asks for role, pause, mode
///      and re-entrancy before it comes here; called directly, every function refuses.
contract HelixEngine is HelixMarkets, HelixPositions, HelixOrders {
    using SafeCast for uint256;
    using SafeCast for int256;

    /// @dev Most a day's funding can be, as a fraction (18 decimals) of the price.
    int256 internal constant MAX_PREMIUM = 0.03e18;

    // --- matching ------------------------------------------------------------------------------

    /// @notice Matches pairs of signed orders; all of them or none.
    function matchTrades(Fill[] calldata fills) external onlyInVault {
        for (uint256 i; i < fills.length; ++i) _match(fills[i]);
    }

    // --- liquidation ---------------------------------------------------------------------------

    /// @notice Takes over part of a position whose account fell below its maintenance margin, at the
    ///         oracle's price; the penalty goes half to the caller, half to the insurance. The caller
    ///         must afford the position, so open interest stays matched.
    /// @dev While the account keeps at least half of its maintenance margin only half a position may
    ///      be taken at once. A bankrupt account pays no penalty: the insurance owes no reward, or
    ///      people could bankrupt themselves for it.
    function liquidate(address account, uint256 market, uint128 size) external onlyInVault {
        if (account == msg.sender) revert SelfTrade(account);
        _requireLot(size);
        Market storage m = _market(market);
        _requireLive(market, m);
        int256 price = _price(m);
        _accrue(market, m, price);
        Margin memory margin = _requireLiquidatable(account, market, size);
        _takeOver(account, market, size, _mark(m, price), price, margin.equity);
        _requireInitialMargin(msg.sender);
    }

    // --- settlement ----------------------------------------------------------------------------

    /// @notice Pays out positions of a settled market; accounts without one are passed over, so a
    ///         batch can be sent again.
    function settleAccounts(uint256 market, address[] calldata accounts) external onlyInVault {
        Market storage m = _market(market);
        if (!m.settled) revert AwaitingSettlement(market, m.expiry);
        for (uint256 i; i < accounts.length; ++i) _settlePosition(accounts[i], market);
    }

    // --- inner: matching -----------------------------------------------------------------------

    function _match(Fill calldata f) private {
        uint256 market = f.long.market;
        Market storage m = _market(market);
        _requireLot(f.size);
        if (f.long.account == f.short.account) revert SelfTrade(f.long.account);
        _requireLive(market, m);
        int256 price = _price(m);
        _requireInBand(market, m, f.price, uint256(price));
        _useOrder(f.long, f.longSignature, f, true);
        _useOrder(f.short, f.shortSignature, f, false);
        _accrue(market, m, price);
        _blendPremium(market, m, f.size, int256(uint256(f.price)), price);
        uint256 before = m.longInterest;
        int256 size = int256(uint256(f.size));
        int256 value = (size * int256(uint256(f.price))) / VALUE_SCALE;
        int256 mark = _mark(m, price);
        _side(f.long, market, size, value, int256(uint256(f.price)) <= mark);
        _side(f.short, market, -size, -value, int256(uint256(f.price)) >= mark);
        emit TradeMatched(market, f.long.account, f.short.account, f.size, f.price, uint256(value));
        _afterTrade(market, before);
    }

    /// @dev For upgrades that limit what a trade may lead to; `before` is the open interest it met.
    function _afterTrade(uint256 market, uint256 before) internal virtual {}

    function _useOrder(Order calldata order, bytes calldata signature, Fill calldata f, bool isLong) private {
        bytes32 digest = hashOrder(order);
        VaultStorage storage s = _vault();
        if (order.isLong != isLong) revert OrderMismatch(digest, "isLong");
        if (order.market != f.long.market) revert OrderMismatch(digest, "market");
        if (isLong ? f.price > order.limitPrice : f.price < order.limitPrice) {
            revert OrderMismatch(digest, "limitPrice");
        }
        if (block.timestamp > order.deadline) revert OrderExpired(digest, order.deadline);
        uint256 epoch = s.account[order.account].epoch;
        if (order.epoch != epoch) revert OrderOutdated(digest, order.epoch, epoch);
        uint256 filled = s.filled[digest];
        // A cancelled order has the largest number as `filled`, so it is over-filled for any size.
        if (filled > order.size || order.size - filled < f.size) revert OrderOverfilled(digest, order.size, filled);
        if (!SignatureChecker.isValidSignatureNowCalldata(order.account, digest, signature)) {
            revert OrderSignature(digest, order.account);
        }
        s.filled[digest] = filled + f.size;
        emit OrderFilled(digest, order.account, filled + f.size);
    }

    /// @dev Applies one side and asks for the margin that side needs: a position that grew needs the
    ///      initial margin. One that shrank needs the maintenance margin, or, so that people in trouble
    ///      can always get out, a price no worse than the mark (`fair`).
    function _side(Order calldata order, uint256 market, int256 delta, int256 value, bool fair) private {
        address account = order.account;
        (int256 oldSize, int256 newSize) = _applyTrade(account, market, delta, value);
        bool reduced = _abs(newSize) < _abs(oldSize) && (newSize == 0 || (newSize > 0) == (oldSize > 0));
        if (!reduced) {
            if (order.reduceOnly || _vault().mode == Mode.REDUCE_ONLY) revert NotReducing(account, oldSize, newSize);
            _requireInitialMargin(account);
        } else if (!fair) {
            Margin memory margin = _margin(account);
            if (margin.equity < margin.maintenanceMargin.toInt256()) {
                revert InsufficientMargin(account, margin.equity, margin.maintenanceMargin);
            }
        }
        _absorbDeficit(account);
    }

    function _requireInitialMargin(address account) private view {
        Margin memory margin = _margin(account);
        if (margin.equity < margin.initialMargin.toInt256()) {
            revert InsufficientMargin(account, margin.equity, margin.initialMargin);
        }
    }

    /// @dev The signed limits protect the two sides; the band protects everyone else from prices made
    ///      up to move value between two accounts of one owner, one of which then goes bankrupt.
    function _requireInBand(uint256 market, Market storage m, uint256 price, uint256 oracle) private view {
        uint256 fair = uint256(_mark(m, int256(oracle)));
        uint256 low = (fair * (BPS - m.bandBps)) / BPS;
        uint256 high = (oracle * (BPS + m.bandBps)) / BPS;
        if (m.kind == Kind.CALL) high = oracle; // a call is never worth more than its underlying
        if (m.kind == Kind.PUT) high = m.strike; // nor a put more than its strike
        if (price == 0 || price < low || price > high) revert PriceOutOfBand(market, price, low, high);
    }

    function _requireLot(uint256 size) private pure {
        if (size == 0) revert ZeroAmount();
        if (size % LOT != 0) revert SizeNotInLots(size, LOT);
    }

    // --- inner: liquidation --------------------------------------------------------------------

    function _requireLiquidatable(address account, uint256 market, uint256 size)
        private
        view
        returns (Margin memory margin)
    {
        uint256 from = liquidationsFrom(account);
        if (block.timestamp < from) revert GracePeriod(from);
        margin = _margin(account);
        int256 maintenance = margin.maintenanceMargin.toInt256();
        if (margin.equity >= maintenance) revert NotLiquidatable(account, margin.equity, margin.maintenanceMargin);
        uint256 held = _abs(_vault().position[account][market].size).toUint256();
        uint256 maximum = held;
        if (margin.equity * 2 >= maintenance) maximum = ((held / LOT + 1) / 2) * LOT;
        if (size > maximum) revert LiquidationTooLarge(size, maximum);
        // A bought option carries no margin: seizing it at its intrinsic value first would only hurt its owner.
        if (maintenance > 0 && _positionMargin(account, market).maintenanceMargin == 0) {
            revert LiquidateMarginedFirst(account, market);
        }
    }

    function _takeOver(address account, uint256 market, uint128 size, int256 mark, int256 price, int256 equity)
        private
    {
        int256 delta = int256(uint256(size));
        int256 value = (delta * mark) / VALUE_SCALE;
        if (_vault().position[account][market].size > 0) (delta, value) = (-delta, -value);
        Market storage m = _vault().market[market];
        uint256 penalty = (_notional(m, int256(uint256(size)), price) * m.penaltyBps) / BPS;
        if (penalty > _positive(equity)) penalty = _positive(equity);
        // First the penalty, so that a deficit left at the end is absorbed after it.
        _changeCollateral(account, Reason.PENALTY, -penalty.toInt256());
        _changeCollateral(msg.sender, Reason.REWARD, (penalty / 2).toInt256());
        _changeInsurance((penalty - penalty / 2).toInt256());
        _applyTrade(account, market, delta, value);
        _absorbDeficit(account);
        _applyTrade(msg.sender, market, -delta, -value);
        emit Liquidated(account, market, msg.sender, delta, uint256(mark), penalty);
    }

    // --- inner: funding -------------------------------------------------------------------------

    /// @dev Moves the premium toward this trade's, in proportion to its size, so that dust trades
    ///      cannot set the rate everyone pays.
    function _blendPremium(uint256 market, Market storage m, uint256 size, int256 tradePrice, int256 price) internal {
        if (m.kind != Kind.PERPETUAL) return;
        int256 seen = ((tradePrice - price) * 1e18) / price;
        if (seen > MAX_PREMIUM) seen = MAX_PREMIUM;
        if (seen < -MAX_PREMIUM) seen = -MAX_PREMIUM;
        int256 weight = int256(size);
        int256 total = weight + int256(uint256(m.longInterest));
        int256 current = m.premium;
        m.premium = (current + ((seen - current) * weight) / total).toInt128();
        emit PremiumChanged(market, m.premium);
    }
}
