// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {IConsortium} from "./interfaces/IConsortium.sol";

/// @title Who runs the chain, who may use it, and what gas costs
/// @notice See IConsortium for what each call means.
contract Consortium is IConsortium {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @dev `since`: the version that gave the owner its seat, which no other seat of the owner ever has.
    struct Held {
        bytes32 key;
        uint64 since;
    }

    /// @dev What an owner wants counts until a time, while its seat is the one with which it said so.
    struct Word {
        uint64 until;
        uint64 since;
    }

    /// @dev A key that has or had a seat, and the owner whose seat it was last.
    struct Validator {
        bytes32 key;
        address owner;
        bool barred;
    }

    struct Holders {
        bool everybody;
        EnumerableSet.AddressSet accounts;
    }

    /// @inheritdoc IConsortium
    address public constant override SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    /// @inheritdoc IConsortium
    /// @dev So many that the dearest vote fits a block of `MIN_BLOCK` many times over.
    uint256 public constant override MAX_SEATS = 64;
    /// @inheritdoc IConsortium
    /// @dev So many of each right that `state` can always be read.
    uint256 public constant override MAX_ACCOUNTS = 4096;
    /// @inheritdoc IConsortium
    uint64 public constant override MAX_AGREEMENT = 30 days;
    /// @inheritdoc IConsortium
    /// @dev As long as a call of `allow`: no call that does anything is longer.
    uint256 public constant override MAX_CALL = 100;
    /// @inheritdoc IConsortium
    /// @dev At it the dearest vote costs less than a coin.
    uint256 public constant override MAX_PRICE = 1e12;
    /// @inheritdoc IConsortium
    uint64 public constant override MIN_BLOCK = 10_000_000;
    /// @inheritdoc IConsortium
    uint64 public constant override MAX_BLOCK = 1_000_000_000;

    /// @inheritdoc IConsortium
    uint64 public override version;
    EnumerableSet.AddressSet private _owners;
    mapping(address owner => Held) private _held;
    /// @dev By the name that proofs of double votes give them. Never forgotten: a proof may come after the seat has gone.
    mapping(bytes20 name => Validator) private _validators;
    mapping(Right => Holders) private _holders;
    Gas private _gas;
    mapping(bytes32 id => mapping(address owner => Word)) private _words;

    modifier bySystem() {
        if (msg.sender != SYSTEM) revert NotSystem(msg.sender);
        _;
    }

    modifier byConsortium() {
        if (msg.sender != address(this)) revert NotConsortium(msg.sender);
        ++version;
        _;
    }

    /// @inheritdoc IConsortium
    function found(Seat[] calldata seats, Access calldata deploy, Access calldata send, Gas calldata gas)
        external
        bySystem
    {
        if (version != 0) revert AlreadyFounded();
        if (seats.length == 0) revert LastSeat();
        version = 1;
        for (uint256 i = 0; i < seats.length; ++i) {
            _admit(seats[i].owner, seats[i].key);
        }
        _give(Right.Deploy, deploy);
        _give(Right.Send, send);
        _setGas(gas);
    }

    /// @inheritdoc IConsortium
    function agree(bytes calldata call, uint64 until) external {
        uint64 since = _held[msg.sender].since;
        if (since == 0) revert NotSeated(msg.sender);
        if (call.length > MAX_CALL) revert CallTooLong(call.length, MAX_CALL);
        if (until != 0 && until <= block.timestamp) revert AgreementExpired(until, block.timestamp);
        if (until > block.timestamp + MAX_AGREEMENT) revert AgreementTooLong(until, block.timestamp + MAX_AGREEMENT);
        bytes32 id = keccak256(call);
        _words[id][msg.sender] = Word(until, since);
        emit Agreed(msg.sender, id, call, until);
        address[] memory owners = _owners.values();
        uint256 count = 0;
        for (uint256 i = 0; i < owners.length; ++i) {
            if (_wantedUntil(id, owners[i]) != 0) ++count;
        }
        if (until == 0 || 3 * count <= 2 * owners.length) return;
        for (uint256 i = 0; i < owners.length; ++i) {
            delete _words[id][owners[i]];
        }
        emit Done(id, call);
        // No call that changes anything answers anything.
        // slither-disable-next-line unused-return
        Address.functionCall(address(this), call);
    }

    /// @inheritdoc IConsortium
    function admit(address owner, bytes32 key) external byConsortium {
        _admit(owner, key);
    }

    /// @inheritdoc IConsortium
    function remove(address owner) external byConsortium {
        if (_held[owner].since == 0) revert NotSeated(owner);
        if (_owners.length() == 1) revert LastSeat();
        _remove(owner);
    }

    /// @inheritdoc IConsortium
    function allow(Right right, address account, bool allowed) external byConsortium {
        _allow(right, account, allowed);
    }

    /// @inheritdoc IConsortium
    function open(Right right, bool everybody) external byConsortium {
        _open(right, everybody);
    }

    /// @inheritdoc IConsortium
    function setGas(Gas calldata gas) external byConsortium {
        _setGas(gas);
    }

    /// @inheritdoc IConsortium
    function punish(bytes20 validator, uint64 height) external bySystem {
        Validator storage signer = _validators[validator];
        (address owner, bytes32 key) = (signer.owner, signer.key);
        if (key == 0) return;
        signer.barred = true;
        emit Punished(owner, key, height);
        if (_held[owner].key != key || _owners.length() == 1) return;
        ++version;
        _remove(owner);
    }

    /// @inheritdoc IConsortium
    function state() external view returns (State memory) {
        address[] memory owners = _owners.values();
        Seat[] memory seats = new Seat[](owners.length);
        for (uint256 i = 0; i < owners.length; ++i) {
            seats[i] = Seat(owners[i], _held[owners[i]].key);
        }
        return State(version, seats, _access(Right.Deploy), _access(Right.Send), _gas);
    }

    /// @inheritdoc IConsortium
    function agreed(bytes calldata call) external view returns (address[] memory owners, uint64[] memory until) {
        bytes32 id = keccak256(call);
        owners = _owners.values();
        until = new uint64[](owners.length);
        uint256 count = 0;
        for (uint256 i = 0; i < owners.length; ++i) {
            uint64 wanted = _wantedUntil(id, owners[i]);
            if (wanted != 0) (owners[count], until[count++]) = (owners[i], wanted);
        }
        assembly ("memory-safe") {
            mstore(owners, count)
            mstore(until, count)
        }
    }

    function _admit(address owner, bytes32 key) private {
        if (owner == address(0) || owner == address(this)) revert BadOwner(owner);
        Validator storage validator = _validators[bytes20(sha256(abi.encodePacked(key)))];
        if (key == 0 || validator.barred || _held[validator.owner].key == key) revert BadKey(key);
        if (!_owners.add(owner)) revert AlreadySeated(owner);
        if (_owners.length() > MAX_SEATS) revert TooManySeats(MAX_SEATS);
        (validator.key, validator.owner) = (key, owner);
        _held[owner] = Held(key, version);
        emit Admitted(owner, key);
    }

    function _remove(address owner) private {
        bytes32 key = _held[owner].key;
        delete _held[owner];
        assert(_owners.remove(owner));
        emit Removed(owner, key);
    }

    function _give(Right right, Access calldata access) private {
        _open(right, access.everybody);
        for (uint256 i = 0; i < access.accounts.length; ++i) {
            _allow(right, access.accounts[i], true);
        }
    }

    function _allow(Right right, address account, bool allowed) private {
        EnumerableSet.AddressSet storage accounts = _holders[right].accounts;
        if (!(allowed ? accounts.add(account) : accounts.remove(account))) revert Unchanged(right, account);
        if (accounts.length() > MAX_ACCOUNTS) revert TooManyAccounts(MAX_ACCOUNTS);
        emit Allowed(right, account, allowed);
    }

    function _open(Right right, bool everybody) private {
        _holders[right].everybody = everybody;
        emit Opened(right, everybody);
    }

    function _setGas(Gas calldata gas) private {
        if (gas.minPrice > MAX_PRICE || gas.blockLimit < MIN_BLOCK || gas.blockLimit > MAX_BLOCK) {
            revert BadGas(gas.minPrice, gas.blockLimit);
        }
        _gas = gas;
        emit GasSet(gas.minPrice, gas.blockLimit);
    }

    function _access(Right right) private view returns (Access memory) {
        Holders storage holders = _holders[right];
        return Access(holders.everybody, holders.accounts.values());
    }

    /// @dev Until when an owner wants a call; 0 if it does not, or no longer.
    function _wantedUntil(bytes32 id, address owner) private view returns (uint64) {
        Word memory word = _words[id][owner];
        return block.timestamp < word.until && word.since == _held[owner].since ? word.until : 0;
    }
}
