// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

interface IVault {
    function deposit(uint256 amount) external;

    function withdraw(uint256 amount, address to) external;
}

/// @notice A token that keeps a hundredth of every transfer once told to.
contract FeeToken is ERC20("Fee", "FEE") {
    bool public greedy;

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setGreedy(bool greedy_) external {
        greedy = greedy_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (greedy && from != address(0) && to != address(0)) super._update(to, address(0), amount / 100);
    }
}

/// @notice A token whose transfers call a recipient back, as ERC-777 did.
contract CallingToken is ERC20("Calling", "CALL") {
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to.code.length != 0) {
            try Thief(to).received() {} catch (bytes memory why) {
                if (why.length != 0) revert Refused(why);
            }
        }
    }

    error Refused(bytes why);
}

/// @notice Withdraws again from within its own withdrawal.
contract Thief {
    IVault private immutable vault;
    bool private armed;

    constructor(IVault vault_, ERC20 token) {
        vault = vault_;
        token.approve(address(vault_), type(uint256).max);
    }

    function deposit(uint256 amount) external {
        vault.deposit(amount);
    }

    function steal(uint256 amount) external {
        armed = true;
        vault.withdraw(amount, address(this));
    }

    function received() external {
        if (!armed) return;
        armed = false;
        vault.withdraw(1, address(this));
    }
}

/// @notice A contract account (ERC-1271) that signs whatever its owner's word is.
contract Wallet {
    bytes32 private approved;

    function approve(bytes32 digest) external {
        approved = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == approved ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice A migration target that takes less than it is told to credit.
contract BadTarget {
    function depositFor(address, uint256) external {}
}
