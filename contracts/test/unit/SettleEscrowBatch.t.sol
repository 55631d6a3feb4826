// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBundleBase} from "../base/EscrowBundleBase.sol";

/// @notice What can be settled into escrow is; a trade that cannot is skipped.
contract SettleEscrowBatchTest is EscrowBundleBase {
    function test_settlesAllThatCanBe() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _bundled(_tasks(), 0);
        bytes memory call = _batchCall(tasks);
        _expectHeld(tasks[0]);
        _expectHeld(tasks[1]);
        _as(stranger, call);
        vm.assertEq(exchange.heldOf(_digestOf(tasks[0])).payment, 100);
        vm.assertEq(exchange.heldOf(_digestOf(tasks[1])).payment, 90);
        vm.assertEq(_balance(demander), FUNDS - 190 - 9);
        vm.assertEq(_balance(supplier), FUNDS - 2 * BOND - 9);
    }

    /// @dev One for each check of escrow, and one that settlement makes; the last is settled.
    function test_skipsWhatCannotBeAndSaysWhichAndWhy() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _bad();
        bytes4[7] memory reasons = [
            IResourceVerification.UnknownListing.selector,
            IResourceEscrow.WrongPlace.selector,
            IResourceEscrow.BadTerm.selector,
            IResourceTrading.Bundled.selector,
            IAccounts.BadSignature.selector,
            IAccounts.InsufficientBalance.selector,
            IAccounts.InsufficientBalance.selector
        ];
        bytes memory call = _batchCall(tasks);
        for (uint256 i = 0; i < 7; ++i) {
            IResourceTrading.Trade memory trade = tasks[i].signed.trade;
            vm.expectEmit(address(exchange));
            emit IResourceTrading.Skipped(i, reasons[i], _digestOf(tasks[i]), trade.listing, trade.demander);
        }
        _expectHeld(tasks[7]);
        _as(stranger, call);
        vm.assertEq(_balance(demander), FUNDS - 100 - DEPOSIT);
        vm.assertEq(_balance(supplier), FUNDS - BOND - DEPOSIT);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 1);
    }

    /// @dev The reference of a skipped trade's reason: the error of settling it alone.
    function test_theReasonIsThatOfSettlingItAlone() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _bad();
        for (uint256 i = 0; i < 7; ++i) {
            (bool ok, bytes memory answer) =
                address(exchange).call(abi.encodeCall(exchange.settleEscrow, (tasks[i], _none())));
            vm.assertFalse(ok);
            IResourceEscrow.EscrowedTrade[] memory one = new IResourceEscrow.EscrowedTrade[](1);
            one[0] = tasks[i];
            vm.expectEmit(address(exchange));
            emit IResourceTrading.Skipped(0, bytes4(answer), _digestOf(one[0]), one[0].signed.trade.listing, demander);
            exchange.settleEscrowBatch(one, _none());
        }
    }

    function test_aTradeTwiceInABatchIsHeldOnce() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _bundled(_tasks(), 0);
        tasks[1] = tasks[0];
        _as(stranger, _batchCall(tasks));
        vm.assertEq(_balance(demander), FUNDS - 100 - DEPOSIT);
        vm.assertEq(_listing("m1").available, LISTED - 4);
    }

    function test_refusesInAPause() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _bundled(_tasks(), 0);
        _pause(NOW + 10);
        _refuses(stranger, _batchCall(tasks), abi.encodeWithSelector(IOperators.TradingPaused.selector, NOW + 10));
    }

    function _bad() private view returns (IResourceEscrow.EscrowedTrade[] memory tasks) {
        tasks = new IResourceEscrow.EscrowedTrade[](8);
        for (uint256 i = 0; i < 8; ++i) {
            (tasks[i].signed.trade, tasks[i].escrow) = (_trade(), _escrow());
        }
        tasks[0].signed.trade.listing = _id("m3", 0);
        tasks[1].escrow.slot = 1;
        tasks[2].escrow.lateShare = 10_001;
        tasks[3].signed.trade.bundle = "product";
        tasks[5].signed.trade.unitPrice = 250;
        tasks[6].escrow.bond = 1000;
        for (uint256 i = 0; i < 8; ++i) {
            tasks[i] = _escrowedTrade(tasks[i].signed.trade, tasks[i].escrow);
        }
        tasks[4].signed.supplier = tasks[4].signed.demander;
    }
}
