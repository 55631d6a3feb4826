// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice The supplier states delivery; the demander disputes it.
contract DeliverTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_deliveryIsStatedBeforeItsDeadline() public {
        vm.warp(DELIVER_BY - 1);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Delivered(held);
        _deliver();
        _assertHeld(100, IResourceEscrow.State.Delivered);
    }

    function test_refusesDeliveryFromItsDeadlineOn() public {
        vm.warp(DELIVER_BY);
        _refuses(supplier, _deliverCall(), _passed(DELIVER_BY));
    }

    function test_refusesDeliveryByAnother() public {
        _refuses(demander, _deliverCall(), _notParty(demander));
        _refuses(stranger, _deliverCall(), _notParty(stranger));
    }

    function test_refusesDeliveryTwice() public {
        _deliver();
        _refuses(supplier, _deliverCall(), _wrongState(IResourceEscrow.State.Delivered));
        _dispute();
        _refuses(supplier, _deliverCall(), _wrongState(IResourceEscrow.State.Disputed));
        _release(100);
        _refuses(supplier, _deliverCall(), _wrongState(IResourceEscrow.State.Closed));
    }

    function test_refusesDeliveryOfATradeOfOtherTerms() public {
        IResourceEscrow.Escrow memory other = _escrow();
        other.deliverBy += 1;
        held = exchange.digestOf(_trade(), other);
        _refuses(supplier, abi.encodeCall(exchange.deliver, (_trade(), other)), _wrongState(IResourceEscrow.State.None));
    }

    function test_disputeIsRaisedBeforeItsDeadline() public {
        _deliver();
        vm.warp(ACCEPT_BY - 1);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Disputed(held, "evidence");
        _dispute();
        _assertHeld(100, IResourceEscrow.State.Disputed);
    }

    function test_refusesDisputeFromItsDeadlineOn() public {
        _deliver();
        vm.warp(ACCEPT_BY);
        _refuses(demander, _disputeCall(), _passed(ACCEPT_BY));
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
    }

    function _deliverCall() private view returns (bytes memory) {
        return abi.encodeCall(exchange.deliver, (_trade(), _escrow()));
    }

    function _disputeCall() private view returns (bytes memory) {
        return abi.encodeCall(exchange.dispute, (_trade(), _escrow(), ""));
    }

    function _passed(uint64 deadline) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.DeadlinePassed.selector, deadline, deadline);
    }

    function _notParty(address account) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.NotParty.selector, account);
    }
}
