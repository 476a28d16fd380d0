// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IHelixFeed} from "./interfaces/IHelixFeed.sol";

/// @title A Chainlink-compatible price feed whose updaters hold a role
/// @notice Keeps every round, so that an option can be settled by proving which round was in
///         force at its expiry. It stores whatever an updater says, zero and negative answers too:
///         judging an answer is the reader's duty, and the devnet must be able to produce bad ones.
contract HelixFeed is IHelixFeed, AccessControl {
    using SafeCast for uint256;
    using SafeCast for int256;

    bytes32 public constant UPDATER_ROLE = keccak256("UPDATER_ROLE");
    uint256 public constant MAX_HEARTBEAT = 7 days;

    struct Round {
        int192 answer;
        uint64 updatedAt;
    }

    uint8 private immutable _decimals;
    string private _description;
    uint256 public heartbeat;
    uint256 public restoredAt;
    uint80 public latestRound;
    mapping(uint80 roundId => Round) private _rounds;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);
    event HeartbeatSet(uint256 heartbeat);
    event FeedRestored(uint256 indexed roundId, uint256 lastGoodAt, uint256 restoredAt);

    error NoDataPresent(uint80 roundId);
    error HeartbeatOutOfRange(uint256 given, uint256 maximum);

    constructor(
        string memory description_,
        uint8 decimals_,
        uint256 heartbeat_,
        int256 firstAnswer,
        address admin,
        address updater
    ) {
        _description = description_;
        _decimals = decimals_;
        _setHeartbeat(heartbeat_);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(UPDATER_ROLE, updater);
        _update(firstAnswer);
    }

    /// @notice Opens a round with this answer, now.
    function updateAnswer(int256 answer) external onlyRole(UPDATER_ROLE) {
        _update(answer);
    }

    function setHeartbeat(uint256 heartbeat_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setHeartbeat(heartbeat_);
    }

    function decimals() external view returns (uint8) {
        return _decimals;
    }

    function description() external view returns (string memory) {
        return _description;
    }

    function version() external pure returns (uint256) {
        return 4;
    }

    function latestAnswer() external view returns (int256) {
        return _rounds[latestRound].answer;
    }

    function latestTimestamp() external view returns (uint256) {
        return _rounds[latestRound].updatedAt;
    }

    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        return _roundData(roundId);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return _roundData(latestRound);
    }

    /// @notice The last round whose answer came at or before `timestamp`; 0 if there is none.
    /// @dev For keepers who settle options; the vault checks the round it is given by itself.
    function roundAt(uint256 timestamp) external view returns (uint80) {
        uint80 low = 0;
        uint80 high = latestRound;
        while (low < high) {
            uint80 middle = (low + high + 1) / 2;
            if (_rounds[middle].updatedAt <= timestamp) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    function _update(int256 answer) private {
        Round storage previous = _rounds[latestRound];
        uint80 roundId = latestRound + 1;
        uint256 lastAt = previous.updatedAt;
        bool gap = lastAt != 0 && (block.timestamp - lastAt > heartbeat || previous.answer <= 0);
        _rounds[roundId] = Round({answer: answer.toInt192(), updatedAt: block.timestamp.toUint64()});
        latestRound = roundId;
        if (gap && answer > 0) {
            restoredAt = block.timestamp;
            emit FeedRestored(roundId, lastAt, block.timestamp);
        }
        emit NewRound(roundId, msg.sender, block.timestamp);
        emit AnswerUpdated(answer, roundId, block.timestamp);
    }

    function _setHeartbeat(uint256 heartbeat_) private {
        if (heartbeat_ == 0 || heartbeat_ > MAX_HEARTBEAT) revert HeartbeatOutOfRange(heartbeat_, MAX_HEARTBEAT);
        heartbeat = heartbeat_;
        emit HeartbeatSet(heartbeat_);
    }

    function _roundData(uint80 roundId) private view returns (uint80, int256, uint256, uint256, uint80) {
        Round storage round = _rounds[roundId];
        if (round.updatedAt == 0) revert NoDataPresent(roundId);
        return (roundId, round.answer, round.updatedAt, round.updatedAt, roundId);
    }
}
