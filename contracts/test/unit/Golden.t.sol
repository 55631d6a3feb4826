// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {ExchangeBase, ICapacityExchange} from "../base/ExchangeBase.sol";

/// @notice The vectors in tests/golden, made by another implementation of EIP-712 (script/golden.mjs).
contract GoldenTest is ExchangeBase {
    function test_tradeVectors() public {
        string memory json = vm.readFile("../tests/golden/trade.json");
        uint256 count = _count(json);
        vm.assertEq(count, 4);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(i);
            _moveExchangeToDomain(json, path);
            IResourceTrading.Trade memory trade = _parseTrade(json, _join(path, ".message"));
            IResourceEscrow.Escrow memory escrow = _parseEscrow(json, _join(path, ".message.escrow"));
            vm.assertEq(TradeHash.TRADE_TYPEHASH, vm.parseJsonBytes32(json, _join(path, ".typeHash")));
            vm.assertEq(this.hashOf(trade, escrow), vm.parseJsonBytes32(json, _join(path, ".structHash")));
            bytes32 digest = exchange.digestOf(trade, escrow);
            vm.assertEq(digest, vm.parseJsonBytes32(json, _join(path, ".digest")));
            if (escrow.decideBy == 0) vm.assertEq(exchange.digestOf(trade), digest);
            _checkSigner(json, path, digest);
        }
    }

    function test_attestationVectors() public {
        string memory json = vm.readFile("../tests/golden/attestation.json");
        uint256 count = _count(json);
        vm.assertEq(count, 3);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(i);
            _moveExchangeToDomain(json, path);
            bool isSealed = i == 2;
            bytes32 typeHash = isSealed ? TradeHash.SEALED_TYPEHASH : TradeHash.ATTESTATION_TYPEHASH;
            string memory message = _join(path, ".message");
            bytes32 structHash =
                isSealed ? this.hashOf(_parseSealed(json, message)) : this.hashOf(_parseAttestation(json, message));
            vm.assertEq(typeHash, vm.parseJsonBytes32(json, _join(path, ".typeHash")));
            vm.assertEq(structHash, vm.parseJsonBytes32(json, _join(path, ".structHash")));
            vm.assertEq(_typed(structHash), vm.parseJsonBytes32(json, _join(path, ".digest")));
            _checkSigner(json, path, _typed(structHash));
        }
    }

    /// @dev External so that memory structs reach the library as calldata.
    function hashOf(IResourceTrading.Trade calldata trade, IResourceEscrow.Escrow calldata escrow)
        external
        pure
        returns (bytes32)
    {
        return TradeHash.hash(trade, TradeHash.hash(escrow));
    }

    /// @dev Puts the exchange's code at the vector's address, on the vector's chain.
    function _moveExchangeToDomain(string memory json, string memory path) private {
        vm.chainId(vm.parseJsonUint(json, _join(path, ".domain.chainId")));
        address target = vm.parseJsonAddress(json, _join(path, ".domain.verifyingContract"));
        vm.etch(target, address(exchange).code);
        exchange = ICapacityExchange(target);
        vm.assertEq(_domainSeparator(target), vm.parseJsonBytes32(json, _join(path, ".domainSeparator")));
    }

    function _checkSigner(string memory json, string memory path, bytes32 digest) private pure {
        bytes memory signature = vm.parseJsonBytes(json, _join(path, ".signature"));
        vm.assertEq(ECDSA.recover(digest, signature), vm.parseJsonAddress(json, _join(path, ".signer")));
        vm.assertEq(signature, _sign(vm.parseJsonUint(json, _join(path, ".privateKey")), digest));
    }

    function _parseTrade(string memory json, string memory path) private pure returns (IResourceTrading.Trade memory) {
        return IResourceTrading.Trade({
            listing: vm.parseJsonBytes32(json, _join(path, ".listing")),
            demander: vm.parseJsonAddress(json, _join(path, ".demander")),
            token: vm.parseJsonAddress(json, _join(path, ".token")),
            quantity: _uint64(json, _join(path, ".quantity")),
            unitPrice: _uint128(json, _join(path, ".unitPrice")),
            validUntil: _uint64(json, _join(path, ".validUntil")),
            nonce: vm.parseJsonUint(json, _join(path, ".nonce")),
            demanderEpoch: _uint64(json, _join(path, ".demanderEpoch")),
            listingEpoch: _uint64(json, _join(path, ".listingEpoch")),
            transcript: vm.parseJsonBytes32(json, _join(path, ".transcript")),
            bundle: vm.parseJsonBytes32(json, _join(path, ".bundle"))
        });
    }

    function _parseEscrow(string memory json, string memory path)
        private
        pure
        returns (IResourceEscrow.Escrow memory escrow)
    {
        escrow.deliverBy = _uint64(json, _join(path, ".deliverBy"));
        escrow.acceptBy = _uint64(json, _join(path, ".acceptBy"));
        escrow.decideBy = _uint64(json, _join(path, ".decideBy"));
        escrow.lateShare = _uint16(json, _join(path, ".lateShare"));
        escrow.silenceShare = _uint16(json, _join(path, ".silenceShare"));
        escrow.undecidedShare = _uint16(json, _join(path, ".undecidedShare"));
    }

    function _parseSealed(string memory json, string memory path)
        private
        pure
        returns (IResourceVerification.SealedAttestation memory attestation)
    {
        attestation.supplier = vm.parseJsonAddress(json, _join(path, ".supplier"));
        attestation.resource = vm.parseJsonBytes32(json, _join(path, ".resource"));
        attestation.unit = vm.parseJsonBytes32(json, _join(path, ".unit"));
        attestation.slot = _uint64(json, _join(path, ".slot"));
        attestation.commitment = vm.parseJsonBytes32(json, _join(path, ".commitment"));
        attestation.version = _uint64(json, _join(path, ".version"));
        attestation.expiry = _uint64(json, _join(path, ".expiry"));
    }

    function _parseAttestation(string memory json, string memory path)
        private
        pure
        returns (IResourceVerification.Attestation memory attestation)
    {
        uint256[] memory parsed = vm.parseJsonUintArray(json, _join(path, ".quantities"));
        attestation.quantities = new uint64[](parsed.length);
        for (uint256 i = 0; i < parsed.length; ++i) {
            attestation.quantities[i] = uint64(parsed[i]);
            vm.assertEq(attestation.quantities[i], parsed[i]);
        }
        attestation.supplier = vm.parseJsonAddress(json, _join(path, ".supplier"));
        attestation.resource = vm.parseJsonBytes32(json, _join(path, ".resource"));
        attestation.unit = vm.parseJsonBytes32(json, _join(path, ".unit"));
        attestation.firstSlot = _uint64(json, _join(path, ".firstSlot"));
        attestation.version = _uint64(json, _join(path, ".version"));
        attestation.expiry = _uint64(json, _join(path, ".expiry"));
    }

    function _uint16(string memory json, string memory key) private pure returns (uint16 value) {
        uint256 parsed = vm.parseJsonUint(json, key);
        value = uint16(parsed);
        vm.assertEq(value, parsed);
    }

    function _uint64(string memory json, string memory key) private pure returns (uint64 value) {
        uint256 parsed = vm.parseJsonUint(json, key);
        value = uint64(parsed);
        vm.assertEq(value, parsed);
    }

    function _uint128(string memory json, string memory key) private pure returns (uint128 value) {
        uint256 parsed = vm.parseJsonUint(json, key);
        value = uint128(parsed);
        vm.assertEq(value, parsed);
    }

    function _count(string memory json) private view returns (uint256 count) {
        while (vm.keyExistsJson(json, _at(count))) ++count;
    }

    function _at(uint256 index) private pure returns (string memory) {
        return string.concat(".vectors[", vm.toString(index), "]");
    }

    function _join(string memory path, string memory key) private pure returns (string memory) {
        return string.concat(path, key);
    }
}
