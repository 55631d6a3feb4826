// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice The supplier states, once, what it delivered.
contract DeliverTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_deliveryIsStatedWithItsQuantity() public {
        vm.warp(DELIVER_BY - 1);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Delivered(held, 3, uint40(DELIVER_BY - 1));
        _deliver(3);
        _assertHeld(100, IResourceEscrow.State.Delivered);
        vm.assertEq(exchange.heldOf(held).delivered, 3);
        vm.assertEq(exchange.heldOf(held).since, DELIVER_BY - 1);
    }

    /// @dev Its deadline decides only after a call, and a grace period after that.
    function test_deliveryIsStatedLateAsLongAsNobodyHasEndedTheWait() public {
        vm.warp(DELIVER_BY + 30 * 24 * HOUR);
        _deliver();
        _assertHeld(100, IResourceEscrow.State.Delivered);
    }

    function test_refusesNothingAndMoreThanWasBought() public {
        _refuses(supplier, _deliverCall(0), _badQuantity(0));
        _refuses(supplier, _deliverCall(5), _badQuantity(5));
        _refuses(supplier, _deliverCall(type(uint64).max), _badQuantity(type(uint64).max));
        _deliver(4);
        vm.assertEq(exchange.heldOf(held).delivered, 4);
    }

    function test_refusesDeliveryBeforeItsTime() public {
        _listLater(1);
        _escrowed(_laterTrade(1), _laterEscrow(1));
        bytes memory call = abi.encodeCall(exchange.deliver, (_laterTrade(1), _laterEscrow(1), 4));
        vm.warp(NOW + HOUR - 1);
        _refuses(supplier, call, _tooEarly(NOW + HOUR));
        vm.warp(NOW + HOUR);
        _as(supplier, call);
    }

    function test_refusesDeliveryByAnother() public {
        _refuses(demander, _deliverCall(4), _notParty(demander));
        _refuses(stranger, _deliverCall(4), _notParty(stranger));
    }

    function test_refusesDeliveryTwice() public {
        _deliver(1);
        _refuses(supplier, _deliverCall(3), _wrongState(IResourceEscrow.State.Delivered));
        _dispute();
        _refuses(supplier, _deliverCall(3), _wrongState(IResourceEscrow.State.Disputed));
        _release(100);
        _refuses(supplier, _deliverCall(3), _wrongState(IResourceEscrow.State.Closed));
    }

    function test_refusesDeliveryOfATradeOfOtherTerms() public {
        IResourceEscrow.Escrow memory other = _escrow();
        other.deliverBy += 1;
        held = exchange.escrowDigestOf(_trade(), other);
        _refuses(
            supplier, abi.encodeCall(exchange.deliver, (_trade(), other, 4)), _wrongState(IResourceEscrow.State.None)
        );
    }

    function _deliverCall(uint64 quantity) private view returns (bytes memory) {
        return abi.encodeCall(exchange.deliver, (_trade(), _escrow(), quantity));
    }

    function _badQuantity(uint64 quantity) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.BadQuantity.selector, quantity, 4);
    }
}
