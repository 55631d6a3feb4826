// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

/// @notice The four inputs of the paper's Table 1: the operators attested 10 of m1 and 30 of m2, and never saw m3.
contract PaperTable1Test is ExchangeBase {
    function setUp() public override {
        super.setUp();
        _attested("m1", 10);
        _attested("m2", 30);
    }

    function test_paperTest1_typesAndQuantitiesAsAttested_pass() public {
        vm.prank(supplier);
        exchange.list(_two(_report("m1", 10), _report("m2", 20)));
        vm.assertEq(_slot("m1").committed, 10);
        vm.assertEq(_slot("m2").committed, 20);
        vm.assertEq(_listing("m1").available, 10);
        vm.assertEq(_listing("m2").available, 20);
    }

    function test_paperTest2_typeAndQuantityMadeUp_refused() public {
        IResourceVerification.Report[] memory reports = new IResourceVerification.Report[](3);
        reports[0] = _report("m1", 10);
        reports[1] = _report("m2", 20);
        reports[2] = _report("m3", 30);
        _refusesAll(
            reports, abi.encodeWithSelector(IResourceVerification.NotAttested.selector, bytes32("m3"), 0, 30, 0)
        );
    }

    function test_paperTest3_quantityExaggerated_refused() public {
        _refusesAll(
            _two(_report("m1", 20), _report("m2", 30)),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 20, 10, 0)
        );
    }

    function test_paperTest4_typeFalse_refused() public {
        _refusesAll(
            _two(_report("m1", 10), _report("m3", 20)),
            abi.encodeWithSelector(IResourceVerification.NotAttested.selector, bytes32("m3"), 0, 20, 0)
        );
    }

    function _refusesAll(IResourceVerification.Report[] memory reports, bytes memory reason) private {
        _refuses(supplier, abi.encodeCall(exchange.list, (reports)), reason);
    }

    function _stateHash() internal view override returns (bytes32) {
        return keccak256(abi.encode(super._stateHash(), _slot("m2"), _slot("m3"), _listing("m2"), _listing("m3")));
    }

    function _two(IResourceVerification.Report memory first, IResourceVerification.Report memory second)
        private
        pure
        returns (IResourceVerification.Report[] memory reports)
    {
        reports = new IResourceVerification.Report[](2);
        (reports[0], reports[1]) = (first, second);
    }
}

contract ListTest is ExchangeBase {
    function setUp() public override {
        super.setUp();
        _attested("m1", 10);
    }

    function test_storesTheListingAndSaysSo() public {
        bytes32 id = exchange.listingId(supplier, "m1", 0);
        vm.assertEq(id, _id("m1", 0));
        vm.expectEmit(address(exchange));
        emit IResourceVerification.Listed(id, supplier, "m1", 0, 6, 6);
        _list("m1", 6);
        IResourceVerification.Listing memory listing = exchange.listingOf(id);
        vm.assertEq(listing.supplier, supplier);
        vm.assertEq(listing.available, 6);
        vm.assertEq(listing.epoch, 0);
    }

    function test_theIdEndsInTheEndOfTheSlot() public view {
        for (uint64 slot = 0; slot < 3; ++slot) {
            bytes32 id = exchange.listingId(supplier, "m1", slot);
            vm.assertEq(uint256(id) % 2 ** 40, NOW + (slot + 1) * HOUR);
            vm.assertEq(uint256(id) >> 40, uint256(keccak256(abi.encode(supplier, bytes32("m1"), slot))) >> 40);
        }
    }

    function test_addsToTheSameListingUpToTheAttested() public {
        bytes32 id = exchange.listingId(supplier, "m1", 0);
        _list("m1", 6);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.Listed(id, supplier, "m1", 0, 4, 10);
        _list("m1", 4);
        _refusesReport(
            _report("m1", 1),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 1, 10, 10)
        );
    }

    function test_repeatsInOneCallAddUp() public {
        IResourceVerification.Report[] memory reports = new IResourceVerification.Report[](2);
        (reports[0], reports[1]) = (_report("m1", 6), _report("m1", 5));
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (reports)),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 5, 10, 6)
        );
    }

    function test_refusesRegisteredButUnattestedResource() public {
        _register("m2");
        _refusesReport(
            _report("m2", 1), abi.encodeWithSelector(IResourceVerification.NotAttested.selector, bytes32("m2"), 0, 1, 0)
        );
    }

    function test_refusesAnotherSlotOfAnAttestedResource() public {
        _refusesReport(
            IResourceVerification.Report({resource: "m1", slot: 1, quantity: 1}),
            abi.encodeWithSelector(IResourceVerification.NotAttested.selector, bytes32("m1"), 1, 1, 0)
        );
    }

    function test_refusesAnotherSuppliersAttestation() public {
        _refuses(
            stranger,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 1)))),
            abi.encodeWithSelector(IResourceVerification.NotAttested.selector, bytes32("m1"), 0, 1, 0)
        );
    }

    function test_refusesZeroQuantity() public {
        _refusesReport(_report("m1", 0), abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector));
    }

    function test_refusesAtExpiryOfTheAttestation() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 2);
        attestation.expiry = NOW + 60;
        _attest(attestation);
        vm.warp(NOW + 60);
        _refusesReport(
            _report("m1", 1),
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 0, NOW + 60)
        );
        vm.warp(NOW + 59);
        _list("m1", 1);
    }

    /// @dev The epoch that was raised before anything was listed is the listing's.
    function test_keepsAnEpochRaisedBefore() public {
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        _list("m1", 6);
        vm.assertEq(_listing("m1").epoch, NOW);
        vm.assertEq(_listing("m1").available, 6);
        vm.assertEq(_listing("m1").supplier, supplier);
    }

    function test_refusesAtEndOfTheSlot() public {
        vm.warp(NOW + HOUR);
        _refusesReport(
            _report("m1", 1),
            abi.encodeWithSelector(IResourceVerification.SlotEnded.selector, bytes32("m1"), 0, NOW + HOUR)
        );
        vm.warp(NOW + HOUR - 1);
        _list("m1", 1);
    }

    function test_refusesAfterRevocation() public {
        _attest(_attestation("m1", _quantities(0), 2));
        _refusesReport(
            _report("m1", 1),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 1, 0, 0)
        );
    }

    function test_doesNotOverflowOnTheLargestQuantity() public {
        _list("m1", 1);
        _refusesReport(
            _report("m1", type(uint64).max),
            abi.encodeWithSelector(
                IResourceVerification.OverReported.selector, bytes32("m1"), 0, type(uint64).max, 10, 1
            )
        );
    }

    function testFuzz_listsExactlyUpToTheAttested(uint64 attested, uint64 first, uint64 second) public {
        _attested("m9", attested);
        uint256 committed = 0;
        uint64[2] memory quantities = [first, second];
        for (uint256 i = 0; i < 2; ++i) {
            if (quantities[i] == 0) continue;
            if (committed + quantities[i] <= attested) {
                committed += quantities[i];
            } else {
                vm.expectRevert(
                    abi.encodeWithSelector(
                        IResourceVerification.OverReported.selector,
                        bytes32("m9"),
                        0,
                        quantities[i],
                        attested,
                        committed
                    )
                );
            }
            _list("m9", quantities[i]);
        }
        vm.assertEq(_slot("m9").committed, committed);
        vm.assertEq(_listing("m9").available, committed);
    }

    function _refusesReport(IResourceVerification.Report memory report, bytes memory reason) private {
        _refuses(supplier, abi.encodeCall(exchange.list, (_reports(report))), reason);
    }
}
