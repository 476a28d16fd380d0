// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {HelixLedger} from "./HelixLedger.sol";

/// @title How positions change, and every sum they are part of
abstract contract HelixPositions is HelixLedger {
    using SafeCast for uint256;
    using SafeCast for int256;

    /// @dev Bounds the gas of valuing an account, hence of liquidating it.
    uint256 internal constant MAX_POSITIONS = 12;

    /// @dev One side of a trade: `delta` bought (negative: sold) for `value` (negative: received).
    ///      The market's funding must be up to date. Returns the sizes before and after. The caller
    ///      judges the account's margin and only then absorbs a deficit: the other way round, a loss made
    ///      on purpose would be paid by the insurance before anyone looked.
    function _applyTrade(address account, uint256 market, int256 delta, int256 value)
        internal
        returns (int256 oldSize, int256 newSize)
    {
        Market storage m = _vault().market[market];
        Position storage p = _vault().position[account][market];
        oldSize = p.size;
        newSize = oldSize + delta;
        _settleFunding(account, m, p);
        (int256 newCost, int256 realised) = _costAfter(oldSize, p.cost, delta, value);
        _store(account, market, m, p, newSize, newCost, realised);
        _changeCollateral(account, Reason.TRADE, realised);
    }

    /// @dev Pays out a position of an expired market whose settlement price is fixed.
    function _settlePosition(address account, uint256 market) internal {
        Market storage m = _vault().market[market];
        Position storage p = _vault().position[account][market];
        if (p.size == 0) return;
        int256 worth = _floorDiv(int256(p.size) * _mark(m, int256(uint256(m.settlementPrice))), VALUE_SCALE);
        int256 realised = worth - p.cost;
        _store(account, market, m, p, 0, 0, realised);
        _changeCollateral(account, Reason.SETTLEMENT, realised);
        _absorbDeficit(account);
    }

    function _settleFunding(address account, Market storage m, Position storage p) private {
        if (p.size == 0) return;
        int256 paid = _floorDiv(-int256(p.size) * (int256(m.fundingIndex) - p.fundingIndex), FUNDING_SCALE);
        _changeCollateral(account, Reason.FUNDING, paid);
    }

    /// @dev Cost basis after a trade and the profit it realises; cost − collateral is conserved.
    function _costAfter(int256 oldSize, int256 cost, int256 delta, int256 value)
        private
        pure
        returns (int256 newCost, int256 realised)
    {
        if (oldSize == 0 || (oldSize > 0) == (delta > 0)) return (cost + value, 0);
        int256 held = _abs(oldSize);
        int256 traded = _abs(delta);
        if (traded <= held) {
            int256 closedCost = traded == held ? cost : (cost * traded) / held;
            return (cost - closedCost, -value - closedCost);
        }
        int256 closingValue = (value * held) / traded;
        return (value - closingValue, -closingValue - cost);
    }

    /// @dev Writes a position and every sum it is part of.
    function _store(
        address account,
        uint256 market,
        Market storage m,
        Position storage p,
        int256 newSize,
        int256 newCost,
        int256 realised
    ) private {
        int256 oldSize = p.size;
        int256 index = m.fundingIndex;
        m.totalCost = (int256(m.totalCost) + newCost - p.cost).toInt128();
        m.fundingBasis += newSize * index - oldSize * p.fundingIndex;
        m.longInterest = (uint256(m.longInterest) + _positive(newSize) - _positive(oldSize)).toUint128();
        m.shortInterest = (uint256(m.shortInterest) + _positive(-newSize) - _positive(-oldSize)).toUint128();
        if ((oldSize == 0) != (newSize == 0)) _toggle(account, market, m, newSize != 0);
        if (newSize == 0) index = 0;
        p.size = newSize.toInt128();
        p.cost = newCost.toInt128();
        p.fundingIndex = index.toInt128();
        emit PositionChanged(account, market, newSize, newCost, index, realised);
    }

    function _toggle(address account, uint256 market, Market storage m, bool open) private {
        Account storage a = _vault().account[account];
        a.openMarkets ^= 1 << market;
        if (open) {
            _know(a);
            m.positions += 1;
            if (_popcount(a.openMarkets) > MAX_POSITIONS) revert TooManyPositions(account, MAX_POSITIONS);
        } else {
            m.positions -= 1;
        }
    }

    /// @dev An account without positions cannot earn its way back: what it owes is taken from the
    ///      insurance, and the rest is written down openly as bad debt.
    function _absorbDeficit(address account) internal {
        VaultStorage storage s = _vault();
        Account storage a = s.account[account];
        if (a.openMarkets != 0 || a.collateral >= 0) return;
        int256 deficit = -int256(a.collateral);
        int256 insured = int256(uint256(s.insurance));
        if (insured > deficit) insured = deficit;
        _changeCollateral(account, Reason.DEFICIT, deficit);
        _changeInsurance(-insured);
        _changeBadDebt(deficit - insured);
    }
}
