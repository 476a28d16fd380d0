// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Types, events and errors of the Helix vault
/// @notice Units everywhere: collateral, cost and values have the token's 6 decimals; sizes have 18
///         (and are whole multiples of `LOT`); prices and strikes have the feed's 8; a funding index
///         has 18 (dollars per unit of size); fractions in basis points unless said otherwise.
/// @dev The events carry resulting values, not only differences: whoever reads them from block 0
///      can rebuild every balance, position, index, mode and pause without asking the contract,
///      and can check each step against the last.
interface IHelixVault {
    enum Kind {
        PERPETUAL,
        CALL,
        PUT
    }

    /// @notice From freest to strictest; the order matters (a guardian may only move down the list).
    enum Mode {
        NORMAL,
        REDUCE_ONLY,
        WITHDRAW_ONLY,
        HALTED
    }

    /// @notice Why an account's collateral changed.
    enum Reason {
        DEPOSIT,
        WITHDRAWAL,
        TRADE,
        FUNDING,
        SETTLEMENT,
        PENALTY,
        REWARD,
        DEFICIT,
        MIGRATION
    }

    struct MarketParams {
        string symbol;
        Kind kind;
        address feed;
        uint128 strike;
        uint64 expiry;
        uint16 initialBps;
        uint16 maintenanceBps;
        uint16 bandBps;
        uint16 penaltyBps;
    }

    /// @dev `totalCost`, `fundingBasis` and the two open interests are sums over all positions, kept
    ///      up with every change, so that solvency needs no walk over the accounts.
    struct Market {
        string symbol;
        address feed;
        Kind kind;
        bool settled;
        uint64 expiry;
        uint16 initialBps;
        uint16 maintenanceBps;
        uint16 bandBps;
        uint16 penaltyBps;
        uint128 strike;
        uint128 settlementPrice;
        uint128 longInterest;
        uint128 shortInterest;
        int128 fundingIndex;
        int128 premium;
        int128 totalCost;
        uint64 fundingAt;
        uint64 positions;
        int256 fundingBasis;
    }

    /// @notice `size` is positive for a long and negative for a short; `cost` is what was paid for it
    ///         (negative: received). Profit is `size × price − cost`.
    struct Position {
        int128 size;
        int128 cost;
        int128 fundingIndex;
    }

    /// @notice A trader's signed (EIP-712) consent to be matched. `size` may be filled in parts.
    struct Order {
        address account;
        uint32 market;
        bool isLong;
        bool reduceOnly;
        uint128 size;
        uint128 limitPrice;
        uint64 deadline;
        uint64 epoch;
        uint256 salt;
    }

    struct Fill {
        Order long;
        bytes longSignature;
        Order short;
        bytes shortSignature;
        uint128 size;
        uint128 price;
    }

    struct Margin {
        int256 equity;
        uint256 initialMargin;
        uint256 maintenanceMargin;
    }

    event CollateralChanged(address indexed account, Reason indexed reason, int256 change, int256 collateral);
    event Deposited(address indexed account, address indexed from, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    event Migrated(address indexed account, address indexed target, uint256 amount);
    event PositionChanged(
        address indexed account,
        uint256 indexed market,
        int256 size,
        int256 cost,
        int256 fundingIndex,
        int256 realised
    );
    event TradeMatched(
        uint256 indexed market,
        address indexed long,
        address indexed short,
        uint256 size,
        uint256 price,
        uint256 value
    );
    event Liquidated(
        address indexed account,
        uint256 indexed market,
        address indexed liquidator,
        int256 size,
        uint256 price,
        uint256 penalty
    );
    event OrderFilled(bytes32 indexed orderHash, address indexed account, uint256 filled);
    event OrderCancelled(bytes32 indexed orderHash, address indexed account);
    event EpochRaised(address indexed account, uint256 epoch);
    event InsuranceChanged(int256 change, uint256 insurance);
    event BadDebtChanged(int256 change, uint256 badDebt);
    event MarketAdded(uint256 indexed market, MarketParams params);
    event MarketRiskSet(
        uint256 indexed market, uint16 initialBps, uint16 maintenanceBps, uint16 bandBps, uint16 penaltyBps
    );
    event MarketFeedSet(uint256 indexed market, address indexed feed);
    event FundingAccrued(uint256 indexed market, int256 fundingIndex, uint256 timestamp);
    event PremiumChanged(uint256 indexed market, int256 premium);
    event MarketSettled(uint256 indexed market, uint80 roundId, uint256 price);
    event ModeChanged(Mode indexed from, Mode indexed to, address indexed by);
    event Paused(address indexed by, uint256 until, uint256 pausesUsed);
    event Unpaused(address indexed by, uint256 timestamp);
    event TokenSet(address indexed token);
    event GracePeriodSet(uint256 gracePeriod);
    event PauseDurationSet(uint256 pauseDuration);
    event MigrationTargetSet(address indexed target);

    error OracleStale(address feed, uint256 updatedAt, uint256 heartbeat, uint256 nowAt);
    error OracleInvalid(address feed, int256 answer, uint256 updatedAt);
    error FeedDecimals(address feed, uint8 given, uint8 wanted);
    error NoSuchMarket(uint256 market);
    error TooManyMarkets(uint256 maximum);
    error TooManyPositions(address account, uint256 maximum);
    error InvalidParameter(string name);
    error MarketExpired(uint256 market, uint256 expiry);
    error MarketNotExpired(uint256 market, uint256 expiry);
    error AwaitingSettlement(uint256 market, uint256 expiry);
    error AlreadySettled(uint256 market, uint256 price);
    error WrongRound(uint80 roundId, uint256 updatedAt, uint256 nextUpdatedAt, uint256 expiry);
    error ZeroAmount();
    error ZeroAddress();
    error LengthMismatch(uint256 left, uint256 right);
    error SizeNotInLots(uint256 size, uint256 lot);
    error InsufficientMargin(address account, int256 equity, uint256 required);
    error ExceedsWithdrawable(address account, uint256 amount, uint256 withdrawable);
    error TransferMismatch(uint256 expected, uint256 received);
    error PriceOutOfBand(uint256 market, uint256 price, uint256 low, uint256 high);
    error OrderExpired(bytes32 orderHash, uint256 deadline);
    error OrderOutdated(bytes32 orderHash, uint256 epoch, uint256 wanted);
    error OrderOverfilled(bytes32 orderHash, uint256 size, uint256 filled);
    error OrderMismatch(bytes32 orderHash, string what);
    error OrderSignature(bytes32 orderHash, address account);
    error NotReducing(address account, int256 size, int256 newSize);
    error SelfTrade(address account);
    error NotLiquidatable(address account, int256 equity, uint256 maintenanceMargin);
    error LiquidationTooLarge(uint256 size, uint256 maximum);
    error LiquidateMarginedFirst(address account, uint256 market);
    error GracePeriod(uint256 until);
    error ModeForbids(Mode mode);
    error ModeNotStricter(Mode mode, Mode wanted);
    error EnforcedPause(uint256 until);
    error ExpectedPause();
    error PauseLimit(uint256 nextPauseAt);
    error NotAllowed(address account);
    error OpenPositions(address account);
}
