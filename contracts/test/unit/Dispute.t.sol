// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice The demander disputes a stated delivery.
contract DisputeTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_disputeIsRaisedWithItsEvidence() public {
        _deliver();
        vm.warp(DISPUTE_BY - 1);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Disputed(held, "evidence", uint40(DISPUTE_BY - 1));
        _dispute();
        _assertHeld(100, IResourceEscrow.State.Disputed);
        vm.assertEq(exchange.heldOf(held).since, DISPUTE_BY - 1);
        vm.assertFalse(exchange.heldOf(held).uncovered);
    }

    function test_disputeIsRaisedLateAsLongAsNobodyHasEndedTheWait() public {
        _deliver();
        vm.warp(DISPUTE_BY + 30 * 24 * HOUR);
        _dispute();
        _assertHeld(100, IResourceEscrow.State.Disputed);
    }

    function test_refusesDisputeByAnother() public {
        _deliver();
        _refuses(supplier, _disputeCall(), _notParty(supplier));
        _refuses(stranger, _disputeCall(), _notParty(stranger));
    }

    function test_refusesDisputeOfWhatIsNotDelivered() public {
        _refuses(demander, _disputeCall(), _wrongState(IResourceEscrow.State.Funded));
        _deliver();
        _dispute();
        _refuses(demander, _disputeCall(), _wrongState(IResourceEscrow.State.Disputed));
        _release(100);
        _refuses(demander, _disputeCall(), _wrongState(IResourceEscrow.State.Closed));
    }

    function _disputeCall() private view returns (bytes memory) {
        return abi.encodeCall(exchange.dispute, (_trade(), _escrow(), ""));
    }
}
