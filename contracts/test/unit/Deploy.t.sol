// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IModules} from "../../src/interfaces/IModules.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IParameters} from "../../src/interfaces/IParameters.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract DeployTest is ExchangeBase {
    uint256 private constant LARGEST = 24_576 - 2000; // EIP-170, less what is kept free

    function test_keepsOperatorsThresholdAndTokens() public view {
        vm.assertEq(exchange.operators(), operatorAccounts);
        vm.assertEq(exchange.threshold(), 2);
        vm.assertEq(exchange.operatorSet(), 1);
        (uint32 set, uint64 since) = exchange.nextOperatorSet();
        vm.assertEq(set, 0);
        vm.assertEq(since, 0);
        vm.assertEq(exchange.decisionNonce(), 0);
        vm.assertEq(exchange.pausedUntil(), 0);
        vm.assertTrue(exchange.accepts(address(token)));
        vm.assertFalse(exchange.accepts(stranger));
        vm.assertEq(exchange.totalOf(address(token)), 0);
        vm.assertEq(keccak256(abi.encode(exchange.parameters())), keccak256(abi.encode(_parameters())));
    }

    function test_isBelowTheSizeLimit() public view {
        vm.assertLe(address(exchange).code.length, LARGEST);
        vm.assertLe(exchange.moduleOf(exchange.settleEscrow.selector).code.length, LARGEST);
        vm.assertLe(exchange.moduleOf(exchange.settleNet.selector).code.length, LARGEST);
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
        bytes memory parameters = abi.encode(_parameters());
        address escrow = vm.deployCode("ResourceEscrow.sol:ResourceEscrow", parameters);
        address net = vm.deployCode("NetSettlement.sol:NetSettlement", parameters);
        vm.expectEmit();
        emit IOperators.OperatorsSet(1, operatorAccounts, 3, NOW);
        vm.expectEmit();
        emit IAccounts.TokenSet(address(token), true);
        vm.expectEmit();
        emit IModules.Deployed(_parameters(), escrow, net);
        _deploy(operatorAccounts, 3, address(token), escrow, net);
    }

    function test_refusesThresholdThatIsNoMajority() public {
        uint256[3] memory bad = [uint256(0), 1, 4];
        for (uint256 i = 0; i < bad.length; ++i) {
            _refuses(bad[i], address(token), abi.encodeWithSelector(IOperators.BadThreshold.selector, bad[i], 3));
        }
    }

    function test_refusesZeroOperator() public {
        operatorAccounts[1] = address(0);
        _refuses(2, address(token), abi.encodeWithSelector(IOperators.BadOperator.selector, address(0)));
    }

    function test_refusesOperatorNamedTwice() public {
        operatorAccounts[2] = operatorAccounts[0];
        _refuses(2, address(token), abi.encodeWithSelector(IOperators.BadOperator.selector, operatorAccounts[0]));
    }

    function test_refusesTokenWithoutCode() public {
        _refuses(2, stranger, abi.encodeWithSelector(IAccounts.TokenNotAccepted.selector, stranger));
    }

    /// @dev Each of the ten parameters, and the sum that bounds the longest life.
    function test_refusesParametersThatLeaveNoTime() public {
        IParameters.Parameters[11] memory bad;
        for (uint256 i = 0; i < bad.length; ++i) {
            bad[i] = _parameters();
        }
        bad[0].operatorDelay = 0;
        bad[1].deliveryWindow = 0;
        bad[2].disputeWindow = 0;
        bad[3].hearing = 0;
        bad[4].decisionWindow = 0;
        bad[5].rulingWindow = 0;
        bad[6].graceTime = 0;
        bad[7].graceBlocks = 0;
        bad[8].longestLife = 0;
        bad[9].longestLife = 600 + 700 + 900 + 800 - 1;
        bad[10].depositShare = 10_001;
        for (uint256 i = 0; i < bad.length; ++i) {
            _refusesDeploy(
                "ResourceEscrow.sol:ResourceEscrow",
                abi.encode(bad[i]),
                abi.encodeWithSelector(IParameters.BadParameters.selector)
            );
        }
        bad[9].longestLife += 1;
        bad[9].depositShare = 10_000;
        vm.deployCode("ResourceEscrow.sol:ResourceEscrow", abi.encode(bad[9]));
        bad[9].depositShare = 0;
        vm.deployCode("ResourceEscrow.sol:ResourceEscrow", abi.encode(bad[9]));
    }

    function _refuses(uint256 threshold, address paidIn, bytes memory reason) private {
        address escrow = exchange.moduleOf(exchange.settleEscrow.selector);
        address net = exchange.moduleOf(exchange.settleNet.selector);
        _refusesDeploy(threshold, paidIn, escrow, net, reason);
    }
}
