// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Harms of an audit of the second version, by its numbers: what is attested, for sale and sold.
contract AuditCapacityTest is EscrowBase {
    /// @dev F04, right as it is: an attestation covers its slots until they end. Its expiry limits listing, not selling,
    /// because to look it up would cost every settlement 2,100 gas; to stop sales operators lower it.
    function test_soldUntilTheSlotEndsThoughTheAttestationExpired() public {
        _register("m2");
        IResourceVerification.Attestation memory attestation = _attestation("m2", _quantities(10), 1);
        attestation.expiry = NOW + 60;
        _attest(attestation);
        _list("m2", 9);
        vm.warp(NOW + 120);
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = _id("m2", 0);
        _settle(trade);
        bytes memory expired =
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m2"), 0, NOW + 60);
        _refuses(supplier, abi.encodeCall(exchange.list, (_reports(_report("m2", 1)))), expired);
        _attest(_attestation("m2", _quantities(4), 2));
        trade.nonce = 1;
        _refusesTrade(trade, _insufficientListing(trade, 0));
    }

    /// @dev F06: the capacity of a trade refunded before its slot was lost, unless operators attested more than there was.
    function test_capacityOfARefundedTradeIsSoldAgain() public {
        _escrowed();
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        _list("m1", 4);
        IResourceTrading.Trade memory trade = _trade();
        (trade.nonce, trade.quantity) = (1, LISTED);
        _settle(trade);
        vm.assertEq(_slot("m1").committed, LISTED);
    }

    /// @dev F07, right as it is: operators shrink what is for sale by lowering an attestation, and by nothing else. Nothing
    /// that is sold is touched, and nobody's money.
    function test_operatorsShrinkAListingOnlyByLoweringItsAttestation() public {
        _settle(_trade());
        vm.expectEmit(address(exchange));
        emit IResourceVerification.Unlisted(_id("m1", 0), supplier, "m1", 0, 6, 0);
        _attest(_attestation("m1", _quantities(0), 2));
        vm.assertEq(_listing("m1").available, 0);
        vm.assertEq(_slot("m1").committed, 4);
        vm.assertEq(_balance(supplier), FUNDS + 100);
    }

    /// @dev A demander had to wait for the slot of a machine that, as everybody knew, was gone, and its money with it.
    function test_escrowThatIsNoLongerCoveredIsRefundedAtOnce() public {
        _escrowed();
        _attest(_attestation("m1", _quantities(3), 2));
        _as(demander, abi.encodeCall(exchange.refundUncovered, (_trade(), _escrow())));
        vm.assertEq(_balance(demander), FUNDS - DEPOSIT);
        // What the supplier owes for it waits for a hearing.
        vm.assertEq(_balance(supplier), FUNDS - BOND - DEPOSIT);
        _ruled(IResourceEscrow.Ruling(1, 0, 5000, 5000, DEADLINE));
        vm.assertEq(_balance(supplier), FUNDS - 20);
        vm.assertEq(_balance(demander), FUNDS + 20);
    }

    /// @dev And what the refund took off cannot be sold again.
    function test_anUncoveredRefundGivesNoCapacityBack() public {
        _escrowed();
        _attest(_attestation("m1", _quantities(3), 2));
        _as(demander, abi.encodeCall(exchange.refundUncovered, (_trade(), _escrow())));
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        vm.assertEq(_slot("m1").committed, 0);
        bytes memory reason =
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 1, 0, 0);
        _refuses(supplier, abi.encodeCall(exchange.list, (_reports(_report("m1", 1)))), reason);
    }

    /// @dev Operators signed a number of a resource that was not yet registered; its supplier then gave it the unit and
    /// calendar that suited it.
    function test_attestationIsOfItsUnitAndCalendar() public {
        IResourceVerification.Attestation memory seen = _attestation("m2", _quantities(10), 1);
        bytes memory call = abi.encodeCall(exchange.attest, (seen, _decided(this.hashOf(seen))));
        uint256 snapshot = vm.snapshotState();
        _as(supplier, abi.encodeCall(exchange.registerResource, ("m2", "day", NOW, HOUR)));
        _refuses(
            supplier,
            call,
            abi.encodeWithSelector(IResourceVerification.WrongUnit.selector, bytes32("m2"), UNIT, bytes32("day"))
        );
        bytes memory calendar =
            abi.encodeWithSelector(IResourceVerification.WrongCalendar.selector, bytes32("m2"), NOW, HOUR);
        vm.assertTrue(vm.revertToState(snapshot));
        _as(supplier, abi.encodeCall(exchange.registerResource, ("m2", UNIT, NOW, 60)));
        _refuses(supplier, call, calendar);
        vm.assertTrue(vm.revertToState(snapshot));
        _as(supplier, abi.encodeCall(exchange.registerResource, ("m2", UNIT, NOW + 1, HOUR)));
        _refuses(supplier, call, calendar);
    }
}
