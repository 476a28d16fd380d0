// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title The demo's dollar: 6 decimals, mintable, with a faucet
/// @notice Worth nothing. The faucet is limited so that a visitor of a shared devnet cannot make
///         every total on the screens meaningless.
contract HelixUSD is ERC20, AccessControl {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");
    uint256 public constant FAUCET_AMOUNT = 10_000e6;
    uint256 public constant FAUCET_INTERVAL = 1 hours;

    mapping(address account => uint256) public faucetUsedAt;

    error FaucetTooSoon(uint256 nextAt);

    constructor(address admin) ERC20("Helix USD", "hUSD") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(MINTER_ROLE, admin);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    /// @notice Gives the caller `FAUCET_AMOUNT`, once every `FAUCET_INTERVAL`.
    function faucet() external {
        uint256 usedAt = faucetUsedAt[msg.sender];
        if (usedAt != 0 && block.timestamp < usedAt + FAUCET_INTERVAL) revert FaucetTooSoon(usedAt + FAUCET_INTERVAL);
        faucetUsedAt[msg.sender] = block.timestamp;
        _mint(msg.sender, FAUCET_AMOUNT);
    }
}
