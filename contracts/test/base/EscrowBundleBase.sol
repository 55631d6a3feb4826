// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {EscrowBase} from "./EscrowBase.sol";

/// @notice A product of two sub-tasks in escrow: four hours of m1 at 25 and three of m2 at 30.
abstract contract EscrowBundleBase is EscrowBase {
    function setUp() public virtual override {
        super.setUp();
        _attested("m2", LISTED);
        _list("m2", LISTED);
    }

    /// @dev External so that memory structs reach the library as calldata.
    function hashOfPart(IResourceTrading.Trade calldata trade, IResourceEscrow.Escrow calldata escrow)
        external
        pure
        returns (bytes32)
    {
        return TradeHash.hash(trade, TradeHash.hash(escrow));
    }

    /// @dev Unsigned, and of no product.
    function _tasks() internal view returns (IResourceEscrow.EscrowedTrade[] memory tasks) {
        tasks = new IResourceEscrow.EscrowedTrade[](2);
        for (uint256 i = 0; i < 2; ++i) {
            (tasks[i].signed.trade, tasks[i].escrow) = (_trade(), _escrow());
        }
        IResourceTrading.Trade memory second = tasks[1].signed.trade;
        (second.listing, second.quantity, second.unitPrice, second.nonce) = (_id("m2", 0), 3, 30, 1);
        tasks[1].escrow.resource = "m2";
    }

    /// @dev Both tasks, signed with the hash of the product.
    function _product() internal view returns (IResourceEscrow.EscrowedTrade[] memory) {
        IResourceEscrow.EscrowedTrade[] memory tasks = _tasks();
        return _bundled(tasks, _productOf(tasks));
    }

    /// @dev Signed with `bundle`.
    function _bundled(IResourceEscrow.EscrowedTrade[] memory tasks, bytes32 bundle)
        internal
        view
        returns (IResourceEscrow.EscrowedTrade[] memory)
    {
        for (uint256 i = 0; i < tasks.length; ++i) {
            tasks[i].signed.trade.bundle = bundle;
            tasks[i] = _escrowedTrade(tasks[i].signed.trade, tasks[i].escrow);
        }
        return tasks;
    }

    /// @dev The hash of the product, by its definition.
    function _productOf(IResourceEscrow.EscrowedTrade[] memory tasks) internal view returns (bytes32) {
        bytes memory parts;
        for (uint256 i = 0; i < tasks.length; ++i) {
            IResourceTrading.Trade memory part = abi.decode(abi.encode(tasks[i].signed.trade), (IResourceTrading.Trade));
            part.bundle = 0;
            parts = abi.encodePacked(parts, this.hashOfPart(part, tasks[i].escrow));
        }
        return keccak256(parts);
    }

    function _bundleCall(IResourceEscrow.EscrowedTrade[] memory tasks) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.settleEscrowBundle, (tasks, _none()));
    }

    function _batchCall(IResourceEscrow.EscrowedTrade[] memory tasks) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.settleEscrowBatch, (tasks, _none()));
    }

    function _digestOf(IResourceEscrow.EscrowedTrade memory task) internal view returns (bytes32) {
        return exchange.escrowDigestOf(task.signed.trade, task.escrow);
    }

    function _expectHeld(IResourceEscrow.EscrowedTrade memory task) internal {
        _expectSettled(task.signed.trade, _digestOf(task));
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Escrowed(_digestOf(task), task.signed.trade, task.escrow, 1, uint40(block.timestamp));
    }

    function _stateHash() internal view virtual override returns (bytes32) {
        return keccak256(abi.encode(super._stateHash(), _slot("m2"), _listing("m2")));
    }
}
