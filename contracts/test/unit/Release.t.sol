// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Money that a party gives to the other of its own will.
contract ReleaseTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_allOfItIsAcceptance() public {
        _deliver();
        _expectReleased(100, 0);
        _release(100);
        _assertClosed(100);
    }

    function test_aPartIsAMilestone() public {
        _expectReleased(30, 0);
        _release(30);
        _assertHeld(70, IResourceEscrow.State.Funded);
        vm.assertEq(_balance(supplier), 30);
        _deliver();
        _release(20);
        _assertHeld(50, IResourceEscrow.State.Delivered);
        _dispute();
        _release(50);
        _assertClosed(100);
    }

    function test_deadlinesShareWhatMilestonesLeft() public {
        _release(40);
        vm.warp(DELIVER_BY);
        _expectReleased(3, 57);
        _as(stranger, _expireCall());
        _assertClosed(43);
    }

    function test_needsNoDeadline() public {
        vm.warp(DECIDE_BY + 365 * 24 * HOUR);
        _release(100);
        _assertClosed(100);
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

    function test_refusesAfterTheEnd() public {
        _release(100);
        _refuses(demander, _releaseCall(1), _wrongState(IResourceEscrow.State.Closed));
        _refuses(supplier, _refundCall(), _wrongState(IResourceEscrow.State.Closed));
        _refuses(stranger, _expireCall(), _wrongState(IResourceEscrow.State.Closed));
        _refuses(stranger, _splitCall(5000), _wrongState(IResourceEscrow.State.Closed));
        _refuses(stranger, _ruleCall(5000), _wrongState(IResourceEscrow.State.Closed));
    }

    function test_theSupplierRefundsAllThatIsHeld() public {
        _release(30);
        _expectReleased(0, 70);
        _as(supplier, _refundCall());
        _assertClosed(30);
    }

    function test_theSupplierRefundsADisputedTrade() public {
        _deliver();
        _dispute();
        _as(supplier, _refundCall());
        _assertClosed(0);
    }

    /// @dev Large enough for the smallest share, 1 in 10,000, to be above zero.
    function test_aRefundLeavesTheSupplierNothingHoweverLarge() public {
        IResourceTrading.Trade memory trade = _trade();
        (trade.nonce, trade.unitPrice) = (1, 25_000);
        _fund(demander, 100_000);
        _as(stranger, _escrowCall(trade, _escrow()));
        _as(supplier, abi.encodeCall(exchange.refund, (trade, _escrow())));
        vm.assertEq(_balance(supplier), 0);
        vm.assertEq(_balance(demander), FUNDS - 100 + 100_000);
    }

    function test_refusesRefundByAnother() public {
        _refuses(demander, _refundCall(), _notParty(demander));
        _refuses(stranger, _refundCall(), _notParty(stranger));
    }

    function _releaseCall(uint128 amount) private view returns (bytes memory) {
        return abi.encodeCall(exchange.release, (_trade(), _escrow(), amount));
    }

    function _refundCall() private view returns (bytes memory) {
        return abi.encodeCall(exchange.refund, (_trade(), _escrow()));
    }

    function _insufficient(uint128 amount, uint128 wanted) private view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.InsufficientEscrow.selector, held, amount, wanted);
    }

    function _notParty(address account) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.NotParty.selector, account);
    }
}
