// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModule, IModules} from "../../src/interfaces/IModules.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IParameters} from "../../src/interfaces/IParameters.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";
import {AnyAnswer} from "../base/Wallets.sol";

/// @notice Which code runs a call, and which code the exchange lets in.
contract ModulesTest is ExchangeBase {
    /// @dev More than the head of any call's arguments, so that they decode: offsets of zero, lengths of zero.
    uint256 private constant ENOUGH_WORDS = 64;

    function test_everyCallOfAModuleIsRoutedToIt() public view {
        bytes4[] memory selectors = _escrowSelectors();
        bytes4 all = 0;
        address escrow = exchange.moduleOf(selectors[0]);
        for (uint256 i = 0; i < selectors.length; ++i) {
            vm.assertEq(exchange.moduleOf(selectors[i]), escrow);
            all ^= selectors[i];
        }
        // The list is whole: an interface's id is the exclusive or of its selectors.
        vm.assertEq(bytes32(all), bytes32(type(IResourceEscrow).interfaceId));
        selectors = _netSelectors();
        all = 0;
        address net = exchange.moduleOf(selectors[0]);
        for (uint256 i = 0; i < selectors.length; ++i) {
            vm.assertEq(exchange.moduleOf(selectors[i]), net);
            all ^= selectors[i];
        }
        vm.assertEq(bytes32(all), bytes32(type(INetSettlement).interfaceId));
        vm.assertTrue(escrow != net && escrow.code.length != 0 && net.code.length != 0);
    }

    function test_noOtherCallIsRouted() public view {
        bytes4[6] memory others = [
            exchange.settle.selector,
            exchange.relay.selector,
            exchange.moduleOf.selector,
            exchange.parameters.selector,
            IModule.compatibility.selector,
            bytes4(0)
        ];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.assertEq(exchange.moduleOf(others[i]), address(0));
        }
    }

    function test_anUnknownFunctionIsRefusedByName() public {
        _refusesUnknown(hex"deadbeef", 0xdeadbeef);
        _refusesUnknown(abi.encodePacked(bytes4(0xdeadbeef), new bytes(100)), 0xdeadbeef);
        // A module's own check is not the exchange's, and what is too short for a selector is filled up.
        _refusesUnknown(abi.encodeCall(IModule.compatibility, ()), IModule.compatibility.selector);
        _refusesUnknown("", 0);
        _refusesUnknown(hex"dead", 0xdead0000);
    }

    function test_nobodySendsItEther() public {
        (bool ok, bytes memory answer) = address(exchange).call{value: 1}("");
        vm.assertFalse(ok);
        vm.assertEq(answer, "");
        (ok, answer) = address(exchange).call{value: 1}(abi.encodeCall(exchange.NET_TAG, ()));
        vm.assertFalse(ok);
        vm.assertEq(answer, "");
    }

    /// @dev What a module answers, and what it reverts with, reaches the caller as it is.
    function test_answersAndErrorsPassThrough() public {
        vm.assertEq(exchange.NET_TAG(), keccak256("fabmarket/net/1"));
        vm.assertEq(uint256(exchange.heldOf("none").state), uint256(IResourceEscrow.State.None));
        INetSettlement.NetBatch memory batch;
        (bool ok, bytes memory answer) = address(exchange)
            .call(abi.encodeWithSelector(exchange.settleNet.selector, batch, new bytes[](0), new bytes[](0)));
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(INetSettlement.MalformedBatch.selector));
        // Malformed arguments revert without words, as in the exchange's own code.
        (ok, answer) = address(exchange).call(abi.encodePacked(exchange.heldOf.selector));
        vm.assertFalse(ok);
        vm.assertEq(answer, "");
    }

    function test_aModuleRefusesDirectCalls() public {
        _refusesDirect(_escrowSelectors());
        bytes4[] memory selectors = _netSelectors();
        // The tag is a constant, and nobody's state.
        selectors[3] = selectors[0];
        _refusesDirect(selectors);
    }

    function test_refusesAModuleWithoutCode() public {
        (address escrow, address net) = _modules(_parameters());
        _refusesModules(stranger, net, stranger);
        _refusesModules(address(0), net, address(0));
        _refusesModules(escrow, stranger, stranger);
        _refusesModules(escrow, address(0), address(0));
        _deploy(operatorAccounts, 2, address(token), escrow, net);
    }

    function test_refusesTheOtherPartSwapped() public {
        (address escrow, address net) = _modules(_parameters());
        _refusesModules(net, escrow, net);
        _refusesModules(escrow, escrow, escrow);
        _refusesModules(net, net, net);
    }

    /// @dev Each parameter counts.
    function test_refusesAModuleOfOtherParameters() public {
        (address escrow, address net) = _modules(_parameters());
        IParameters.Parameters[10] memory other;
        for (uint256 i = 0; i < other.length; ++i) {
            other[i] = _parameters();
        }
        other[0].operatorDelay += 1;
        other[1].deliveryWindow += 1;
        other[2].disputeWindow += 1;
        other[3].hearing += 1;
        other[4].decisionWindow += 1;
        other[5].rulingWindow += 1;
        other[6].graceTime += 1;
        other[7].graceBlocks += 1;
        other[8].longestLife += 1;
        other[9].depositShare += 1;
        for (uint256 i = 0; i < other.length; ++i) {
            (address otherEscrow, address otherNet) = _modules(other[i]);
            _refusesModules(otherEscrow, net, otherEscrow);
            _refusesModules(escrow, otherNet, otherNet);
        }
    }

    function test_refusesAContractThatAnswersOtherwise() public {
        (address escrow, address net) = _modules(_parameters());
        bytes32 right = IModule(escrow).compatibility();
        bytes[4] memory answers = [
            bytes(""),
            abi.encodePacked(right, bytes32(0)),
            abi.encodePacked(uint248(uint256(right) >> 8)),
            abi.encode(1)
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            AnyAnswer answering = new AnyAnswer();
            answering.setUp(answers[i], false);
            _refusesModules(address(answering), net, address(answering));
            _refusesModules(escrow, address(answering), address(answering));
        }
        AnyAnswer reverting = new AnyAnswer();
        reverting.setUp(abi.encode(right), true);
        _refusesModules(address(reverting), net, address(reverting));
        // A token has code, and no answer.
        _refusesModules(address(token), net, address(token));
    }

    /// @dev One module serves any number of exchanges and keeps nothing itself.
    function test_twoExchangesMayShareTheirModules() public {
        address escrow = exchange.moduleOf(exchange.settleEscrow.selector);
        address net = exchange.moduleOf(exchange.settleNet.selector);
        address other = address(_deploy(operatorAccounts, 2, address(token), escrow, net));
        vm.assertTrue(other != address(exchange));
        vm.assertEq(IModules(other).moduleOf(exchange.settleEscrow.selector), escrow);
    }

    function _modules(IParameters.Parameters memory parameters) private returns (address escrow, address net) {
        escrow = vm.deployCode("ResourceEscrow.sol:ResourceEscrow", abi.encode(parameters));
        net = vm.deployCode("NetSettlement.sol:NetSettlement", abi.encode(parameters));
    }

    function _refusesModules(address escrow, address net, address bad) private {
        _refusesDeploy(2, address(token), escrow, net, abi.encodeWithSelector(IModules.BadModule.selector, bad));
    }

    function _refusesUnknown(bytes memory data, bytes4 selector) private {
        _refuses(stranger, data, abi.encodeWithSelector(IModules.UnknownFunction.selector, selector));
    }

    function _refusesDirect(bytes4[] memory selectors) private {
        for (uint256 i = 0; i < selectors.length; ++i) {
            address module = exchange.moduleOf(selectors[i]);
            (bool ok, bytes memory answer) = module.call(bytes.concat(selectors[i], new bytes(32 * ENOUGH_WORDS)));
            vm.assertFalse(ok);
            vm.assertEq(answer, abi.encodeWithSelector(IModule.NotTheExchange.selector));
        }
    }

    function _escrowSelectors() private view returns (bytes4[] memory selectors) {
        selectors = new bytes4[](16);
        selectors[0] = exchange.settleEscrow.selector;
        selectors[1] = exchange.settleEscrowBatch.selector;
        selectors[2] = exchange.settleEscrowBundle.selector;
        selectors[3] = exchange.deliver.selector;
        selectors[4] = exchange.release.selector;
        selectors[5] = exchange.refund.selector;
        selectors[6] = exchange.refundUncovered.selector;
        selectors[7] = exchange.dispute.selector;
        selectors[8] = exchange.split.selector;
        selectors[9] = exchange.voidSplits.selector;
        selectors[10] = exchange.rule.selector;
        selectors[11] = exchange.execute.selector;
        selectors[12] = exchange.expire.selector;
        selectors[13] = exchange.heldOf.selector;
        selectors[14] = exchange.rulingOf.selector;
        selectors[15] = exchange.escrowDigestOf.selector;
    }

    function _netSelectors() private view returns (bytes4[] memory selectors) {
        selectors = new bytes4[](4);
        selectors[0] = exchange.settleNet.selector;
        selectors[1] = exchange.settleLate.selector;
        selectors[2] = exchange.netDigestOf.selector;
        selectors[3] = exchange.NET_TAG.selector;
    }
}
