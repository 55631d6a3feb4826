// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {NetBase} from "../base/NetBase.sol";

/// @notice The digest of a cycle and its Merkle roots, against their definitions.
contract NetDigestTest is NetBase {
    function test_rootsOfFewLeaves() public view {
        bytes32[] memory l = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            l[i] = keccak256(abi.encode(uint256(1), _word(2 * i), _word(2 * i + 1)));
        }
        bytes32 four = _node(_node(l[0], l[1]), _node(l[2], l[3]));
        _assertRoot(0, 0);
        _assertRoot(1, l[0]);
        _assertRoot(2, _node(l[0], l[1]));
        _assertRoot(3, _node(_node(l[0], l[1]), l[2]));
        _assertRoot(4, four);
        _assertRoot(5, _node(four, l[4]));
        _assertRoot(6, _node(four, _node(l[4], l[5])));
        _assertRoot(7, _node(four, _node(_node(l[4], l[5]), l[6])));
        _assertRoot(8, _node(four, _node(_node(l[4], l[5]), _node(l[6], l[7]))));
    }

    /// @dev The same tree from above: the greatest power of two of leaves on the left, the rest on the right.
    function testFuzz_rootsOfManyLeaves(uint8 count, uint256 seed) public view {
        uint256[] memory words = new uint256[](2 * uint256(count));
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = uint256(keccak256(abi.encode(seed, i)));
        }
        INetSettlement.NetBatch memory batch;
        (batch.rows, batch.sales) = (words, new uint256[](0));
        vm.assertEq(exchange.netDigestOf(batch), _digest(batch, _root(words, 0, count), 0));
    }

    function test_rowsAndSalesHaveEachTheirRoot() public {
        _cycle(5, 3);
        INetSettlement.NetBatch memory batch = _batch();
        bytes32 expected = _digest(batch, _root(batch.rows, 0, 5), _root(batch.sales, 0, 3));
        vm.assertEq(exchange.netDigestOf(batch), expected);
    }

    /// @dev Two words of the second level taken as a leaf make another root: a leaf is longer than a node.
    function test_aNodeIsNoLeaf() public view {
        uint256[] memory words = _words(2);
        bytes32 left = keccak256(abi.encode(uint256(1), words[0], words[1]));
        bytes32 right = keccak256(abi.encode(uint256(1), words[2], words[3]));
        INetSettlement.NetBatch memory leaves;
        INetSettlement.NetBatch memory nodes;
        leaves.rows = words;
        nodes.rows = new uint256[](2);
        (nodes.rows[0], nodes.rows[1]) = (uint256(left), uint256(right));
        vm.assertTrue(exchange.netDigestOf(leaves) != exchange.netDigestOf(nodes));
    }

    /// @dev A leaf and its path lead to the root that all have signed, so that one trade is shown without the others.
    function test_aLeafAndItsPathProveARow() public view {
        uint256[] memory words = _words(5);
        bytes32 leaf = keccak256(abi.encode(uint256(1), words[4], words[5]));
        bytes32 beside = keccak256(abi.encode(uint256(1), words[6], words[7]));
        bytes32 shown = _node(_node(_root(words, 0, 2), _node(leaf, beside)), _root(words, 4, 1));
        INetSettlement.NetBatch memory batch;
        batch.rows = words;
        vm.assertEq(exchange.netDigestOf(batch), _digest(batch, shown, 0));
    }

    function test_theTagIsThatOfItsName() public view {
        vm.assertEq(exchange.NET_TAG(), keccak256("fabmarket/net/1"));
    }

    function _assertRoot(uint256 count, bytes32 root) private view {
        INetSettlement.NetBatch memory batch;
        batch.rows = _words(count);
        vm.assertEq(exchange.netDigestOf(batch), _digest(batch, root, 0));
        (batch.rows, batch.sales) = (batch.sales, batch.rows);
        vm.assertEq(exchange.netDigestOf(batch), _digest(batch, 0, root));
    }

    function _digest(INetSettlement.NetBatch memory batch, bytes32 rows, bytes32 sales) private view returns (bytes32) {
        bytes32 typeHash =
            keccak256("NetBatch(address token,bytes32 trades,bytes32 rows,bytes32 sales,uint64 validUntil)");
        return _typed(keccak256(abi.encode(typeHash, batch.token, batch.trades, rows, sales, batch.validUntil)));
    }

    function _root(uint256[] memory words, uint256 from, uint256 count) private pure returns (bytes32) {
        if (count == 0) return 0;
        if (count == 1) return keccak256(abi.encode(uint256(1), words[2 * from], words[2 * from + 1]));
        uint256 left = 1;
        while (2 * left < count) left *= 2;
        return _node(_root(words, from, left), _root(words, from + left, count - left));
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encode(left, right));
    }

    function _words(uint256 count) private pure returns (uint256[] memory words) {
        words = new uint256[](2 * count);
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = _word(i);
        }
    }

    function _word(uint256 index) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("word", index)));
    }
}
