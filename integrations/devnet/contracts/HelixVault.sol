// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IHelixEngine} from "./interfaces/IHelixEngine.sol";
import {HelixGuard} from "./vault/HelixGuard.sol";
import {HelixLedger} from "./vault/HelixLedger.sol";
import {HelixOrders} from "./vault/HelixOrders.sol";

/// @title The Helix margin vault
/// @notice Holds everyone's collateral and keeps the book of matched positions. Runs behind an
///         ERC-1967 proxy. See README.md beside this file for roles, units and events.
contract HelixVault is
    IHelixEngine,
    HelixLedger,
    HelixGuard,
    HelixOrders,
    UUPSUpgradeable,
    ReentrancyGuardTransient
{
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using SafeCast for int256;

    struct Roles {
        address admin;
        address guardian;
        address upgrader;
        address migrator;
        address keeper;
    }

    struct Totals {
        int256 collateral;
        uint256 insurance;
        uint256 badDebt;
        uint256 accounts;
        uint256 positions;
        uint256 markets;
    }

    /// @dev `surplus` is `assets − liabilities`: never below 0 while the vault is whole.
    struct Solvency {
        uint256 assets;
        int256 equity;
        uint256 insurance;
        int256 liabilities;
        int256 surplus;
        uint256 badDebt;
    }

    /// @notice Where matching, liquidation and settlement live (see `HelixEngine`). Immutable: it can
    ///         only change together with the implementation, by an upgrade.
    /// @custom:oz-upgrades-unsafe-allow state-variable-immutable
    address public immutable engine;

    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor(address engine_) {
        if (engine_.code.length == 0) revert InvalidParameter("engine");
        engine = engine_;
        _disableInitializers();
    }

    function initialize(IERC20 token_, Roles calldata roles, uint64 pauseDuration, uint64 gracePeriod_)
        external
        initializer
    {
        __AccessControl_init();
        __EIP712_init("HelixVault", "1");
        if (roles.admin == address(0) || roles.guardian == address(0)) revert ZeroAddress();
        if (IERC20Metadata(address(token_)).decimals() != 6) revert InvalidParameter("token");
        _vault().token = token_;
        emit TokenSet(address(token_));
        _grantRole(DEFAULT_ADMIN_ROLE, roles.admin);
        _grantRole(GUARDIAN_ROLE, roles.guardian);
        if (roles.upgrader != address(0)) _grantRole(UPGRADER_ROLE, roles.upgrader);
        if (roles.migrator != address(0)) _grantRole(MIGRATOR_ROLE, roles.migrator);
        if (roles.keeper != address(0)) _grantRole(KEEPER_ROLE, roles.keeper);
        _setPauseDuration(pauseDuration);
        _setGracePeriod(gracePeriod_);
    }

    function version() external pure virtual returns (string memory) {
        return "1.0.0";
    }

    // --- collateral in and out -----------------------------------------------------------------

    function deposit(uint256 amount) external {
        depositFor(msg.sender, amount);
    }

    /// @notice Deposits need no price: they can only make an account safer, and people must be able to
    ///         top up while a feed is down, before its grace period runs out.
    function depositFor(address account, uint256 amount)
        public
        whenNotPaused
        inMode(Mode.REDUCE_ONLY)
        nonReentrant
    {
        _pull(amount);
        _credit(account, amount);
    }

    /// @notice Deposits for many accounts with one transfer of the sum.
    function batchDepositFor(address[] calldata accounts, uint256[] calldata amounts)
        external
        whenNotPaused
        inMode(Mode.REDUCE_ONLY)
        nonReentrant
    {
        if (accounts.length != amounts.length) revert LengthMismatch(accounts.length, amounts.length);
        uint256 sum;
        for (uint256 i; i < amounts.length; ++i) sum += amounts[i];
        _pull(sum);
        for (uint256 i; i < accounts.length; ++i) _credit(accounts[i], amounts[i]);
    }

    /// @notice Refused while paused (an attacker's withdrawal is what a pause is for) and in HALTED mode;
    ///         the pause ends by itself at `pausedUntil`.
    function withdraw(uint256 amount, address to) external whenNotPaused inMode(Mode.WITHDRAW_ONLY) nonReentrant {
        if (amount == 0) revert ZeroAmount();
        if (to == address(0) || to == address(this)) revert ZeroAddress();
        uint256 free = _withdrawable(msg.sender);
        if (amount > free) revert ExceedsWithdrawable(msg.sender, amount, free);
        _changeCollateral(msg.sender, Reason.WITHDRAWAL, -amount.toInt256());
        emit Withdrawn(msg.sender, to, amount);
        _vault().token.safeTransfer(to, amount);
    }

    /// @notice A gift to the vault: pays off bad debt first, the rest goes to the insurance.
    /// @dev Works in every mode and while paused: it is how a broken vault is made whole.
    function fundInsurance(uint256 amount) external nonReentrant {
        _pull(amount);
        uint256 debt = _vault().badDebt;
        uint256 repaid = amount < debt ? amount : debt;
        _changeBadDebt(-repaid.toInt256());
        _changeInsurance((amount - repaid).toInt256());
    }

    // --- by the engine -------------------------------------------------------------------------

    /// @inheritdoc IHelixEngine
    function addMarket(MarketParams calldata) external onlyRole(DEFAULT_ADMIN_ROLE) returns (uint256) {
        return abi.decode(_byEngine(), (uint256));
    }

    /// @inheritdoc IHelixEngine
    function setMarketRisk(uint256, uint16, uint16, uint16, uint16) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _byEngine();
    }

    /// @inheritdoc IHelixEngine
    function setMarketFeed(uint256, address) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _byEngine();
    }

    /// @inheritdoc IHelixEngine
    function pokeFunding(uint256) external whenNotPaused inMode(Mode.REDUCE_ONLY) {
        _byEngine();
    }

    /// @inheritdoc IHelixEngine
    function settleMarket(uint256, uint80) external whenNotPaused inMode(Mode.WITHDRAW_ONLY) {
        _byEngine();
    }

    /// @inheritdoc IHelixEngine
    function settleMarketAt(uint256, uint128) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _byEngine();
    }

    /// @inheritdoc IHelixEngine
    function matchTrades(Fill[] calldata)
        external
        onlyRole(KEEPER_ROLE)
        whenNotPaused
        inMode(Mode.REDUCE_ONLY)
        nonReentrant
    {
        _byEngine();
    }

    /// @inheritdoc IHelixEngine
    /// @dev Open in REDUCE_ONLY too: the position changes hands, open interest does not grow.
    function liquidate(address, uint256, uint128) external whenNotPaused inMode(Mode.REDUCE_ONLY) nonReentrant {
        _byEngine();
    }

    /// @inheritdoc IHelixEngine
    function settleAccounts(uint256, address[] calldata)
        external
        whenNotPaused
        inMode(Mode.WITHDRAW_ONLY)
        nonReentrant
    {
        _byEngine();
    }

    /// @notice Makes one order worthless; only its account may.
    function cancelOrder(Order calldata order) external {
        if (order.account != msg.sender) revert NotAllowed(msg.sender);
        bytes32 digest = hashOrder(order);
        _vault().filled[digest] = type(uint256).max;
        emit OrderCancelled(digest, msg.sender);
    }

    /// @notice Makes every order the caller has signed so far worthless.
    function cancelAllOrders() external {
        Account storage a = _vault().account[msg.sender];
        a.epoch += 1;
        emit EpochRaised(msg.sender, a.epoch);
    }

    /// @notice How much of an order is used up (the largest number: cancelled).
    function orderFilled(bytes32 orderHash) external view returns (uint256) {
        return _vault().filled[orderHash];
    }

    // --- migration -----------------------------------------------------------------------------

    /// @notice The only vault that collateral may be migrated to.
    function setMigrationTarget(address target) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (target == address(this)) revert InvalidParameter("target");
        _vault().migrationTarget = target;
        emit MigrationTargetSet(target);
    }

    /// @notice Moves the collateral of accounts without positions to the same accounts in the target.
    /// @dev The migrator chooses when, never where: the admin named the target, and the target must
    ///      credit exactly the account that is debited here. Works while paused, for it is used in
    ///      emergencies, but only in the two strictest modes, so nobody is moved in daily business.
    function migrateCollateral(address[] calldata accounts) external onlyRole(MIGRATOR_ROLE) nonReentrant {
        VaultStorage storage s = _vault();
        if (s.mode < Mode.WITHDRAW_ONLY) revert ModeForbids(s.mode);
        address target = s.migrationTarget;
        if (target == address(0)) revert ZeroAddress();
        for (uint256 i; i < accounts.length; ++i) {
            address account = accounts[i];
            Account storage a = s.account[account];
            if (a.openMarkets != 0) revert OpenPositions(account);
            uint256 amount = int256(a.collateral).toUint256();
            if (amount == 0) continue;
            _changeCollateral(account, Reason.MIGRATION, -amount.toInt256());
            emit Migrated(account, target, amount);
            _push(s.token, target, account, amount);
        }
    }

    // --- reading -------------------------------------------------------------------------------

    function token() external view returns (IERC20) {
        return _vault().token;
    }

    function migrationTarget() external view returns (address) {
        return _vault().migrationTarget;
    }

    function marketCount() external view returns (uint256) {
        return _vault().markets;
    }

    function getMarket(uint256 market) external view returns (Market memory) {
        return _market(market);
    }

    /// @notice The market's underlying price now; reverts if it may not be used.
    function oraclePrice(uint256 market) external view returns (uint256) {
        return uint256(_price(_market(market)));
    }

    function accountOf(address account)
        external
        view
        returns (int256 collateral, uint256 openMarkets, uint256 epoch)
    {
        Account storage a = _vault().account[account];
        return (a.collateral, a.openMarkets, a.epoch);
    }

    function collateralOf(address account) external view returns (int256) {
        return _vault().account[account].collateral;
    }

    function positionOf(address account, uint256 market) external view returns (Position memory) {
        return _vault().position[account][market];
    }

    /// @notice Equity and margins now; reverts if a price they need is stale.
    function marginOf(address account) external view returns (Margin memory) {
        return _margin(account);
    }

    function withdrawable(address account) external view returns (uint256) {
        return _withdrawable(account);
    }

    /// @notice Sums over all accounts.
    function totals() external view returns (Totals memory t) {
        VaultStorage storage s = _vault();
        t.collateral = s.totalCollateral;
        t.insurance = s.insurance;
        t.badDebt = s.badDebt;
        t.accounts = s.accounts;
        t.markets = s.markets;
        for (uint256 i; i < t.markets; ++i) t.positions += s.market[i].positions;
    }

    /// @notice Assets against everything owed, from the running sums: no walk over accounts, and no
    ///         price as long as open interest is balanced, so it can be read while a feed is down.
    function solvency() external view returns (Solvency memory r) {
        VaultStorage storage s = _vault();
        r.assets = s.token.balanceOf(address(this));
        r.insurance = s.insurance;
        r.badDebt = s.badDebt;
        r.equity = s.totalCollateral;
        for (uint256 i; i < s.markets; ++i) r.equity += _marketEquity(s.market[i]);
        r.liabilities = r.equity + r.insurance.toInt256();
        r.surplus = r.assets.toInt256() - r.liabilities;
    }

    /// @notice A market's two sides; in a matched book `imbalance` is 0, and anything else is an alarm.
    function openInterest(uint256 market) external view returns (uint256 long, uint256 short, int256 imbalance) {
        Market storage m = _market(market);
        return (m.longInterest, m.shortInterest, int256(uint256(m.longInterest)) - int256(uint256(m.shortInterest)));
    }

    /// @notice Sum over all markets of the absolute difference between their two sides.
    function openInterestImbalance() external view returns (uint256 sum) {
        VaultStorage storage s = _vault();
        for (uint256 i; i < s.markets; ++i) {
            Market storage m = s.market[i];
            sum += uint256(_abs(int256(uint256(m.longInterest)) - int256(uint256(m.shortInterest))));
        }
    }

    // --- inner ---------------------------------------------------------------------------------

    /// @dev All positions of a market together: their worth, less what they cost, less the funding
    ///      they have not yet settled. A settled market's open positions net to zero like a live one's
    ///      until some are paid out; then the rest is valued at the settlement price.
    function _marketEquity(Market storage m) private view returns (int256 equity) {
        int256 net = int256(uint256(m.longInterest)) - int256(uint256(m.shortInterest));
        equity = _floorDiv(m.fundingBasis - net * m.fundingIndex, FUNDING_SCALE) - m.totalCost;
        if (net == 0) return equity;
        int256 price = m.settled ? int256(uint256(m.settlementPrice)) : _price(m);
        equity += _floorDiv(net * _mark(m, price), VALUE_SCALE);
    }

    /// @dev The same calldata, sender and storage, the module's code; its errors come through unchanged.
    function _byEngine() private returns (bytes memory) {
        return Address.functionDelegateCall(engine, msg.data);
    }

    function _authorizeUpgrade(address) internal override onlyRole(UPGRADER_ROLE) {}

    /// @dev Tokens that take a fee on transfer would leave the vault owing more than it got: refused.
    function _pull(uint256 amount) private {
        if (amount == 0) revert ZeroAmount();
        IERC20 token_ = _vault().token;
        uint256 before = token_.balanceOf(address(this));
        token_.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token_.balanceOf(address(this)) - before;
        if (received != amount) revert TransferMismatch(amount, received);
    }

    /// @dev A target that took less than it was told to credit would leave the rest to nobody.
    function _push(IERC20 token_, address target, address account, uint256 amount) private {
        uint256 before = token_.balanceOf(address(this));
        token_.forceApprove(target, amount);
        HelixVault(target).depositFor(account, amount);
        uint256 taken = before - token_.balanceOf(address(this));
        if (taken != amount) revert TransferMismatch(amount, taken);
    }

    function _credit(address account, uint256 amount) private {
        if (account == address(0)) revert ZeroAddress();
        if (amount == 0) revert ZeroAmount();
        _know(_vault().account[account]);
        _changeCollateral(account, Reason.DEPOSIT, amount.toInt256());
        emit Deposited(account, msg.sender, amount);
    }
}
