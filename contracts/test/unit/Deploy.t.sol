// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract DeployTest is ExchangeBase {
    uint256 private constant DEPLOYED_SIZE_LIMIT = 24_576; // EIP-170

    function test_keepsOperatorsThresholdAndTokens() public view {
        vm.assertEq(exchange.operators(), operatorAccounts);
        vm.assertEq(exchange.threshold(), 2);
        vm.assertEq(exchange.decisionNonce(), 0);
        vm.assertEq(exchange.pausedUntil(), 0);
        vm.assertTrue(exchange.accepts(address(token)));
        vm.assertFalse(exchange.accepts(stranger));
    }

    function test_isBelowTheSizeLimit() public view {
        vm.assertTrue(address(exchange).code.length < DEPLOYED_SIZE_LIMIT);
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
        emit IOperators.OperatorsSet(operatorAccounts, 3);
        vm.expectEmit();
        emit IAccounts.TokenSet(address(token), true);
        _deploy(operatorAccounts, 3, address(token));
    }

    function test_refusesZeroOperator() public {
        operatorAccounts[1] = address(0);
        _refusesDeploy(1, abi.encodeWithSelector(IOperators.BadOperator.selector, address(0)));
    }

    function test_refusesOperatorNamedTwice() public {
        operatorAccounts[2] = operatorAccounts[0];
        _refusesDeploy(1, abi.encodeWithSelector(IOperators.BadOperator.selector, operatorAccounts[0]));
    }

    function test_refusesTokenWithoutCode() public {
        vm.expectRevert(abi.encodeWithSelector(IAccounts.TokenNotAccepted.selector, stranger));
        _deploy(operatorAccounts, 1, stranger);
    }

    function _refusesDeploy(uint256 threshold, bytes memory reason) private {
        vm.expectRevert(reason);
        _deploy(operatorAccounts, threshold, address(token));
    }
}
