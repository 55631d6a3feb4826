// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBundleBase} from "../base/EscrowBundleBase.sol";

/// @notice A product in escrow: all its sub-tasks, or none.
contract SettleEscrowBundleTest is EscrowBundleBase {
    function test_settlesAllSubTasksIntoEscrow() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _product();
        bytes memory call = _bundleCall(tasks);
        _expectHeld(tasks[0]);
        _expectHeld(tasks[1]);
        _as(stranger, call);
        vm.assertEq(_balance(demander), FUNDS - 190 - 9);
        vm.assertEq(_balance(supplier), FUNDS - 2 * BOND - 9);
        vm.assertEq(_listing("m2").available, LISTED - 3);
    }

    /// @dev Each sub-task has its own escrow from then on.
    function test_oneSubTaskMayBeRefundedAndTheOtherPaid() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _product();
        _as(stranger, _bundleCall(tasks));
        _as(supplier, abi.encodeCall(exchange.refund, (tasks[0].signed.trade, tasks[0].escrow)));
        _as(demander, abi.encodeCall(exchange.release, (tasks[1].signed.trade, tasks[1].escrow, 90)));
        vm.assertEq(_balance(demander), FUNDS - 90 + 20);
        vm.assertEq(_balance(supplier), FUNDS + 90 - 20);
    }

    function test_oneThatCannotBeSettledStopsAll() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _product();
        _cancel(demander, 2);
        _refuses(stranger, _bundleCall(tasks), _nonceUsed(1));
        bytes memory reason = abi.encodeWithSelector(
            IAccounts.InsufficientBalance.selector, supplier, address(token), FUNDS - BOND - DEPOSIT, 1004
        );
        tasks = _tasks();
        (tasks[1].escrow.bond, tasks[1].signed.trade.nonce) = (1000, 2);
        _refuses(stranger, _bundleCall(_bundled(tasks, _productOf(tasks))), reason);
    }

    function test_aBadTermOfOneStopsAll() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _tasks();
        tasks[1].escrow.exitPenalty = 10_001;
        bytes memory reason =
            abi.encodeWithSelector(IResourceEscrow.BadTerm.selector, bytes32("exitPenalty"), 10_001, 10_000);
        _refuses(stranger, _bundleCall(_bundled(tasks, _productOf(tasks))), reason);
    }

    function test_refusesAPartAnotherOrderAndMore() public {
        IResourceEscrow.EscrowedTrade[] memory whole = _product();
        bytes32 bundle = whole[0].signed.trade.bundle;
        IResourceEscrow.EscrowedTrade[] memory part = new IResourceEscrow.EscrowedTrade[](1);
        part[0] = whole[0];
        _refuses(stranger, _bundleCall(part), _wrongBundle(bundle, _productOf(part)));
        IResourceEscrow.EscrowedTrade[] memory turned = new IResourceEscrow.EscrowedTrade[](2);
        (turned[0], turned[1]) = (whole[1], whole[0]);
        _refuses(stranger, _bundleCall(turned), _wrongBundle(bundle, _productOf(turned)));
        IResourceEscrow.EscrowedTrade[] memory more = new IResourceEscrow.EscrowedTrade[](3);
        (more[0], more[1], more[2]) = (whole[0], whole[1], whole[1]);
        _refuses(stranger, _bundleCall(more), _wrongBundle(bundle, _productOf(more)));
    }

    /// @dev The product binds the terms of every sub-task, not of one's own alone.
    function test_refusesOtherTermsOfAnotherSubTask() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _tasks();
        bytes32 signed = _productOf(tasks);
        tasks[1].escrow.undecidedShare = 0;
        tasks = _bundled(tasks, signed);
        _refuses(stranger, _bundleCall(tasks), _wrongBundle(signed, _productOf(tasks)));
    }

    function test_refusesAProductOnEveryOtherPath() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _product();
        bytes memory reason = abi.encodeWithSelector(IResourceTrading.Bundled.selector, tasks[0].signed.trade.bundle);
        _refuses(stranger, abi.encodeCall(exchange.settleEscrow, (tasks[0], _none())), reason);
        _refuses(stranger, abi.encodeCall(exchange.settle, (tasks[0].signed, _none())), reason);
        bytes32 before = _stateHash();
        exchange.settleEscrowBatch(tasks, _none());
        vm.assertEq(_stateHash(), before);
    }

    function test_refusesTheProductTwiceAndInAPause() public {
        bytes memory call = _bundleCall(_product());
        _pause(NOW + 10);
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.TradingPaused.selector, NOW + 10));
        _pause(0);
        _as(stranger, call);
        _refuses(stranger, call, _nonceUsed(0));
    }

    function test_anEmptyProductDoesNothing() public {
        bytes32 before = _stateHash();
        exchange.settleEscrowBundle(new IResourceEscrow.EscrowedTrade[](0), _none());
        vm.assertEq(_stateHash(), before);
    }

    function _wrongBundle(bytes32 signed, bytes32 given) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.WrongBundle.selector, signed, given);
    }
}
