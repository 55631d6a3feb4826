// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAccounts} from "../interfaces/IAccounts.sol";
import {IOperators} from "../interfaces/IOperators.sol";
import {IParameters} from "../interfaces/IParameters.sol";
import {IResourceEscrow} from "../interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../interfaces/IResourceVerification.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {AccountCell, AccountWord, ListingCell} from "../libraries/Words.sol";

/// @title All that the exchange stores, and what every part of it needs: whose call it is, credit, signatures
/// @dev The exchange and its modules inherit this first, so that all find the same variable in the same slot.
abstract contract State is EIP712, IParameters {
    struct OperatorSet {
        uint256 threshold;
        address[] members;
        mapping(address account => bool) has;
    }

    /// @dev One word: settling reads it for the pause.
    struct Governance {
        uint32 current;
        uint32 next;
        uint32 count;
        uint64 nextSince;
        uint64 pausedUntil;
    }

    /// @dev `total` is all balances and escrows of the token.
    struct TokenState {
        bool accepted;
        uint128 total;
    }

    /// @dev Registered exactly if `slotLength` is above zero.
    struct Calendar {
        bytes32 unit;
        uint64 origin;
        uint64 slotLength;
    }

    bytes32 private constant CONFIRMATION_TYPEHASH = keccak256("Confirmation(address wallet,bytes32 digest)");

    /// @dev Slots end within 40 bits of seconds, which is the year 36812.
    uint256 internal constant TIME_BITS = 40;

    Governance internal _governance;
    uint256 internal _decisionNonce;
    mapping(uint32 set => OperatorSet) internal _operatorSets;
    mapping(address token => TokenState) internal _tokens;
    mapping(address account => uint256) internal _intentNonces;
    mapping(address token => mapping(address account => AccountCell)) internal _accounts;
    mapping(address supplier => mapping(bytes32 resource => Calendar)) internal _calendars;
    mapping(address supplier => mapping(bytes32 resource => mapping(uint64 slot => IResourceVerification.Slot)))
        internal _slots;
    mapping(address supplier => mapping(bytes32 resource => mapping(uint64 slot => bytes32))) internal _seals;
    mapping(bytes32 listing => ListingCell) internal _listings;
    mapping(bytes32 trade => IResourceEscrow.Held) internal _held;
    mapping(bytes32 trade => IResourceEscrow.Posted) internal _rulings;
    /// @dev The account a relayed call acts for; used up by the first `_caller()`.
    address internal transient _relayed;

    /// @dev What a module must agree on with its exchange: its part, the parameters, and where each variable lies.
    function _compatibility(bytes32 part, Parameters memory parameters_) internal pure returns (bytes32) {
        uint256[13] memory slots;
        assembly ("memory-safe") {
            mstore(slots, _governance.slot)
            mstore(add(slots, 32), _decisionNonce.slot)
            mstore(add(slots, 64), _operatorSets.slot)
            mstore(add(slots, 96), _tokens.slot)
            mstore(add(slots, 128), _intentNonces.slot)
            mstore(add(slots, 160), _accounts.slot)
            mstore(add(slots, 192), _calendars.slot)
            mstore(add(slots, 224), _slots.slot)
            mstore(add(slots, 256), _seals.slot)
            mstore(add(slots, 288), _listings.slot)
            mstore(add(slots, 320), _held.slot)
            mstore(add(slots, 352), _rulings.slot)
            mstore(add(slots, 384), _relayed.slot)
        }
        return keccak256(abi.encode("Fabmarket 3", part, parameters_, slots));
    }

    /// @dev Whose call this is: the account of a relayed intent, else the sender. Call it once, and before any call to
    /// another contract: the identity is gone afterwards, so that nothing re-entered can act under it.
    function _caller() internal returns (address account) {
        account = _relayed;
        if (account == address(0)) return msg.sender;
        _relayed = address(0);
    }

    /// @dev Fits: all balances and escrows of a token together do.
    function _credit(address token, address account, uint256 amount) internal {
        AccountCell storage cell = _accounts[token][account];
        cell.word = cell.word.plus(amount);
    }

    function _requireTrading() internal view {
        uint64 until = _governance.pausedUntil;
        if (block.timestamp < until) revert IOperators.TradingPaused(until);
    }

    function _operatorSet() internal view returns (uint32) {
        Governance memory governance = _governance;
        return governance.next != 0 && block.timestamp >= governance.nextSince ? governance.next : governance.current;
    }

    /// @dev Requires the signatures of enough distinct operators of a set.
    function _requireOperators(uint32 set, bytes32 structHash, IOperators.OperatorSignature[] calldata signatures)
        internal
        view
    {
        OperatorSet storage operators_ = _operatorSets[set];
        uint256 needed = operators_.threshold;
        if (signatures.length < needed) revert IOperators.TooFewSignatures(signatures.length, needed);
        bytes32 digest = _hashTypedDataV4(structHash);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address operator = signatures[i].operator;
            bool known = operator > previous && operators_.has[operator];
            if (!known || !_isOperators(operator, digest, signatures[i].signature)) {
                revert IOperators.BadOperatorSignature(i, operator);
            }
            previous = operator;
        }
    }

    /// @dev Uses up the nonce that the signed struct names beside the current set.
    function _requireDecision(bytes32 structHash, uint64 deadline, IOperators.OperatorSignature[] calldata signatures)
        internal
    {
        if (block.timestamp >= deadline) revert IOperators.DecisionExpired(deadline, block.timestamp);
        _requireOperators(_operatorSet(), structHash, signatures);
        ++_decisionNonce;
    }

    function _isOperators(address operator, bytes32 digest, bytes calldata signature) private view returns (bool) {
        return Signatures.recover(digest, signature) == operator
            || Signatures.isConfirmedBy(operator, _confirmation(operator, digest), signature, type(uint256).max);
    }

    /// @dev What a wallet is asked to confirm where several accounts sign one digest: bound to the wallet, or the signature
    /// of a key would pass for that of every wallet it owns, and beside its own.
    function _confirmation(address wallet, bytes32 digest) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CONFIRMATION_TYPEHASH, wallet, digest)));
    }

    function _requireSigner(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (!Signatures.isBy(signer, digest, signature)) {
            revert IAccounts.BadSignature(signer, Signatures.recover(digest, signature));
        }
    }

    /// @dev Whether a key signed a digest that others sign as well, or a wallet confirms it.
    function _signed(
        address signer,
        bytes32 digest,
        IResourceTrading.Signature calldata signature,
        bytes[] calldata proofs
    ) internal view returns (bool) {
        if (signature.r != 0) {
            return Signatures.isBy(signer, digest, signature.r, signature.vs);
        }
        uint256 index = uint64(uint256(signature.vs));
        return index < proofs.length
            && Signatures.isConfirmedBy(
            signer, _confirmation(signer, digest), proofs[index], uint64(uint256(signature.vs) >> 64)
        );
    }

    /// @dev The end of the slot of a listing, from its id alone.
    function _slotEnd(bytes32 listing) internal pure returns (uint64) {
        return uint64(uint256(listing) & (1 << TIME_BITS) - 1);
    }

    function _listingId(address supplier, bytes32 resource, uint64 slot, uint256 end) internal pure returns (bytes32) {
        uint256 hash = uint256(keccak256(abi.encode(supplier, resource, slot)));
        return bytes32(hash >> TIME_BITS << TIME_BITS | end);
    }
}
