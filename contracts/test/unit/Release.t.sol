// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice The demander pays the supplier of its own will: all of it, or a milestone.
contract ReleaseTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_allOfItIsAcceptance() public {
        _deliver();
        _expectReleased(IResourceEscrow.Cause.Accepted, 145, 5);
        _release(100);
        _assertClosed(145);
    }

    function test_allOfItMayBePaidBeforeDelivery() public {
        _expectReleased(IResourceEscrow.Cause.Accepted, 145, 5);
        _release(100);
        _assertClosed(145);
        vm.assertEq(_slot("m1").committed, LISTED);
    }

    function test_aPartIsAMilestone() public {
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Released(held, IResourceEscrow.Cause.Accepted, 30, 0, false);
        _release(30);
        _assertHeld(70, IResourceEscrow.State.Funded);
        vm.assertEq(_balance(supplier), FUNDS - BOND - DEPOSIT + 30);
        _deliver();
        _release(20);
        _assertHeld(50, IResourceEscrow.State.Delivered);
        _release(50);
        _assertClosed(145);
    }

    /// @dev 5 % of the 60 that are left.
    function test_deadlinesShareWhatMilestonesLeft() public {
        _release(40);
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        _waitGrace();
        _expectReleased(IResourceEscrow.Cause.Late, 3 + 30 + 5, 57 + 10 + 5);
        _as(stranger, _expireCall());
        _assertClosed(40 + 38);
    }

    function test_needsNoDeadline() public {
        vm.warp(DECIDE_BY + 365 * 24 * HOUR);
        _release(100);
        _assertClosed(145);
    }

    function test_aMilestoneMayBePaidWhileARulingStands() public {
        _deliver();
        _dispute();
        vm.warp(block.timestamp + _parameters().hearing);
        _as(stranger, _ruleCall(_ruling(5000)));
        _refuses(demander, _releaseCall(100), _stands(1));
        _release(60);
        _waitRuling();
        _expectReleased(IResourceEscrow.Cause.Ruled, 20 + 20 + 5, 20 + 20 + 5);
        _as(stranger, _executeCall());
        _assertClosed(60 + 45);
    }

    function test_refusesZero() public {
        _refuses(demander, _releaseCall(0), abi.encodeWithSelector(IAccounts.ZeroAmount.selector));
    }

    function test_refusesMoreThanIsHeld() public {
        _refuses(demander, _releaseCall(101), _insufficient(100, 101));
        _release(99);
        _refuses(demander, _releaseCall(2), _insufficient(1, 2));
    }

    function test_refusesReleaseByAnother() public {
        _refuses(supplier, _releaseCall(1), _notParty(supplier));
        _refuses(stranger, _releaseCall(1), _notParty(stranger));
    }

    function test_refusesEverythingAfterTheEnd() public {
        bytes memory split = _splitCall(75, 75);
        _release(100);
        bytes memory closed = _wrongState(IResourceEscrow.State.Closed);
        _refuses(demander, _releaseCall(1), closed);
        _refuses(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())), closed);
        _refuses(demander, abi.encodeCall(exchange.refundUncovered, (_trade(), _escrow())), closed);
        _refuses(demander, abi.encodeCall(exchange.voidSplits, (_trade(), _escrow())), closed);
        _refuses(stranger, _expireCall(), closed);
        _refuses(stranger, split, closed);
        _refuses(stranger, _ruleCall(_ruling(5000)), closed);
        _refuses(stranger, _executeCall(), closed);
    }

    function _releaseCall(uint128 amount) private view returns (bytes memory) {
        return abi.encodeCall(exchange.release, (_trade(), _escrow(), amount));
    }

    function _insufficient(uint128 amount, uint128 wanted) private view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.InsufficientEscrow.selector, held, amount, wanted);
    }
}
