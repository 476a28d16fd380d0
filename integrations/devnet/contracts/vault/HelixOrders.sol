// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {HelixStorage} from "./HelixStorage.sol";

/// @title What a trader signs
/// @notice The domain is ("HelixVault", "1", chain id, the proxy's address). Its version is that of the
///         order's format, not of the contract: an upgrade leaves signed orders valid.
abstract contract HelixOrders is HelixStorage, EIP712Upgradeable {
    bytes32 public constant ORDER_TYPEHASH = keccak256(
        "Order(address account,uint32 market,bool isLong,bool reduceOnly,uint128 size,uint128 limitPrice,"
        "uint64 deadline,uint64 epoch,uint256 salt)"
    );

    /// @notice The EIP-712 digest that an order's account signs.
    function hashOrder(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ORDER_TYPEHASH, order)));
    }
}
