// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

/// @notice Deciding on a set of operators, and when it counts. The delay is a day.
contract SetOperatorsTest is ExchangeBase {
    uint64 private constant SINCE = NOW + 24 * HOUR;

    function test_decidesOnTheNextSetAndSaysSo() public {
        address[] memory next = _two(stranger, operatorAccounts[0]);
        IOperators.OperatorSignature[] memory signatures = _decided(_operatorsHash(next, 2, DEADLINE));
        vm.expectEmit(address(exchange));
        emit IOperators.OperatorsSet(2, next, 2, SINCE);
        _as(stranger, abi.encodeCall(exchange.setOperators, (next, 2, DEADLINE, signatures)));
        _assertCurrent(1, operatorAccounts, 2);
        _assertNext(2, SINCE);
        vm.assertEq(exchange.decisionNonce(), 1);
    }

    function test_itTakesOverAfterTheDelay() public {
        address[] memory next = _two(stranger, operatorAccounts[0]);
        _setOperators(next, 2);
        vm.warp(SINCE - 1);
        _assertCurrent(1, operatorAccounts, 2);
        _assertNext(2, SINCE);
        for (uint64 later = 0; later < 2; ++later) {
            vm.warp(SINCE + later);
            _assertCurrent(2, next, 2);
            _assertNext(0, 0);
        }
    }

    function test_everySetDecidedCanBeReadByItsNumber() public {
        _setOperators(_addresses(stranger), 1);
        (address[] memory members, uint256 threshold) = exchange.operatorsOf(1);
        vm.assertEq(members, operatorAccounts);
        vm.assertEq(threshold, 2);
        (members, threshold) = exchange.operatorsOf(2);
        vm.assertEq(members, _addresses(stranger));
        vm.assertEq(threshold, 1);
        for (uint32 none = 0; none < 4; none += 3) {
            (members, threshold) = exchange.operatorsOf(none);
            vm.assertEq(members.length, 0);
            vm.assertEq(threshold, 0);
        }
    }

    /// @dev The delay runs anew, and the set replaced never takes over.
    function test_aLaterDecisionReplacesTheOneNotYetInEffect() public {
        _setOperators(_addresses(stranger), 1);
        vm.warp(SINCE - 1);
        vm.expectEmit(address(exchange));
        emit IOperators.OperatorsSet(3, _addresses(supplier), 1, SINCE - 1 + 24 * HOUR);
        _setOperators(_addresses(supplier), 1);
        _assertNext(3, SINCE - 1 + 24 * HOUR);
        vm.warp(SINCE);
        _assertCurrent(1, operatorAccounts, 2);
        vm.warp(SINCE + 24 * HOUR - 2);
        _assertCurrent(1, operatorAccounts, 2);
        vm.warp(SINCE + 24 * HOUR - 1);
        _assertCurrent(3, _addresses(supplier), 1);
        _assertNext(0, 0);
    }

    function test_theNewSetDecidesOnTheOneAfterIt() public {
        _setOperators(_addresses(stranger), 1);
        vm.warp(SINCE);
        address[] memory next = _addresses(supplier);
        exchange.setOperators(next, 1, DEADLINE, _byStranger(_operatorsHash(next, 1, DEADLINE)));
        _assertCurrent(2, _addresses(stranger), 1);
        _assertNext(3, SINCE + 24 * HOUR);
        vm.warp(SINCE + 24 * HOUR);
        _assertCurrent(3, next, 1);
    }

    function test_theOldSetDecidesUntilTheNewOneTakesOver() public {
        _setOperators(_addresses(stranger), 1);
        vm.warp(SINCE - 1);
        bytes memory byNew = abi.encodeCall(exchange.pause, (SINCE, DEADLINE, _byStranger(_pauseHash(SINCE, DEADLINE))));
        bytes memory reason = abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2);
        _refuses(stranger, byNew, reason);
        _pause(SINCE);
        vm.assertEq(exchange.pausedUntil(), SINCE);
        vm.warp(SINCE);
        _refuses(
            stranger,
            abi.encodeCall(exchange.pause, (0, DEADLINE, _decided(_pauseHash(0, DEADLINE)))),
            _badSignature(0, operatorAccounts[0])
        );
        exchange.pause(0, DEADLINE, _byStranger(_pauseHash(0, DEADLINE)));
        vm.assertEq(exchange.pausedUntil(), 0);
    }

    /// @dev Even where all members stay, what they signed as the old set is void.
    function test_aDecisionSignedForTheOldSetIsVoidUnderTheNew() public {
        _setOperators(operatorAccounts, 2);
        bytes memory late =
            abi.encodeCall(exchange.pause, (SINCE + 9, DEADLINE, _decided(_pauseHash(SINCE + 9, DEADLINE))));
        vm.warp(SINCE);
        _refuses(stranger, late, _badSignature(0, operatorAccounts[0]));
        _pause(SINCE + 9);
        vm.assertEq(exchange.pausedUntil(), SINCE + 9);
    }

    function test_anOperatorMayStay() public {
        _setOperators(operatorAccounts, 3);
        vm.warp(SINCE);
        _assertCurrent(2, operatorAccounts, 3);
    }

    function test_acceptsMoreThanThreshold() public {
        bytes32 structHash = _operatorsHash(_addresses(stranger), 1, DEADLINE);
        exchange.setOperators(_addresses(stranger), 1, DEADLINE, _operatorSignatures(structHash, 3));
        _assertNext(2, SINCE);
    }

    /// @dev Any two decisions have an operator in common exactly if the threshold is a majority.
    function testFuzz_theThresholdIsAMajority(uint256 count, uint256 threshold) public {
        (count, threshold) = (count % 9, threshold % 11);
        address[] memory next = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            next[i] = vm.addr(0x100 + i);
        }
        if (2 * threshold > count && threshold <= count) {
            _setOperators(next, threshold);
            _assertNext(2, SINCE);
        } else {
            _refusesSet(next, threshold, abi.encodeWithSelector(IOperators.BadThreshold.selector, threshold, count));
        }
    }

    function test_refusesHalfOfAnEvenNumber() public {
        bytes memory reason = abi.encodeWithSelector(IOperators.BadThreshold.selector, 1, 2);
        _refusesSet(_two(stranger, supplier), 1, reason);
        _setOperators(_two(stranger, supplier), 2);
    }

    function test_refusesNoOperators() public {
        _refusesSet(new address[](0), 0, abi.encodeWithSelector(IOperators.BadThreshold.selector, 0, 0));
    }

    function test_refusesZeroOperator() public {
        _refusesSet(_addresses(address(0)), 1, abi.encodeWithSelector(IOperators.BadOperator.selector, address(0)));
    }

    function test_refusesOperatorNamedTwice() public {
        _refusesSet(_two(stranger, stranger), 2, abi.encodeWithSelector(IOperators.BadOperator.selector, stranger));
    }

    function test_refusesTooFewSignatures() public {
        bytes32 structHash = _operatorsHash(_addresses(stranger), 1, DEADLINE);
        _refuses(
            stranger,
            _call(_addresses(stranger), 1, DEADLINE, _operatorSignatures(structHash, 1)),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
    }

    function test_refusesDescendingSigners() public {
        IOperators.OperatorSignature[] memory signatures = _decided(_operatorsHash(_addresses(stranger), 1, DEADLINE));
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        _refuses(stranger, _call(_addresses(stranger), 1, DEADLINE, signatures), _badSignature(1, operatorAccounts[0]));
    }

    function test_refusesFromTheDeadlineOn() public {
        uint64 deadline = NOW + 60;
        bytes memory call =
            _call(operatorAccounts, 3, deadline, _decided(_operatorsHash(operatorAccounts, 3, deadline)));
        vm.warp(deadline);
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.DecisionExpired.selector, deadline, deadline));
        vm.warp(deadline - 1);
        _as(stranger, call);
        _assertNext(2, deadline - 1 + 24 * HOUR);
    }

    function test_refusesAnythingChanged() public {
        IOperators.OperatorSignature[] memory signatures = _decided(_operatorsHash(operatorAccounts, 2, DEADLINE));
        bytes memory reason = _badSignature(0, operatorAccounts[0]);
        _refuses(stranger, _call(_two(stranger, supplier), 2, DEADLINE, signatures), reason);
        _refuses(stranger, _call(operatorAccounts, 3, DEADLINE, signatures), reason);
        _refuses(stranger, _call(operatorAccounts, 2, DEADLINE - 1, signatures), reason);
    }

    function test_refusesADecisionTwice() public {
        bytes memory call =
            _call(operatorAccounts, 2, DEADLINE, _decided(_operatorsHash(operatorAccounts, 2, DEADLINE)));
        _as(stranger, call);
        _refuses(stranger, call, _badSignature(0, operatorAccounts[0]));
    }

    function _byStranger(bytes32 structHash) private view returns (IOperators.OperatorSignature[] memory signatures) {
        signatures = new IOperators.OperatorSignature[](1);
        signatures[0] = _operatorSignature(STRANGER_KEY, structHash);
    }

    function _call(
        address[] memory next,
        uint256 threshold,
        uint64 deadline,
        IOperators.OperatorSignature[] memory signatures
    ) private view returns (bytes memory) {
        return abi.encodeCall(exchange.setOperators, (next, threshold, deadline, signatures));
    }

    function _refusesSet(address[] memory next, uint256 threshold, bytes memory reason) private {
        IOperators.OperatorSignature[] memory signatures = _decided(_operatorsHash(next, threshold, DEADLINE));
        _refuses(stranger, _call(next, threshold, DEADLINE, signatures), reason);
    }

    function _assertCurrent(uint32 set, address[] memory members, uint256 threshold) private view {
        vm.assertEq(exchange.operatorSet(), set);
        vm.assertEq(exchange.operators(), members);
        vm.assertEq(exchange.threshold(), threshold);
    }

    function _assertNext(uint32 set, uint64 since) private view {
        (uint32 next, uint64 nextSince) = exchange.nextOperatorSet();
        vm.assertEq(next, set);
        vm.assertEq(nextSince, since);
    }

    function _two(address first, address second) private pure returns (address[] memory both) {
        both = new address[](2);
        (both[0], both[1]) = (first, second);
    }

    function _badSignature(uint256 index, address operator) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, index, operator);
    }
}
