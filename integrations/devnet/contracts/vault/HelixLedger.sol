// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IHelixFeed} from "../interfaces/IHelixFeed.sol";
import {HelixPricing} from "./HelixPricing.sol";

/// @title Balances, positions, and what an account is worth
/// @notice The book is zero-sum by construction: a trade's value is added to one side's cost and
///         taken from the other's, closing moves cost into collateral of the same account, and what
///         is rounded is rounded down for the account. So at any time
///         `Σ collateral − Σ cost − pending funding + insurance ≤ tokens held + bad debt`,
///         and the difference is rounding dust (or a gift).
abstract contract HelixLedger is HelixPricing {
    using SafeCast for uint256;
    using SafeCast for int256;

    // --- collateral ----------------------------------------------------------------------------

    function _changeCollateral(address account, Reason reason, int256 change) internal {
        if (change == 0) return;
        VaultStorage storage s = _vault();
        Account storage a = s.account[account];
        int256 collateral = int256(a.collateral) + change;
        a.collateral = collateral.toInt128();
        s.totalCollateral = (int256(s.totalCollateral) + change).toInt128();
        emit CollateralChanged(account, reason, change, collateral);
    }

    function _changeInsurance(int256 change) internal {
        if (change == 0) return;
        VaultStorage storage s = _vault();
        uint256 insurance = (int256(uint256(s.insurance)) + change).toUint256();
        s.insurance = insurance.toUint128();
        emit InsuranceChanged(change, insurance);
    }

    function _changeBadDebt(int256 change) internal {
        if (change == 0) return;
        VaultStorage storage s = _vault();
        uint256 badDebt = (int256(uint256(s.badDebt)) + change).toUint256();
        s.badDebt = badDebt.toUint128();
        emit BadDebtChanged(change, badDebt);
    }

    function _know(Account storage a) internal {
        if (a.known) return;
        a.known = true;
        _vault().accounts += 1;
    }

    // --- valuation -----------------------------------------------------------------------------

    /// @dev Everything the account has at today's prices, and the margins it must keep. Reverts if a
    ///      price it needs may not be used.
    function _margin(address account) internal view returns (Margin memory total) {
        Account storage a = _vault().account[account];
        total.equity = a.collateral;
        for (uint256 open = a.openMarkets; open != 0; open &= open - 1) {
            Margin memory one = _positionMargin(account, _lowestBit(open));
            total.equity += one.equity;
            total.initialMargin += one.initialMargin;
            total.maintenanceMargin += one.maintenanceMargin;
        }
    }

    /// @dev One position's part of the above; `equity` is its unrealised profit, funding included.
    function _positionMargin(address account, uint256 market) internal view returns (Margin memory one) {
        Market storage m = _vault().market[market];
        Position storage p = _vault().position[account][market];
        int256 size = p.size;
        if (_expired(m)) {
            if (!m.settled) revert AwaitingSettlement(market, m.expiry);
            // The pay-out is certain now, so nothing needs margin.
            one.equity = _floorDiv(size * _mark(m, int256(uint256(m.settlementPrice))), VALUE_SCALE) - p.cost;
            return one;
        }
        int256 price = _price(m);
        one.equity = _floorDiv(size * _mark(m, price), VALUE_SCALE) - p.cost
            + _floorDiv(-size * (int256(_fundingIndex(m, price)) - p.fundingIndex), FUNDING_SCALE);
        if (m.kind != Kind.PERPETUAL && size > 0) return one; // paid for in full, worth never less than 0
        uint256 notional = _notional(m, size, price);
        one.initialMargin = _ceilBps(notional, m.initialBps);
        one.maintenanceMargin = _ceilBps(notional, m.maintenanceBps);
    }

    /// @dev What may leave: never unrealised profit (it is other accounts' money until they close),
    ///      never what the initial margin needs.
    function _withdrawable(address account) internal view returns (uint256) {
        int256 collateral = _vault().account[account].collateral;
        Margin memory margin = _margin(account);
        int256 free = margin.equity - margin.initialMargin.toInt256();
        if (free > collateral) free = collateral;
        return free > 0 ? uint256(free) : 0;
    }

    /// @notice No liquidation of this account before this time.
    function liquidationsFrom(address account) public view returns (uint256 from) {
        VaultStorage storage s = _vault();
        // A pause that ran out by itself counts from when it ran out.
        from = s.pausedUntil > s.resumedAt ? s.pausedUntil : s.resumedAt;
        if (from != 0) from += s.gracePeriod;
        for (uint256 open = s.account[account].openMarkets; open != 0; open &= open - 1) {
            Market storage m = s.market[_lowestBit(open)];
            if (_expired(m)) continue;
            uint256 restoredAt = IHelixFeed(m.feed).restoredAt();
            if (restoredAt != 0 && restoredAt + s.gracePeriod > from) from = restoredAt + s.gracePeriod;
        }
    }
}
