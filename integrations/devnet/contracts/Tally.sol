// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// Counts what is done to it, by a number that names the deed. A deed done twice shows as a count of two, for ever:
/// the campaign of kills is judged by it.
contract Tally {
    mapping(uint256 key => uint256) public counts;

    event Counted(uint256 indexed key, uint256 count, address indexed by);

    function count(uint256 key) external {
        uint256 now_ = ++counts[key];
        emit Counted(key, now_, msg.sender);
    }
}
