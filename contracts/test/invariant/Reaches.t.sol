// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CHEATS} from "../base/Vm.sol";
import {ExchangeHandler} from "./ExchangeHandler.sol";

/// @notice The invariants would say little if the handler's moves never came about.
contract ExchangeHandlerTest {
    /// @dev Four units at some price, with a bond where the trade is in escrow.
    uint256 private constant TERMS = 3 << 8 | 10 << 72 | 50 << 100;
    /// @dev What `step` is told: deliver, dispute and so on, in this order.
    uint256 private constant DELIVER = 0;
    uint256 private constant DISPUTE = 1;
    uint256 private constant RULE = 2;
    uint256 private constant EXECUTE = 3;
    uint256 private constant EXPIRE = 4;
    uint256 private constant REFUND_UNCOVERED = 5;
    uint256 private constant RELEASE_PART = 6;
    uint256 private constant RELEASE_ALL = 7;
    uint256 private constant REFUND = 8;
    uint256 private constant SPLIT = 9;
    uint256 private constant VOID_SPLITS = 10;

    ExchangeHandler private _handler;

    function setUp() public {
        _handler = new ExchangeHandler();
        for (uint256 i = 0; i < 4; ++i) {
            _handler.deposit(i, 99_999, false);
        }
        _handler.sealAndOpen(0, 29, "salt", true);
        _handler.sealAndOpen(2, 29, "salt", false);
    }

    function test_everyKindOfTrade() external {
        _handler.settle(0, TERMS, false);
        _handler.settle(0, TERMS, true);
        _handler.settleBatch(0, TERMS, 5);
        _handler.settleInside(0, TERMS, false);
        _handler.settleInside(0, TERMS, true);
        _reached("settled inside", 2);
        _handler.settleEscrow(0, TERMS, true);
        _handler.settleEscrowBatch(0, TERMS);
        _handler.settleEscrowBundle(0, TERMS, true);
        _handler.settleEscrowBundle(0, TERMS, false);
        CHEATS.assertEq(_handler.settledCount(), 9);
        _reached("batch in escrow", 1);
        _reached("bundle in escrow", 1);
        _reached("broken bundle in escrow", 1);
        _handler.replay(0);
        _handler.intrude(0, 0);
        _ends();
    }

    function test_aRulingAndAnotherInItsPlace() external {
        _handler.settleEscrow(0, TERMS, false);
        _step(DELIVER, 1);
        _reached("partial delivery", 1);
        _step(DISPUTE, 1);
        _reached("dispute", 1);
        _handler.wait(0, true);
        _handler.intrude(0, 0);
        _handler.wait(0, false);
        _step(RULE, 5);
        _step(RULE, 7);
        _reached("ruling", 1);
        _reached("other ruling", 1);
        _handler.wait(0, true);
        _handler.intrude(0, 0);
        _handler.wait(0, false);
        _step(EXECUTE, 1);
        _reached("execution", 1);
        _ends();
    }

    function test_theOperatorsOfTheSettlementRule() external {
        _handler.settleEscrow(0, TERMS, false);
        _handler.setOperators(1, 1);
        // A day, the delay of the deployment.
        _handler.warp(86_400 << 8 | 2, 1);
        _step(DELIVER, 1);
        _step(DISPUTE, 1);
        _handler.wait(0, false);
        _step(RULE, 5);
        _reached("ruling of an old set", 1);
        _ends();
    }

    function test_aDeadlineAndItsGracePeriod() external {
        _handler.settleEscrow(0, TERMS, false);
        _handler.wait(0, true);
        _handler.intrude(0, 0);
        _handler.wait(0, false);
        _step(EXPIRE, 1);
        _reached("grace", 1);
        _handler.wait(0, true);
        _handler.intrude(0, 0);
        _handler.wait(0, false);
        _step(EXPIRE, 1);
        _reached("expiry", 1);
        _reached("capacity back", 1);
        CHEATS.assertEq(_handler.sold(_handler.listings(0)), 0);
        _ends();
    }

    function test_whatThePartiesDo() external {
        _handler.settleEscrow(0, TERMS, false);
        _step(RELEASE_PART, 2);
        _step(VOID_SPLITS, 8);
        _step(RELEASE_ALL, 4);
        _reached("acceptance", 1);
        _handler.settleEscrow(0, TERMS, false);
        _step(REFUND, 4);
        _reached("refund", 1);
        _handler.settleEscrow(0, TERMS, false);
        _step(SPLIT, 4);
        _reached("split", 1);
        _reached("capacity back", 2);
        _ends();
    }

    function test_aRefundForWantOfCapacity() external {
        _handler.settleEscrow(0, TERMS, false);
        _handler.attest(0, 0, true);
        _step(REFUND_UNCOVERED, 1);
        _reached("uncovered", 1);
        _handler.intrude(0, 0);
        _handler.wait(0, false);
        _handler.wait(0, false);
        _step(EXPIRE, 1);
        _handler.wait(0, false);
        _step(EXPIRE, 1);
        _reached("expiry", 1);
        _reached("capacity back", 0);
        _ends();
    }

    function test_productsOfOneAndOfSeveralSuppliers() external {
        uint256 three = 1 << 40;
        for (uint8 way = 0; way < 4; ++way) {
            _handler.breakBundle(0, three, way);
        }
        _reached("broken bundle", 4);
        _handler.settleBundle(0, 0, false);
        _reached("bundle of two", 1);
        _handler.sealAndOpen(3, 29, "salt", true);
        _handler.settleBundle(0, three, true);
        _reached("bundle of three", 1);
        for (uint256 i = 0; i < 3; ++i) {
            CHEATS.assertTrue(_handler.sold(_handler.listings(i)) > 0);
        }
        _handler.replay(0);
        _ends();
    }

    function test_cyclesAndLateSettlement() external {
        uint256 four = 2 << 8;
        uint256 terms = uint256(keccak256("terms"));
        for (uint8 way = 0; way < 5; ++way) {
            _handler.breakNet(four, terms, way);
        }
        _reached("broken cycle", 5);
        _handler.settleNet(four, terms, false);
        // All four sell what they have.
        _handler.settleNet(four, 0xf << 60, true);
        _reached("cycle", 2);
        CHEATS.assertTrue(_handler.reached("cycle with sales") > 0);
        CHEATS.assertTrue(_handler.sold(_handler.listings(0)) > 0);
        _handler.agree(0, TERMS, 0);
        _reached("late at once", 1);
        _handler.agree(0, TERMS, 3601);
        _handler.settleLate(1);
        _reached("late", 0);
        _handler.warp(3600 << 8 | 2, 1);
        _handler.settleLate(1);
        _reached("late", 1);
        _handler.replay(0);
        _ends();
    }

    function test_depositsGiftsAndWithdrawals() external {
        _handler.depositWithPermit(1, 1000, false, false);
        _handler.depositWithPermit(1, 1000, true, true);
        _handler.depositWithHostilePermit(1, 1000, false);
        _reached("permit", 1);
        _reached("used permit", 1);
        _reached("hostile permit", 1);
        _handler.give(0, 1);
        _handler.give(1, 1);
        _reached("gift", 2);
        _handler.deposit(1, 1000, true);
        _handler.withdraw(1, 0, 1000, 2, true);
        _reached("withdrawal to another", 1);
        _handler.setToken(0, 0);
        _handler.deposit(1, 1000, true);
        _handler.settle(0, TERMS, false);
        _handler.voidIntents(1, 7);
        _ends();
    }

    /// @dev Of the only escrow that is open.
    function _step(uint256 way, uint64 share) private {
        _handler.step(0, way, share, false);
    }

    function _reached(bytes32 move, uint256 times) private view {
        CHEATS.assertEq(_handler.reached(move), times);
    }

    /// @dev Nothing is owed when all is ended.
    function _ends() private {
        for (uint256 i = 0; i < _handler.listingCount(); ++i) {
            bytes32 listing = _handler.listings(i);
            (uint64 committed, uint64 available,) = _handler.capacity(listing);
            CHEATS.assertEq(committed, uint256(available) + _handler.sold(listing));
        }
        _handler.endAll();
        for (uint256 i = 0; i < 2; ++i) {
            (uint256 owed, uint256 total, uint256 holding) = _handler.books(i);
            CHEATS.assertEq(owed + total, 0);
            CHEATS.assertEq(holding, _handler.gifts(_handler.paidIn(i)));
        }
    }
}
