// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Harms of an audit of the second version: signatures that lived too long. Each test is one harm; its number is
/// the audit's, and those without one are named by what was found later.
contract AuditConsentTest is EscrowBase {
    bytes32 private constant SALT = keccak256("salt");

    /// @dev F01: a supplier could not cancel a trade of a slot that was still sealed, because no listing was there to
    /// withdraw. Its epoch can be raised before.
    function test_supplierCancelsATradeOfASealedSlot() public {
        _seal();
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = _id("m2", 0);
        bytes memory signed = _settleCall(_signed(trade));
        bytes memory consent = _sign(SUPPLIER_KEY, _openDigest(0));
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m2", 0)));
        // The consent to open, given with the trade, is void as well.
        address other = _recoveredBytes(_openDigest(uint32(NOW)), consent);
        _refuses(demander, _openCall(consent), _badSignature(supplier, other));
        _as(supplier, _openCall(""));
        vm.assertEq(_listing("m2").available, 10);
        _refuses(demander, signed, _wrongListingEpoch());
    }

    /// @dev F02: withdrawing a listing and listing it anew brought what was signed before back to life.
    function test_withdrawnListingVoidsWhatWasSignedForIt() public {
        bytes memory old = _settleCall(_signed(_trade()));
        _as(supplier, abi.encodeCall(exchange.unlist, ("m1", 0, LISTED)));
        _list("m1", LISTED);
        _refuses(stranger, old, _wrongListingEpoch());
    }

    /// @dev F12: an offer to split, once signed, could be taken up at any time after. It has an end, an amount and a
    /// nonce, which either party raises.
    function test_offeredSplitIsTakenBackAndEnds() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.lateShare = 0;
        _escrowed(_trade(), escrow);
        bytes memory offer = _splitOf(escrow, NOW + 60);
        bytes memory lasting = _splitOf(escrow, DEADLINE);
        vm.warp(NOW + 60);
        _refuses(supplier, offer, _passed(NOW + 60));
        _as(demander, abi.encodeCall(exchange.voidSplits, (_trade(), escrow)));
        IResourceTrading.Signature memory hers = _compact(DEMANDER_KEY, _splitDigest(75, 75, DEADLINE, 0));
        address other = _recovered(_splitDigest(75, 75, DEADLINE, 1), hers);
        _refuses(supplier, lasting, _badSignature(demander, other));
        vm.warp(DELIVER_BY);
        exchange.expire(_trade(), escrow);
        _waitGrace();
        exchange.expire(_trade(), escrow);
        vm.assertEq(_balance(supplier), FUNDS - 10);
    }

    /// @dev F28: whoever was told quantity and salt could open and list a sealed slot and buy nothing.
    function test_onlyTheSupplierOrWithItsConsentOpens() public {
        _seal();
        _refuses(stranger, _openCall(""), _badSignature(supplier, address(0)));
        _refuses(stranger, _openCall(_sign(STRANGER_KEY, _openDigest(0))), _badSignature(supplier, stranger));
        vm.warp(NOW + 100);
        _refuses(
            stranger,
            _openCall(_sign(SUPPLIER_KEY, _openDigest(0))),
            abi.encodeWithSelector(IResourceVerification.OpeningExpired.selector, NOW + 100, NOW + 100)
        );
        vm.warp(NOW + 99);
        _as(stranger, _openCall(_sign(SUPPLIER_KEY, _openDigest(0))));
        vm.assertEq(_listing("m2").available, 10);
    }

    /// @dev A supplier had no nonces: it could cancel all that was signed for a listing, or nothing.
    function test_supplierCancelsOneTrade() public {
        IResourceTrading.Trade[2] memory trades = [_trade(), _trade()];
        (trades[0].supplierNonce, trades[1].supplierNonce, trades[1].nonce) = (7, 8, 1);
        _cancel(supplier, 1 << 7);
        _refusesTrade(trades[0], abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, supplier, 7));
        _settle(trades[1]);
        vm.assertEq(_balance(supplier), FUNDS + 100);
    }

    /// @dev Cancelling all nonces of an epoch opened the next one, and with it what was signed ahead for it.
    function test_cancellingEverythingActivatesNothing() public {
        IResourceTrading.Trade memory ahead = _trade();
        ahead.nonce = 1 << 8;
        bytes memory call = _settleCall(_signed(ahead));
        vm.expectEmit(address(exchange));
        emit IAccounts.NoncesCancelled(demander, address(token), 0, type(uint96).max);
        vm.expectEmit(address(exchange));
        emit IAccounts.EpochRaised(demander, address(token), uint32(NOW));
        _cancel(demander, type(uint96).max);
        _refuses(stranger, call, _wrongEpoch(demander, 1));
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 0);
    }

    /// @dev The same by cancelling the last nonces one after the other.
    function test_cancellingTheLastNonceActivatesNothing() public {
        IResourceTrading.Trade memory ahead = _trade();
        ahead.nonce = 1 << 8;
        _cancel(demander, type(uint96).max - 1);
        _refusesTrade(ahead, abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, demander, 1, 0));
        _cancel(demander, 1);
        _refusesTrade(ahead, _wrongEpoch(demander, 1));
    }

    /// @dev Nor does raising the epoch, on either side, whatever epoch near it was signed for.
    function test_raisingTheEpochActivatesNothing() public {
        _raiseEpoch(demander);
        _raiseEpoch(supplier);
        for (uint64 epoch = 0; epoch < 4; ++epoch) {
            IResourceTrading.Trade memory trade = _trade();
            (trade.nonce, trade.supplierNonce) = (epoch << 8, uint64(NOW) << 8);
            _refusesTrade(trade, _wrongEpoch(demander, epoch));
            (trade.nonce, trade.supplierNonce) = (uint64(NOW) << 8, epoch << 8);
            _refusesTrade(trade, _wrongEpoch(supplier, epoch));
        }
        // The second raise in one second.
        _raiseEpoch(demander);
        vm.assertEq(exchange.accountOf(demander, address(token)).epoch, NOW + 2);
    }

    /// @dev A decision of the operators that nobody had submitted stayed good for ever.
    function test_operatorsDecisionsEnd() public {
        bytes32 structHash = _pauseHash(NOW + 1000, NOW + 60);
        bytes memory call = abi.encodeCall(exchange.pause, (NOW + 1000, NOW + 60, _decided(structHash)));
        vm.warp(NOW + 60);
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.DecisionExpired.selector, NOW + 60, NOW + 60));
    }

    /// @dev A signed intent could be voided only by using it up.
    function test_intentsAreVoided() public {
        IAccounts.Intent memory intent = _intent(demander, abi.encodeCall(exchange.cancel, (address(token), 1)));
        bytes memory call = abi.encodeCall(exchange.relay, (intent, _sign(DEMANDER_KEY, _digest(intent))));
        _as(demander, abi.encodeCall(exchange.voidIntents, (1)));
        _refuses(stranger, call, abi.encodeWithSelector(IAccounts.WrongIntentNonce.selector, demander, 0, 1));
    }

    function _seal() private {
        _register("m2");
        IResourceVerification.SealedAttestation memory attestation =
            _sealedAttestation(exchange.commitmentOf(supplier, "m2", 0, 10, SALT), 1);
        attestation.resource = "m2";
        _attest(attestation);
    }

    function _openCall(bytes memory signature) private view returns (bytes memory) {
        IResourceVerification.Opening memory opening = IResourceVerification.Opening(supplier, "m2", 0, 10, SALT);
        return abi.encodeCall(exchange.open, (opening, NOW + 100, signature));
    }

    function _openDigest(uint32 listingEpoch) private view returns (bytes32) {
        bytes32 commitment = exchange.commitmentOf(supplier, "m2", 0, 10, SALT);
        return _openDigest(_id("m2", 0), commitment, 1, listingEpoch, NOW + 100);
    }

    function _recoveredBytes(bytes32 digest, bytes memory signature) private pure returns (address) {
        (bytes32 r, bytes32 s) = (bytes32(0), bytes32(0));
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        return ecrecover(digest, uint8(signature[64]), r, s);
    }

    function _splitOf(IResourceEscrow.Escrow memory escrow, uint64 deadline) private view returns (bytes memory) {
        bytes32 digest = _splitDigest(75, 75, deadline, 0);
        IResourceTrading.Signature memory hers = _compact(DEMANDER_KEY, digest);
        IResourceTrading.Signature memory his = _compact(SUPPLIER_KEY, digest);
        return abi.encodeCall(exchange.split, (_trade(), escrow, 75, 75, deadline, hers, his, _none()));
    }

    function _wrongListingEpoch() private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, 0, uint32(NOW));
    }

    function _wrongEpoch(address account, uint256 signed) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, account, signed, uint32(NOW));
    }
}
