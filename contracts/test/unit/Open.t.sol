// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SettleBase} from "../base/SettleBase.sol";
import {KeyWallet} from "../base/Wallets.sol";

/// @notice Opening a sealed slot, by its supplier or with its consent. m1's slot 0 is sealed with nothing listed.
contract OpenTest is SettleBase {
    bytes32 private constant SALT = keccak256("salt");
    uint64 private constant CONSENT_UNTIL = NOW + 60;

    function setUp() public override {
        super.setUp();
        _attest(_attestation("m1", _quantities(0), 2));
    }

    function test_listsAllThatIsAttestedAndSaysSo() public {
        _seal(10, 3);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.SlotAttested(supplier, "m1", 0, 10, 3, EXPIRY);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.Listed(_id("m1", 0), supplier, "m1", 0, 10, 10);
        _as(supplier, _open(10, SALT));
        vm.assertEq(_slot("m1").attested, 10);
        vm.assertEq(_slot("m1").committed, 10);
        vm.assertEq(_listing("m1").supplier, supplier);
        vm.assertEq(_listing("m1").available, 10);
        vm.assertEq(exchange.sealOf(supplier, "m1", 0), bytes32(0));
    }

    /// @dev Opening such a seal once failed for want of anything to list, so that nobody could show that too little is left.
    function test_whatIsSoldAlreadyIsAttestedAndNotListed() public {
        _attest(_attestation("m1", _quantities(10), 3));
        _list("m1", 10);
        _settle(_trade());
        uint256 snapshot = vm.snapshotState();
        for (uint64 quantity = 3; quantity <= 5; ++quantity) {
            _seal(quantity, 4);
            vm.recordLogs();
            _as(supplier, _open(quantity, SALT));
            // No `Listed` after `SlotAttested`, unless there is more than the four sold.
            vm.assertEq(vm.getRecordedLogs().length, quantity == 5 ? 2 : 1);
            vm.assertEq(_slot("m1").attested, quantity);
            vm.assertEq(_slot("m1").committed, quantity == 5 ? 5 : 4);
            vm.assertEq(_listing("m1").available, quantity == 5 ? 1 : 0);
            vm.assertEq(exchange.sealOf(supplier, "m1", 0), bytes32(0));
            vm.assertTrue(vm.revertToState(snapshot));
        }
    }

    /// @dev It lists nothing, so neither the attestation's end nor the slot's stops it.
    function test_whatIsSoldAlreadyIsOpenedAtAnyTime() public {
        _attest(_attestation("m1", _quantities(10), 3));
        _list("m1", 10);
        _settle(_trade());
        _seal(4, 4);
        vm.warp(EXPIRY + 1);
        _as(supplier, _open(4, SALT));
        vm.assertEq(_slot("m1").attested, 4);
        vm.assertEq(_listing("m1").available, 0);
    }

    /// @dev To the supplier deadline and signature mean nothing, whoever relays its call.
    function test_theSuppliersRelayedCallOpens() public {
        _seal(10, 3);
        IAccounts.Intent memory intent = _intent(supplier, _open(10, SALT));
        _as(stranger, abi.encodeCall(exchange.relay, (intent, _sign(SUPPLIER_KEY, _digest(intent)))));
        vm.assertEq(_listing("m1").available, 10);
    }

    function test_anyoneOpensWithTheSuppliersConsent() public {
        bytes32 commitment = _seal(10, 3);
        bytes memory consent = _consent(commitment, 0, CONSENT_UNTIL);
        vm.warp(CONSENT_UNTIL - 1);
        _as(stranger, _open(10, SALT, CONSENT_UNTIL, consent));
        vm.assertEq(_listing("m1").available, 10);
        vm.assertEq(_listing("m1").supplier, supplier);
    }

    function test_refusesAnyoneWithoutConsent() public {
        bytes32 commitment = _seal(10, 3);
        _refuses(
            demander, _open(10, SALT), abi.encodeWithSelector(IResourceVerification.OpeningExpired.selector, 0, NOW)
        );
        _refuses(demander, _open(10, SALT, CONSENT_UNTIL, ""), _badSignature(supplier, address(0)));
        bytes memory own = _sign(DEMANDER_KEY, _consentDigest(commitment, 0, CONSENT_UNTIL));
        _refuses(demander, _open(10, SALT, CONSENT_UNTIL, own), _badSignature(supplier, demander));
    }

    function test_refusesFromTheEndOfTheConsentOn() public {
        bytes memory consent = _consent(_seal(10, 3), 0, CONSENT_UNTIL);
        for (uint64 at = CONSENT_UNTIL; at < CONSENT_UNTIL + 2; ++at) {
            vm.warp(at);
            _refuses(
                stranger,
                _open(10, SALT, CONSENT_UNTIL, consent),
                abi.encodeWithSelector(IResourceVerification.OpeningExpired.selector, CONSENT_UNTIL, at)
            );
        }
    }

    function test_refusesAnotherDeadlineThanTheSigned() public {
        bytes memory consent = _consent(_seal(10, 3), 0, CONSENT_UNTIL);
        vm.warp(CONSENT_UNTIL);
        _refusesConsent(CONSENT_UNTIL + 1, consent);
    }

    function test_aRaisedListingEpochVoidsTheConsent() public {
        bytes32 commitment = _seal(10, 3);
        bytes memory consent = _consent(commitment, 0, CONSENT_UNTIL);
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        _refusesConsent(CONSENT_UNTIL, consent);
        _as(stranger, _open(10, SALT, CONSENT_UNTIL, _consent(commitment, uint32(NOW), CONSENT_UNTIL)));
        vm.assertEq(_listing("m1").epoch, NOW);
    }

    function test_aConsentIsToOneCommitment() public {
        _seal(10, 3);
        _refusesConsent(CONSENT_UNTIL, _consent(_commitment(0, 9), 0, CONSENT_UNTIL));
    }

    /// @dev Operators seal the same quantity with the same salt again: what was consented to before, used up or not, once
    /// opened that seal too.
    function test_aConsentIsToOneSeal() public {
        bytes memory consent = _consent(_seal(10, 3), 0, CONSENT_UNTIL);
        _seal(10, 4);
        _refusesConsent(CONSENT_UNTIL, consent);
        consent = _consent(_commitment(0, 10), 0, CONSENT_UNTIL);
        _as(stranger, _open(10, SALT, CONSENT_UNTIL, consent));
        _attest(_attestation("m1", _quantities(0), 5));
        vm.assertEq(_listing("m1").available, 0);
        _seal(10, 6);
        _refusesConsent(CONSENT_UNTIL, consent);
        _as(stranger, _open(10, SALT, CONSENT_UNTIL, _consent(_commitment(0, 10), 0, CONSENT_UNTIL)));
        vm.assertEq(_listing("m1").available, 10);
    }

    function test_aConsentIsToOneListing() public {
        IResourceVerification.SealedAttestation memory later =
            _sealedAttestation(_commitment(1, 10), _slot("m1").version);
        later.slot = 1;
        _attest(later);
        bytes memory consent = _consent(_commitment(1, 10), 0, CONSENT_UNTIL);
        IResourceVerification.Opening memory opening = IResourceVerification.Opening(supplier, "m1", 1, 10, SALT);
        (bool ok, bytes memory answer) =
            address(exchange).call(abi.encodeCall(exchange.open, (opening, CONSENT_UNTIL, consent)));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(IAccounts.BadSignature.selector));
        vm.assertEq(exchange.listingOf(_id("m1", 1)).available, 0);
    }

    function test_aWalletConsentsAsItsOwnerDoes() public {
        KeyWallet wallet = new KeyWallet(supplier);
        bytes memory register = abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, HOUR));
        wallet.act(address(exchange), register);
        supplier = address(wallet);
        bytes memory consent = _consent(_seal(10, 1), 0, CONSENT_UNTIL);
        _as(stranger, _open(10, SALT, CONSENT_UNTIL, consent));
        vm.assertEq(_listing("m1").available, 10);
        vm.assertEq(_listing("m1").supplier, address(wallet));
    }

    function test_refusesAnotherQuantityOrSalt() public {
        bytes32 commitment = _seal(10, 3);
        _refuses(supplier, _open(11, SALT), _wrongOpening(commitment));
        _refuses(supplier, _open(10, "another salt"), _wrongOpening(commitment));
    }

    function test_refusesWithoutSalt() public {
        _attest(_sealedAttestation(exchange.commitmentOf(supplier, "m1", 0, 10, 0), 3));
        _refuses(supplier, _open(10, 0), abi.encodeWithSelector(IResourceVerification.Unsalted.selector));
    }

    function test_refusesWhereNothingIsSealed() public {
        _refuses(supplier, _open(10, SALT), _wrongOpening(0));
        _seal(10, 3);
        _as(supplier, _open(10, SALT));
        _refuses(supplier, _open(10, SALT), _wrongOpening(0));
    }

    function test_refusesAtExpiryOfTheAttestation() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation(_commitment(0, 10), 3);
        attestation.expiry = NOW + 10;
        _attest(attestation);
        vm.warp(NOW + 10);
        _refuses(
            supplier,
            _open(10, SALT),
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 0, NOW + 10)
        );
    }

    function test_refusesAtEndOfTheSlot() public {
        _seal(10, 3);
        vm.warp(NOW + HOUR);
        _refuses(
            supplier,
            _open(10, SALT),
            abi.encodeWithSelector(IResourceVerification.SlotEnded.selector, bytes32("m1"), 0, NOW + HOUR)
        );
    }

    function test_theCommitmentIsWhatTheManualSays() public view {
        vm.assertEq(
            exchange.commitmentOf(supplier, "m1", 7, 10, SALT),
            keccak256(abi.encode(supplier, bytes32("m1"), uint64(7), uint64(10), SALT))
        );
    }

    function _commitment(uint64 slot, uint64 quantity) private view returns (bytes32) {
        return exchange.commitmentOf(supplier, "m1", slot, quantity, SALT);
    }

    function _seal(uint64 quantity, uint64 version) private returns (bytes32 commitment) {
        commitment = _commitment(0, quantity);
        _attest(_sealedAttestation(commitment, version));
    }

    /// @dev Without consent.
    function _open(uint64 quantity, bytes32 salt) private view returns (bytes memory) {
        return _open(quantity, salt, 0, "");
    }

    function _open(uint64 quantity, bytes32 salt, uint64 deadline, bytes memory consent)
        private
        view
        returns (bytes memory)
    {
        IResourceVerification.Opening memory opening = IResourceVerification.Opening(supplier, "m1", 0, quantity, salt);
        return abi.encodeCall(exchange.open, (opening, deadline, consent));
    }

    /// @dev The supplier's, for slot 0.
    function _consent(bytes32 commitment, uint32 listingEpoch, uint64 deadline) private view returns (bytes memory) {
        return _sign(SUPPLIER_KEY, _consentDigest(commitment, listingEpoch, deadline));
    }

    /// @dev To the seal that is stored.
    function _consentDigest(bytes32 commitment, uint32 listingEpoch, uint64 deadline) private view returns (bytes32) {
        return _openDigest(_id("m1", 0), commitment, _slot("m1").version, listingEpoch, deadline);
    }

    /// @dev Ten units of slot 0, with a signature that is the supplier's over something else.
    function _refusesConsent(uint64 deadline, bytes memory consent) private {
        bytes32 before = _stateHash();
        vm.prank(stranger);
        (bool ok, bytes memory answer) = address(exchange).call(_open(10, SALT, deadline, consent));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(IAccounts.BadSignature.selector));
        vm.assertEq(_stateHash(), before);
    }

    function _wrongOpening(bytes32 commitment) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceVerification.WrongOpening.selector, bytes32("m1"), 0, commitment);
    }
}
