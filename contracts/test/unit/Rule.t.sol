// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Operators rule on a dispute: a ruling is posted after the hearing, and executed after its window.
contract RuleTest is EscrowBase {
    uint256 private constant HEARD = NOW + 900;

    function setUp() public override {
        super.setUp();
        _escrowed();
        _deliver();
        _dispute();
        vm.warp(HEARD);
    }

    function test_aRulingIsPostedAndExecutedAfterItsWindow() public {
        IResourceEscrow.Ruling memory ruling = IResourceEscrow.Ruling(7, 6666, 2500, 10_000, DEADLINE);
        bytes memory call = _ruleCall(ruling);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.RulingPosted(held, 7, 6666, 2500, 10_000, uint64(HEARD) + 1000, uint40(block.number + 5));
        _as(stranger, call);
        _assertHeld(100, IResourceEscrow.State.Disputed);
        IResourceEscrow.Posted memory posted = exchange.rulingOf(held);
        vm.assertEq(posted.number, 7);
        vm.assertEq(posted.executableAt, HEARD + 1000);
        vm.assertEq(exchange.decisionNonce(), 0);
        _waitRuling();
        _expectReleased(IResourceEscrow.Cause.Ruled, 66 + 10 + 10, 34 + 30);
        _as(stranger, _executeCall());
        _assertClosed(86);
        vm.assertEq(exchange.rulingOf(held).number, 0);
    }

    function test_rulesAllToOneSide() public {
        uint256 snapshot = vm.snapshotState();
        _as(stranger, _ruleCall(_ruling(10_000)));
        _waitRuling();
        _as(stranger, _executeCall());
        _assertClosed(150);
        vm.assertTrue(vm.revertToState(snapshot));
        _as(stranger, _ruleCall(_ruling(0)));
        _waitRuling();
        _as(stranger, _executeCall());
        _assertClosed(0);
    }

    function test_refusesBeforeTheHearingEnds() public {
        vm.warp(HEARD - 1);
        _refuses(stranger, _ruleCall(_ruling(5000)), _tooEarly(HEARD));
    }

    /// @dev Both the time and the blocks of its window.
    function test_refusesToExecuteBeforeItsWindowEnds() public {
        _refuses(stranger, _executeCall(), abi.encodeWithSelector(IResourceEscrow.NoRuling.selector, held));
        _as(stranger, _ruleCall(_ruling(5000)));
        (uint256 time, uint256 number) = (HEARD + 1000, block.number + 5);
        vm.warp(time - 1);
        vm.roll(number);
        _refuses(stranger, _executeCall(), _graceRunning());
        vm.warp(time);
        vm.roll(number - 1);
        _refuses(stranger, _executeCall(), _graceRunning());
        vm.roll(number);
        _as(stranger, _executeCall());
        _assertClosed(50 + 20 + 5);
    }

    function test_aHigherNumberReplacesItAndHasAWindowOfItsOwn() public {
        _as(stranger, _ruleCall(_numbered(1, 10_000)));
        vm.warp(HEARD + 999);
        vm.roll(block.number + 5);
        _as(stranger, _ruleCall(_numbered(2, 0)));
        vm.assertEq(exchange.rulingOf(held).executableAt, HEARD + 1999);
        vm.warp(HEARD + 1998);
        vm.roll(block.number + 5);
        _refuses(stranger, _executeCall(), _graceRunning());
        vm.warp(HEARD + 1999);
        _as(stranger, _executeCall());
        _assertClosed(0);
    }

    function test_refusesTheSameOrALowerNumber() public {
        _refuses(stranger, _ruleCall(_numbered(0, 10_000)), _stale(0, 0));
        _as(stranger, _ruleCall(_numbered(2, 0)));
        _refuses(stranger, _ruleCall(_numbered(1, 10_000)), _stale(1, 2));
        _refuses(stranger, _ruleCall(_numbered(2, 10_000)), _stale(2, 2));
    }

    function test_refusesAReplacementAfterTheWindow() public {
        _as(stranger, _ruleCall(_numbered(1, 10_000)));
        _waitRuling();
        _refuses(stranger, _ruleCall(_numbered(2, 0)), _passed(HEARD + 1000));
    }

    /// @dev Ever new rulings do not keep a dispute open: one window after `decideBy` the window that runs is the last.
    function test_replacementsEnd() public {
        _as(stranger, _ruleCall(_numbered(1, 10_000)));
        uint256 time = HEARD;
        uint256 last = DECIDE_BY + 1000;
        uint32 number = 1;
        while (time + 999 < last) {
            time += 999;
            vm.warp(time);
            _as(stranger, _ruleCall(_numbered(++number, 10_000)));
            vm.assertEq(exchange.rulingOf(held).executableAt, time + 1000);
        }
        uint64 end = uint64(time + 1000);
        vm.warp(end - 1);
        vm.assertLe(last, end - 1);
        vm.roll(block.number + 4);
        _as(stranger, _ruleCall(_numbered(++number, 0)));
        vm.assertEq(exchange.rulingOf(held).executableAt, end);
        vm.warp(end);
        vm.roll(block.number + 1);
        _as(stranger, _executeCall());
        _assertClosed(0);
    }

    /// @dev The first second at which a replacement shares the window of the ruling that it replaces.
    function test_oneWindowAfterTheTimeForDecidingTheWindowThatRunsIsTheLast() public {
        vm.warp(DECIDE_BY + 1);
        _as(stranger, _ruleCall(_numbered(1, 10_000)));
        uint256 snapshot = vm.snapshotState();
        vm.warp(DECIDE_BY + 999);
        _as(stranger, _ruleCall(_numbered(2, 0)));
        vm.assertEq(exchange.rulingOf(held).executableAt, DECIDE_BY + 1999);
        vm.assertTrue(vm.revertToState(snapshot));
        vm.warp(DECIDE_BY + 1000);
        _as(stranger, _ruleCall(_numbered(2, 0)));
        vm.assertEq(exchange.rulingOf(held).executableAt, DECIDE_BY + 1001);
    }

    /// @dev Where nobody opened a grace period.
    function test_aRulingPostedLateCanBeReplacedToo() public {
        vm.warp(DECIDE_BY + 30 * 24 * HOUR);
        _as(stranger, _ruleCall(_numbered(1, 10_000)));
        vm.assertEq(exchange.rulingOf(held).executableAt, block.timestamp + 1000);
        vm.warp(block.timestamp + 999);
        _as(stranger, _ruleCall(_numbered(2, 0)));
        vm.warp(block.timestamp + 1);
        vm.roll(block.number + 5);
        _as(stranger, _executeCall());
        _assertClosed(0);
    }

    function test_refusesFromTheRulingsDeadlineOn() public {
        IResourceEscrow.Ruling memory ruling = _ruling(5000);
        ruling.deadline = uint64(HEARD) + 10;
        bytes memory call = _ruleCall(ruling);
        vm.warp(HEARD + 10);
        _refuses(stranger, call, _passed(HEARD + 10));
        vm.warp(HEARD + 11);
        _refuses(stranger, call, _passed(HEARD + 10));
        vm.warp(HEARD + 9);
        _as(stranger, call);
    }

    function test_refusesSharesAboveTheWhole() public {
        bytes memory reason = abi.encodeWithSelector(IResourceEscrow.BadShare.selector, 10_001);
        _refuses(stranger, _ruleCall(IResourceEscrow.Ruling(1, 10_001, 0, 0, DEADLINE)), reason);
        _refuses(stranger, _ruleCall(IResourceEscrow.Ruling(1, 0, 10_001, 0, DEADLINE)), reason);
        _refuses(stranger, _ruleCall(IResourceEscrow.Ruling(1, 0, 0, 10_001, DEADLINE)), reason);
    }

    function test_refusesTooFewAndThoseWhoAreNoOperators() public {
        bytes32 hash = _rulingHash(_ruling(5000));
        _refuses(
            stranger,
            _ruleWith(_operatorSignatures(hash, 1)),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
        IOperators.OperatorSignature[] memory signatures = _decided(hash);
        signatures[0] = _operatorSignature(STRANGER_KEY, hash);
        _refuses(
            stranger,
            _ruleWith(signatures),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, stranger)
        );
    }

    function test_refusesARulingOnAnotherTrade() public {
        IResourceEscrow.Ruling memory ruling = _ruling(5000);
        IOperators.OperatorSignature[] memory signatures = _decided(_rulingHash(ruling));
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        vm.warp(NOW);
        _escrowed(trade, _escrow());
        _as(supplier, abi.encodeCall(exchange.deliver, (trade, _escrow(), 4)));
        _as(demander, abi.encodeCall(exchange.dispute, (trade, _escrow(), "")));
        vm.warp(HEARD + 900);
        _refuses(
            stranger,
            abi.encodeCall(exchange.rule, (trade, _escrow(), ruling, signatures)),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, operatorAccounts[0])
        );
    }

    function test_refusesWhatIsNotInDispute() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        vm.warp(NOW);
        _escrowed(trade, _escrow());
        IResourceEscrow.Ruling memory ruling = _ruling(5000);
        bytes memory rule = abi.encodeCall(exchange.rule, (trade, _escrow(), ruling, _decided(_rulingHash(ruling))));
        bytes memory execute = abi.encodeCall(exchange.execute, (trade, _escrow()));
        _refuses(stranger, rule, _wrongState(IResourceEscrow.State.Funded));
        _refuses(stranger, execute, _wrongState(IResourceEscrow.State.Funded));
        _as(supplier, abi.encodeCall(exchange.deliver, (trade, _escrow(), 4)));
        _refuses(stranger, rule, _wrongState(IResourceEscrow.State.Delivered));
        _refuses(stranger, execute, _wrongState(IResourceEscrow.State.Delivered));
    }

    function test_nothingExpiresWhileARulingStands() public {
        vm.warp(DECIDE_BY);
        _as(stranger, _expireCall());
        vm.warp(DECIDE_BY + 299);
        _as(stranger, _ruleCall(_ruling(5000)));
        _waitRuling();
        _refuses(stranger, _expireCall(), _stands(1));
        _as(stranger, _executeCall());
        _assertClosed(75);
    }

    /// @dev Every amount that a ruling makes is rounded down for the supplier, and nothing is lost.
    function testFuzz_sharesRoundDown(uint16 payment, uint16 bond, uint16 deposits) public {
        (payment, bond, deposits) = (payment % 10_001, bond % 10_001, deposits % 10_001);
        _as(stranger, _ruleCall(IResourceEscrow.Ruling(1, payment, bond, deposits, DEADLINE)));
        _waitRuling();
        _as(stranger, _executeCall());
        uint256 toSupplier = uint256(payment) / 100 + 40 * uint256(bond) / 10_000 + uint256(deposits) / 1000;
        _assertClosed(toSupplier);
    }

    function _numbered(uint32 number, uint16 share) private pure returns (IResourceEscrow.Ruling memory ruling) {
        ruling = _ruling(share);
        ruling.number = number;
    }

    function _ruleWith(IOperators.OperatorSignature[] memory signatures) private view returns (bytes memory) {
        return abi.encodeCall(exchange.rule, (_trade(), _escrow(), _ruling(5000), signatures));
    }

    function _stale(uint32 number, uint32 posted) private view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.StaleRuling.selector, held, number, posted);
    }
}
