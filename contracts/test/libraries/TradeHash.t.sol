// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {CHEATS, Vm} from "../base/Vm.sol";

/// @notice The copied digest against the plain struct hash, and the constant that is written out.
contract TradeHashTest {
    using TradeHash for IResourceTrading.Trade;

    Vm private constant vm = CHEATS;

    function test_instantIsTheHashOfTheAllZeroEscrow() public view {
        IResourceEscrow.Escrow memory zero;
        vm.assertEq(this.hashOf(zero), TradeHash.INSTANT);
    }

    function testFuzz_digestIsTheHashUnderTheSeparator(
        IResourceTrading.Trade calldata trade,
        bytes32 escrow,
        bytes32 separator
    ) public pure {
        bytes32 expected = keccak256(abi.encodePacked(hex"1901", separator, trade.hash(escrow)));
        vm.assertEq(trade.digest(escrow, separator), expected);
    }

    /// @dev The struct hash member by member, as EIP-712 writes it.
    function testFuzz_hashIsThatOfTheMembers(IResourceTrading.Trade calldata trade, bytes32 escrow) public pure {
        bytes memory head = abi.encode(
            TradeHash.TRADE_TYPEHASH, trade.listing, trade.demander, trade.token, trade.quantity, trade.unitPrice
        );
        bytes memory tail = abi.encode(
            trade.validUntil,
            trade.nonce,
            trade.supplierNonce,
            trade.listingEpoch,
            trade.transcript,
            trade.bundle,
            escrow
        );
        vm.assertEq(trade.hash(escrow), keccak256(bytes.concat(head, tail)));
    }

    function testFuzz_hashInBundleLeavesTheBundleOut(IResourceTrading.Trade calldata trade, bytes32 escrow)
        public
        view
    {
        IResourceTrading.Trade memory part = trade;
        part.bundle = 0;
        vm.assertEq(trade.hashInBundle(escrow), this.hashWith(part, escrow));
    }

    /// @dev The attestation's array is hashed by itself, element by element in a word each.
    function testFuzz_hashOfAnAttestationIsThatOfItsMembers(IResourceVerification.Attestation calldata attestation)
        public
        pure
    {
        bytes memory quantities;
        for (uint256 i = 0; i < attestation.quantities.length; ++i) {
            quantities = abi.encodePacked(quantities, uint256(attestation.quantities[i]));
        }
        bytes memory head = abi.encode(
            TradeHash.ATTESTATION_TYPEHASH,
            attestation.supplier,
            attestation.resource,
            attestation.unit,
            attestation.origin,
            attestation.slotLength
        );
        bytes memory tail = abi.encode(
            attestation.firstSlot,
            keccak256(quantities),
            attestation.version,
            attestation.expiry,
            attestation.operatorSet
        );
        vm.assertEq(TradeHash.hash(attestation), keccak256(bytes.concat(head, tail)));
    }

    function hashWith(IResourceTrading.Trade calldata trade, bytes32 escrow) external pure returns (bytes32) {
        return trade.hash(escrow);
    }

    function hashOf(IResourceEscrow.Escrow calldata escrow) external pure returns (bytes32) {
        return TradeHash.hash(escrow);
    }
}
