// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Who runs the chain, who may use it, and what gas costs
/// @notice Stands in genesis. The validator program reads `state()` whenever `version()` has changed and does what it says:
/// every seat's key validates with one vote, only who has a right deploys or sends, and no transaction pays less for gas.
/// @notice A change is a call of this contract by itself, made once more than two thirds of the present seats agree to it.
/// The owners of seats may always send, so that a vote is always possible, and so may accounts listed to deploy.
/// @dev Every time is in seconds of chain time, and the first at which the thing no longer holds.
interface IConsortium {
    /// @notice One vote, both here and among validators. An owner has one seat, a key is in one.
    /// @param key Ed25519 public key of the seat's validator.
    struct Seat {
        address owner;
        bytes32 key;
    }

    /// @param minPrice The least a transaction pays, wei per gas.
    /// @param blockLimit The most gas of a block.
    struct Gas {
        uint256 minPrice;
        uint64 blockLimit;
    }

    /// @notice Who has a right: everybody, or else these accounts, which keep it when everybody loses it.
    struct Access {
        bool everybody;
        address[] accounts;
    }

    /// @notice To deploy contracts, and to send transactions at all.
    enum Right {
        Deploy,
        Send
    }

    /// @param version Grows with every change.
    struct State {
        uint64 version;
        Seat[] seats;
        Access deploy;
        Access send;
        Gas gas;
    }

    event Admitted(address indexed owner, bytes32 key);
    /// @notice A seat has gone: by a decision or, after `Punished`, for a double vote.
    event Removed(address indexed owner, bytes32 key);
    /// @notice The validator of this key voted twice at a height; `owner` is whose seat the key has or had last. Without
    /// `Removed` after it that seat had gone already, or is the last, and stays.
    event Punished(address indexed owner, bytes32 key, uint64 height);
    /// @notice The owner wants `call` until that time; 0 takes it back. `id` is the call's keccak-256.
    event Agreed(address indexed owner, bytes32 indexed id, bytes call, uint64 until);
    /// @notice Enough owners agreed, and the consortium called itself with `call`.
    event Done(bytes32 indexed id, bytes call);
    event Allowed(Right indexed right, address indexed account, bool allowed);
    event Opened(Right indexed right, bool everybody);
    event GasSet(uint256 minPrice, uint64 blockLimit);

    /// @notice Only the validator program, which calls as `0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE`, may do this.
    error NotSystem(address caller);
    /// @notice Only the consortium itself may do this: owners of seats `agree` to it.
    error NotConsortium(address caller);
    error AlreadyFounded();
    error NotSeated(address owner);
    error AlreadySeated(address owner);
    /// @notice An owner is the zero address or the consortium itself.
    error BadOwner(address owner);
    /// @notice The key is zero, in a seat, or was punished.
    error BadKey(bytes32 key);
    error LastSeat();
    error TooManySeats(uint256 limit);
    error TooManyAccounts(uint256 limit);
    /// @notice The account is on the list already, or not on it.
    error Unchanged(Right right, address account);
    /// @notice A price above `MAX_PRICE`, or a block outside `MIN_BLOCK` to `MAX_BLOCK`.
    error BadGas(uint256 minPrice, uint64 blockLimit);
    error AgreementExpired(uint64 until, uint256 timestamp);
    /// @notice Nothing that the consortium can be told to do is longer than `MAX_CALL`.
    error CallTooLong(uint256 length, uint256 limit);
    /// @notice An owner says what it wants for at most `MAX_AGREEMENT`.
    error AgreementTooLong(uint64 until, uint256 latest);

    /// @notice Fixes the first state, once, at genesis. At least one seat. Only the validator program.
    function found(Seat[] calldata seats, Access calldata deploy, Access calldata send, Gas calldata gas) external;

    /// @notice The caller, an owner of a seat, wants the consortium to call itself with `call`, until a time; 0 takes that
    /// back. Said again it replaces what was said. Once more than two thirds of the present seats want the same it is done,
    /// in this transaction, and nobody has said it any more; if the call reverts, this reverts with its error.
    /// @dev What an owner said is void once its seat is gone, also if it gets one again. Where seats go and those that are
    /// left are enough, the next to say it, even a second time, has it done.
    function agree(bytes calldata call, uint64 until) external;

    /// @notice Gives an owner a seat. The key's validator has to run by then: it counts among the two thirds at once.
    function admit(address owner, bytes32 key) external;

    /// @notice Takes a seat away; never the last. Its key may come back, unless it was punished.
    function remove(address owner) external;

    /// @notice Puts an account on the list of a right, or takes it off.
    function allow(Right right, address account, bool allowed) external;

    /// @notice Gives a right to everybody, or to the listed accounts alone.
    function open(Right right, bool everybody) external;

    /// @notice Sets the least price and the most gas of a block. Where gas has a price, the validator program sees to it that
    /// every owner of a seat has the coin to vote for another.
    function setGas(Gas calldata gas) external;

    /// @notice There is proof that a validator voted twice at a height: its seat goes, and its key is never admitted again,
    /// also where the proof comes when the seat has gone. The last seat stays, as no chain is without, until a later proof or
    /// vote takes it. Nothing for a key that never had a seat. Only the validator program.
    /// @param validator The first 20 bytes of the SHA-256 of its key.
    function punish(bytes20 validator, uint64 height) external;

    function state() external view returns (State memory);
    /// @notice 0 before `found`. The only thing in storage slot 0.
    function version() external view returns (uint64);
    /// @notice Which owners want a call now, and each until when.
    function agreed(bytes calldata call) external view returns (address[] memory owners, uint64[] memory until);
    // solhint-disable func-name-mixedcase
    function SYSTEM() external view returns (address);
    function MAX_SEATS() external view returns (uint256);
    function MAX_ACCOUNTS() external view returns (uint256);
    function MAX_AGREEMENT() external view returns (uint64);
    function MAX_CALL() external view returns (uint256);
    function MAX_PRICE() external view returns (uint256);
    function MIN_BLOCK() external view returns (uint64);
    function MAX_BLOCK() external view returns (uint64);
}
