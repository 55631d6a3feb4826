// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice An attestation below what is committed: the sold stays sold, the rest comes off the market. Ten are listed.
contract LowerTest is SettleBase {
    bytes32 private constant SALT = keccak256("salt");

    function test_takesOffTheMarketWhatIsNoLongerAttested() public {
        _settle(_trade());
        IResourceVerification.Attestation memory lowered = _attestation("m1", _quantities(7), 2);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(lowered));
        vm.expectEmit(address(exchange));
        emit IResourceVerification.SlotAttested(supplier, "m1", 0, 7, 2, EXPIRY);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.Unlisted(_id("m1", 0), supplier, "m1", 0, 3, 3);
        _as(stranger, abi.encodeCall(exchange.attest, (lowered, signatures)));
        _assertBook(7, 3);
    }

    function test_keepsAllThatStillFits() public {
        vm.recordLogs();
        _attest(_attestation("m1", _quantities(LISTED), 2));
        vm.assertEq(vm.getRecordedLogs().length, 1);
        _assertBook(LISTED, LISTED);
    }

    function test_whatIsSoldAboveItStaysSold() public {
        _settle(_trade());
        _attest(_attestation("m1", _quantities(1), 2));
        _assertBook(4, 0);
        vm.assertEq(_balance(supplier), 100);
        vm.recordLogs();
        _attest(_attestation("m1", _quantities(0), 3));
        vm.assertEq(vm.getRecordedLogs().length, 1);
        _assertBook(4, 0);
    }

    function test_oneAttestationFitsEachOfItsSlots() public {
        uint64[] memory quantities = new uint64[](2);
        (quantities[0], quantities[1]) = (LISTED, 20);
        _attest(_attestation("m1", quantities, 2));
        _as(supplier, abi.encodeCall(exchange.list, (_reports(IResourceVerification.Report("m1", 1, 20)))));
        (quantities[0], quantities[1]) = (3, 5);
        _attest(_attestation("m1", quantities, 3));
        _assertBook(3, 3);
        vm.assertEq(exchange.slotOf(supplier, "m1", 1).committed, 5);
        vm.assertEq(exchange.listingOf(_id("m1", 1)).available, 5);
    }

    function test_tradesForWhatIsLeftStillSettle() public {
        _attest(_attestation("m1", _quantities(4), 2));
        _settle(_trade());
        _assertBook(4, 0);
    }

    /// @dev The expiry limits listing, not selling: an attestation covers its slots until they end.
    function test_whatIsListedIsSoldAfterTheExpiryToo() public {
        IResourceVerification.Attestation memory short = _attestation("m1", _quantities(LISTED + 1), 2);
        short.expiry = NOW + 60;
        _attest(short);
        vm.warp(NOW + 120);
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 1)))),
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 0, NOW + 60)
        );
        _settle(_trade());
        _assertBook(LISTED, LISTED - 4);
    }

    /// @dev This is what stops sales.
    function test_loweringToNothingStopsSales() public {
        _attest(_attestation("m1", _quantities(0), 2));
        _assertBook(0, 0);
        _refusesTrade(_trade(), _insufficientListing(_trade(), 0));
    }

    /// @dev Only its supplier withdraws a listing: what operators take off the market keeps its epoch.
    function test_keepsTheListingsEpoch() public {
        _attest(_attestation("m1", _quantities(0), 2));
        vm.assertEq(_listing("m1").epoch, 0);
    }

    function test_anOpenedSealListsWhatIsNotSold() public {
        _settle(_trade());
        _seal(9, 2);
        _assertBook(4, 0);
        _as(supplier, _open(9));
        _assertBook(9, 5);
    }

    function test_aSealOfNoMoreThanIsSoldOpensToNothing() public {
        _settle(_trade());
        _seal(4, 2);
        _as(supplier, _open(4));
        _assertBook(4, 0);
        _seal(3, 3);
        _as(supplier, _open(3));
        _assertBook(4, 0);
        vm.assertEq(_slot("m1").attested, 3);
    }

    function testFuzz_nothingAboveTheAttestedIsForSale(uint64 first, uint64 sold, uint64 second) public {
        _attested("m9", first);
        if (first != 0) _list("m9", first);
        sold %= first > FUNDS ? uint64(FUNDS) + 1 : first + 1;
        IResourceTrading.Trade memory trade = _trade();
        (trade.listing, trade.quantity, trade.unitPrice) = (_id("m9", 0), sold, 1);
        if (sold != 0) _settle(trade);
        _attest(_attestation("m9", _quantities(second), 2));
        uint64 committed = second < sold ? sold : second < first ? second : first;
        vm.assertEq(_slot("m9").committed, committed);
        vm.assertEq(_listing("m9").available, committed - sold);
        vm.assertEq(_slot("m9").attested, second);
    }

    function _assertBook(uint64 committed, uint64 available) private view {
        vm.assertEq(_slot("m1").committed, committed);
        vm.assertEq(_listing("m1").available, available);
        vm.assertEq(_listing("m1").supplier, supplier);
    }

    function _seal(uint64 quantity, uint64 version) private {
        _attest(_sealedAttestation(exchange.commitmentOf(supplier, "m1", 0, quantity, SALT), version));
    }

    function _open(uint64 quantity) private view returns (bytes memory) {
        return abi.encodeCall(exchange.open, (IResourceVerification.Opening(supplier, "m1", 0, quantity, SALT), 0, ""));
    }
}
