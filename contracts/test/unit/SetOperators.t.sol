// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract SetOperatorsTest is ExchangeBase {
    function test_replacesTheSetAndSaysSo() public {
        address[] memory next = new address[](2);
        (next[0], next[1]) = (stranger, operatorAccounts[0]);
        bytes[] memory signatures = _decided(_operatorsHash(next, 1));
        vm.expectEmit(address(exchange));
        emit IOperators.OperatorsSet(next, 1);
        _as(stranger, abi.encodeCall(exchange.setOperators, (next, 1, signatures)));
        vm.assertEq(exchange.operators(), next);
        vm.assertEq(exchange.threshold(), 1);
        vm.assertEq(exchange.decisionNonce(), 1);
    }

    function test_theNewSetDecidesAndTheOldDoesNot() public {
        _set(_addresses(stranger), 1);
        bytes[] memory old = _operatorSignatures(_pauseHash(NOW + 1), 1);
        _refuses(supplier, abi.encodeCall(exchange.pause, (NOW + 1, old)), _badSignature(0, operatorAccounts[0]));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _sign(STRANGER_KEY, _typed(_pauseHash(NOW + 1)));
        exchange.pause(NOW + 1, signatures);
        vm.assertEq(exchange.pausedUntil(), NOW + 1);
    }

    function test_anOperatorMayStay() public {
        _set(operatorAccounts, 3);
        vm.assertEq(exchange.operators(), operatorAccounts);
        vm.assertEq(exchange.threshold(), 3);
    }

    function test_acceptsMoreThanThreshold() public {
        bytes[] memory signatures = _operatorSignatures(_operatorsHash(_addresses(stranger), 1), 3);
        exchange.setOperators(_addresses(stranger), 1, signatures);
        vm.assertEq(exchange.threshold(), 1);
    }

    function test_refusesThresholdAboveOperators() public {
        _refusesSet(operatorAccounts, 4, abi.encodeWithSelector(IOperators.BadThreshold.selector, 4, 3));
    }

    function test_refusesThresholdZero() public {
        _refusesSet(operatorAccounts, 0, abi.encodeWithSelector(IOperators.BadThreshold.selector, 0, 3));
    }

    function test_refusesNoOperators() public {
        _refusesSet(new address[](0), 0, abi.encodeWithSelector(IOperators.BadThreshold.selector, 0, 0));
    }

    function test_refusesZeroOperator() public {
        _refusesSet(_addresses(address(0)), 1, abi.encodeWithSelector(IOperators.BadOperator.selector, address(0)));
    }

    function test_refusesOperatorNamedTwice() public {
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (stranger, stranger);
        _refusesSet(twice, 2, abi.encodeWithSelector(IOperators.BadOperator.selector, stranger));
    }

    function test_refusesTooFewSignatures() public {
        bytes[] memory one = _operatorSignatures(_operatorsHash(_addresses(stranger), 1), 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.setOperators, (_addresses(stranger), 1, one)),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
    }

    function test_refusesDescendingSigners() public {
        bytes[] memory signatures = _decided(_operatorsHash(_addresses(stranger), 1));
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        _refuses(
            stranger,
            abi.encodeCall(exchange.setOperators, (_addresses(stranger), 1, signatures)),
            _badSignature(1, operatorAccounts[0])
        );
    }

    function test_refusesADecisionTwice() public {
        bytes[] memory signatures = _decided(_operatorsHash(operatorAccounts, 2));
        bytes memory call = abi.encodeCall(exchange.setOperators, (operatorAccounts, 2, signatures));
        _as(stranger, call);
        (bool ok,) = address(exchange).call(call);
        vm.assertFalse(ok);
        vm.assertEq(exchange.decisionNonce(), 1);
    }

    function _set(address[] memory next, uint256 threshold) private {
        exchange.setOperators(next, threshold, _decided(_operatorsHash(next, threshold)));
    }

    function _refusesSet(address[] memory next, uint256 threshold, bytes memory reason) private {
        bytes[] memory signatures = _decided(_operatorsHash(next, threshold));
        _refuses(stranger, abi.encodeCall(exchange.setOperators, (next, threshold, signatures)), reason);
    }

    function _badSignature(uint256 index, address recovered) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, index, recovered);
    }
}
