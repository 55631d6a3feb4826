// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract DeployTest is ExchangeBase {
    function test_keepsOperatorsThresholdAndTokens() public view {
        vm.assertEq(exchange.operators(), operatorAccounts);
        vm.assertEq(exchange.threshold(), 2);
        vm.assertTrue(exchange.accepts(address(token)));
        vm.assertFalse(exchange.accepts(stranger));
    }

    function test_saysItsDomain() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifier,,) =
            exchange.eip712Domain();
        vm.assertEq(uint8(fields), 0x0f);
        vm.assertEq(name, "Fabmarket");
        vm.assertEq(version, "1");
        vm.assertEq(chainId, block.chainid);
        vm.assertEq(verifier, address(exchange));
    }

    function test_emitsWhatItFixes() public {
        vm.expectEmit();
        emit IResourceVerification.OperatorsSet(operatorAccounts, 3);
        vm.expectEmit();
        emit IResourceTrading.TokensSet(_addresses(address(token)));
        _deploy(operatorAccounts, 3, address(token));
    }

    function test_refusesThresholdZero() public {
        _refuses(operatorAccounts, 0, abi.encodeWithSelector(IResourceVerification.BadThreshold.selector, 0, 3));
    }

    function test_refusesThresholdAboveOperators() public {
        _refuses(operatorAccounts, 4, abi.encodeWithSelector(IResourceVerification.BadThreshold.selector, 4, 3));
    }

    function test_refusesNoOperators() public {
        _refuses(new address[](0), 0, abi.encodeWithSelector(IResourceVerification.BadThreshold.selector, 0, 0));
    }

    function test_refusesZeroOperator() public {
        operatorAccounts[1] = address(0);
        _refuses(operatorAccounts, 1, abi.encodeWithSelector(IResourceVerification.BadOperator.selector, address(0)));
    }

    function test_refusesOperatorNamedTwice() public {
        operatorAccounts[2] = operatorAccounts[0];
        _refuses(
            operatorAccounts, 1, abi.encodeWithSelector(IResourceVerification.BadOperator.selector, operatorAccounts[0])
        );
    }

    function test_refusesTokenWithoutCode() public {
        vm.expectRevert(abi.encodeWithSelector(IResourceTrading.TokenNotAccepted.selector, stranger));
        _deploy(operatorAccounts, 1, stranger);
    }

    function _refuses(address[] memory operators, uint256 threshold, bytes memory reason) private {
        vm.expectRevert(reason);
        _deploy(operators, threshold, address(token));
    }
}
