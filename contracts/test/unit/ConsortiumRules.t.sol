// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {ConsortiumBase} from "../base/ConsortiumBase.sol";

contract ConsortiumRulesTest is ConsortiumBase {
    function test_allowsAndDisallows() public {
        for (uint256 i = 0; i < 2; ++i) {
            IConsortium.Right right = IConsortium.Right(i);
            address last = _prepare(_allow(right, true));
            vm.expectEmit(address(consortium));
            emit IConsortium.Allowed(right, STRANGER, true);
            vm.prank(last);
            consortium.agree(_allow(right, true), UNTIL);
            vm.assertEq(_access(right).accounts.length, 1);
            vm.assertEq(_access(right).accounts[0], STRANGER);
            vm.assertEq(_access(IConsortium.Right(1 - i)).accounts.length, 0);
            last = _prepare(_allow(right, false));
            vm.expectEmit(address(consortium));
            emit IConsortium.Allowed(right, STRANGER, false);
            vm.prank(last);
            consortium.agree(_allow(right, false), UNTIL);
            vm.assertEq(_access(right).accounts.length, 0);
        }
        vm.assertEq(consortium.version(), 5);
    }

    function test_refusesToAllowTwiceOrToDisallowWhoIsNotListed() public {
        IConsortium.Right right = IConsortium.Right.Send;
        bytes memory refusal = abi.encodeWithSelector(IConsortium.Unchanged.selector, right, STRANGER);
        _decideInVain(_allow(right, false), refusal);
        _decide(_allow(right, true));
        _decideInVain(_allow(right, true), refusal);
    }

    function test_opensAndCloses() public {
        for (uint256 i = 0; i < 2; ++i) {
            IConsortium.Right right = IConsortium.Right(i);
            for (uint256 open = 0; open < 2; ++open) {
                bytes memory call = abi.encodeCall(consortium.open, (right, open == 1));
                address last = _prepare(call);
                vm.expectEmit(address(consortium));
                emit IConsortium.Opened(right, open == 1);
                vm.prank(last);
                consortium.agree(call, UNTIL);
                vm.assertTrue(_access(right).everybody == (open == 1));
                vm.assertTrue(_access(IConsortium.Right(1 - i)).everybody);
            }
        }
        vm.assertEq(consortium.version(), 5);
    }

    function test_theListOutlastsAnOpenDoor() public {
        _decide(_allow(IConsortium.Right.Deploy, true));
        _decide(abi.encodeCall(consortium.open, (IConsortium.Right.Deploy, false)));
        vm.assertFalse(_access(IConsortium.Right.Deploy).everybody);
        vm.assertEq(_access(IConsortium.Right.Deploy).accounts[0], STRANGER);
    }

    function test_setsGasWithinItsBounds() public {
        uint256[3] memory prices = [uint256(0), 1, consortium.MAX_PRICE()];
        uint64[3] memory blocks = [consortium.MIN_BLOCK(), 30_000_001, consortium.MAX_BLOCK()];
        for (uint256 i = 0; i < 3; ++i) {
            IConsortium.Gas memory gas = IConsortium.Gas(prices[i], blocks[i]);
            bytes memory call = abi.encodeCall(consortium.setGas, (gas));
            address last = _prepare(call);
            vm.expectEmit(address(consortium));
            emit IConsortium.GasSet(gas.minPrice, gas.blockLimit);
            vm.prank(last);
            consortium.agree(call, UNTIL);
            vm.assertEq(keccak256(abi.encode(consortium.state().gas)), keccak256(abi.encode(gas)));
            vm.assertEq(consortium.version(), 2 + i);
        }
    }

    function test_refusesGasOutOfBounds() public {
        uint256[3] memory prices = [consortium.MAX_PRICE() + 1, 0, 0];
        uint64[3] memory blocks = [30_000_000, consortium.MIN_BLOCK() - 1, consortium.MAX_BLOCK() + 1];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IConsortium.BadGas.selector, prices[i], blocks[i]);
            _decideInVain(abi.encodeCall(consortium.setGas, (IConsortium.Gas(prices[i], blocks[i]))), refusal);
        }
    }

    function _allow(IConsortium.Right right, bool allowed) private view returns (bytes memory) {
        return abi.encodeCall(consortium.allow, (right, STRANGER, allowed));
    }

    function _access(IConsortium.Right right) private view returns (IConsortium.Access memory) {
        IConsortium.State memory state = consortium.state();
        return right == IConsortium.Right.Deploy ? state.deploy : state.send;
    }
}
