// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessControlUpgradeable} from "@openzeppelin/contracts-upgradeable/access/AccessControlUpgradeable.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {HelixStorage} from "./HelixStorage.sol";

/// @title Who may stop the vault, for how long, and who may change it
/// @notice The guardian can only make the vault stricter and only for a while: its pause ends by
///         itself, and it has three of them in 30 days. Everything that frees the vault
///         again, or changes it, belongs to the admin (a timelock) or the upgrader.
abstract contract HelixGuard is HelixStorage, AccessControlUpgradeable {
    using SafeCast for uint256;

    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    bytes32 public constant UPGRADER_ROLE = keccak256("UPGRADER_ROLE");
    bytes32 public constant MIGRATOR_ROLE = keccak256("MIGRATOR_ROLE");
    bytes32 public constant KEEPER_ROLE = keccak256("KEEPER_ROLE");

    /// @dev A guardian's pause comes no sooner than 30 days after its third last one, and 3 × 7 days are
    ///      below 30: even a hostile guardian leaves nine days in thirty to withdraw.
    uint256 public constant MAX_PAUSE_DURATION = 7 days;
    uint256 public constant PAUSE_WINDOW = 30 days;
    uint256 public constant MAX_GRACE_PERIOD = 1 days;

    modifier whenNotPaused() {
        _requireNotPaused();
        _;
    }

    /// @dev Lets an action through only in `strictest` or a freer mode.
    modifier inMode(Mode strictest) {
        _requireMode(strictest);
        _;
    }

    // --- pause -------------------------------------------------------------------------------

    /// @notice Stops deposits, withdrawals, trades, liquidations and settlements until `pausedUntil`.
    /// @dev A pause in force cannot be prolonged: it must end first, and the next one is counted.
    function pause() external onlyRole(GUARDIAN_ROLE) {
        _requireNotPaused();
        VaultStorage storage s = _vault();
        uint256 next = nextPauseAt();
        if (block.timestamp < next) revert PauseLimit(next);
        s.pauseStarts = [s.pauseStarts[1], s.pauseStarts[2], block.timestamp.toUint64()];
        s.pausedUntil = (block.timestamp + s.pauseDuration).toUint64();
        emit Paused(msg.sender, s.pausedUntil, pausesUsed());
    }

    /// @notice Ends the pause now and gives the guardian its pauses back: someone with more power
    ///         than the guardian has looked at it.
    function unpause() external {
        if (!hasRole(UPGRADER_ROLE, msg.sender) && !hasRole(DEFAULT_ADMIN_ROLE, msg.sender)) {
            revert NotAllowed(msg.sender);
        }
        if (!paused()) revert ExpectedPause();
        VaultStorage storage s = _vault();
        s.pausedUntil = block.timestamp.toUint64();
        delete s.pauseStarts;
        emit Unpaused(msg.sender, block.timestamp);
    }

    /// @notice Whether the pause is in force at this block's time.
    function paused() public view returns (bool) {
        return block.timestamp < _vault().pausedUntil;
    }

    /// @notice When the latest pause ends or ended (0: there was none).
    function pausedUntil() external view returns (uint256) {
        return _vault().pausedUntil;
    }

    function pauseState()
        external
        view
        returns (bool inForce, uint256 until, uint256 duration, uint256 used, uint256 nextAt)
    {
        VaultStorage storage s = _vault();
        return (paused(), s.pausedUntil, s.pauseDuration, pausesUsed(), nextPauseAt());
    }

    /// @notice When the guardian has a pause left again; in the past if it has one now.
    function nextPauseAt() public view returns (uint256) {
        uint64 oldest = _vault().pauseStarts[0];
        return oldest == 0 ? 0 : oldest + PAUSE_WINDOW;
    }

    /// @notice How many of its three pauses the guardian has begun in the last 30 days.
    function pausesUsed() public view returns (uint256 used) {
        uint64[3] storage starts = _vault().pauseStarts;
        for (uint256 i; i < 3; ++i) {
            if (starts[i] != 0 && block.timestamp < starts[i] + PAUSE_WINDOW) ++used;
        }
    }

    function setPauseDuration(uint64 duration) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setPauseDuration(duration);
    }

    // --- mode --------------------------------------------------------------------------------

    /// @notice The guardian may only go to a stricter mode; the admin anywhere.
    function setMode(Mode wanted) external {
        Mode current = _vault().mode;
        if (!hasRole(DEFAULT_ADMIN_ROLE, msg.sender)) {
            _checkRole(GUARDIAN_ROLE);
            if (wanted <= current) revert ModeNotStricter(current, wanted);
        }
        VaultStorage storage s = _vault();
        // Accounts could not be topped up in the two strictest modes: leaving them starts a grace period.
        if (current >= Mode.WITHDRAW_ONLY && wanted < Mode.WITHDRAW_ONLY) {
            s.resumedAt = block.timestamp.toUint64();
        }
        s.mode = wanted;
        emit ModeChanged(current, wanted, msg.sender);
    }

    function mode() external view returns (Mode) {
        return _vault().mode;
    }

    // --- grace -------------------------------------------------------------------------------

    function setGracePeriod(uint64 period) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setGracePeriod(period);
    }

    function gracePeriod() external view returns (uint256) {
        return _vault().gracePeriod;
    }

    // --- inner -------------------------------------------------------------------------------

    function _setGracePeriod(uint64 period) internal {
        if (period > MAX_GRACE_PERIOD) revert InvalidParameter("gracePeriod");
        _vault().gracePeriod = period;
        emit GracePeriodSet(period);
    }

    function _setPauseDuration(uint64 duration) internal {
        if (duration == 0 || duration > MAX_PAUSE_DURATION) revert InvalidParameter("pauseDuration");
        _vault().pauseDuration = duration;
        emit PauseDurationSet(duration);
    }

    function _requireNotPaused() internal view {
        if (paused()) revert EnforcedPause(_vault().pausedUntil);
    }

    function _requireMode(Mode strictest) internal view {
        Mode current = _vault().mode;
        if (current > strictest) revert ModeForbids(current);
    }
}
