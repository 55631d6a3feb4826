// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {CHEATS} from "./Vm.sol";
import {ExchangeBase} from "./ExchangeBase.sol";

/// @notice The cheat codes of forge that only these tests use.
interface JsonVm {
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonAddressArray(string calldata json, string calldata key) external pure returns (address[] memory);
    function parseJsonBytes32Array(string calldata json, string calldata key) external pure returns (bytes32[] memory);
}

/// @notice Reads the vectors in tests/golden, and works out the struct hashes of what operators and accounts sign.
abstract contract GoldenBase is ExchangeBase {
    JsonVm internal constant JSON = JsonVm(address(CHEATS));

    /// @dev From the type's name to the signature, for a struct hash worked out here.
    function _checkSteps(string memory json, string memory path, bytes32 structHash) internal view {
        vm.assertEq(_typeHash(json, path), vm.parseJsonBytes32(json, _join(path, ".typeHash")));
        vm.assertEq(structHash, vm.parseJsonBytes32(json, _join(path, ".structHash")));
        bytes32 separator = _separator(json, path);
        vm.assertEq(separator, vm.parseJsonBytes32(json, _join(path, ".domainSeparator")));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", separator, structHash));
        vm.assertEq(digest, vm.parseJsonBytes32(json, _join(path, ".digest")));
        bytes memory signature = _signatureIn(json, path);
        vm.assertEq(ECDSA.recover(digest, signature), vm.parseJsonAddress(json, _join(path, ".signer")));
        vm.assertEq(signature, _sign(vm.parseJsonUint(json, _join(path, ".privateKey")), digest));
    }

    function _typeHash(string memory json, string memory path) internal pure returns (bytes32) {
        return keccak256(bytes(vm.parseJsonString(json, _join(path, ".encodeType"))));
    }

    /// @dev As the contract at the vector's address states its domain (ERC-5267).
    function _separator(string memory json, string memory path) internal view returns (bytes32) {
        IERC5267 target = IERC5267(vm.parseJsonAddress(json, _join(path, ".domain.verifyingContract")));
        (, string memory name, string memory version, uint256 chain, address verifier,,) = target.eip712Domain();
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chain,
                verifier
            )
        );
    }

    function _decisionHash(string memory json, string memory path) internal pure returns (bytes32) {
        bytes32 typeHash = _typeHash(json, path);
        string memory message = _join(path, ".message");
        if (_isOf(json, path, "Ruling")) {
            bytes32 trade = vm.parseJsonBytes32(json, _join(message, ".trade"));
            return keccak256(abi.encode(typeHash, trade, _parseRuling(json, path)));
        }
        uint256 nonce = vm.parseJsonUint(json, _join(message, ".nonce"));
        bytes memory tail =
            abi.encode(_uint32(json, _join(message, ".set")), nonce, _uint64(json, _join(message, ".deadline")));
        bytes memory head;
        if (_isOf(json, path, "Token")) {
            address paidIn = vm.parseJsonAddress(json, _join(message, ".token"));
            head = abi.encode(paidIn, JSON.parseJsonBool(json, _join(message, ".accepted")));
        } else if (_isOf(json, path, "Pause")) {
            head = abi.encode(_uint64(json, _join(message, ".until")));
        } else {
            bytes32 list = keccak256(abi.encodePacked(JSON.parseJsonAddressArray(json, _join(message, ".operators"))));
            head = abi.encode(list, vm.parseJsonUint(json, _join(message, ".threshold")));
        }
        return keccak256(bytes.concat(typeHash, head, tail));
    }

    function _consentHash(string memory json, string memory path) internal pure returns (bytes32) {
        bytes32 typeHash = _typeHash(json, path);
        string memory message = _join(path, ".message");
        if (_isOf(json, path, "Intent")) {
            IAccounts.Intent memory intent = _parseIntent(json, path);
            bytes32 call = keccak256(intent.call);
            return keccak256(abi.encode(typeHash, intent.account, call, intent.nonce, intent.deadline));
        }
        if (_isOf(json, path, "Confirmation")) {
            address wallet = vm.parseJsonAddress(json, _join(message, ".wallet"));
            return keccak256(abi.encode(typeHash, wallet, vm.parseJsonBytes32(json, _join(message, ".digest"))));
        }
        uint64 deadline = _uint64(json, _join(message, ".deadline"));
        if (_isOf(json, path, "Split")) {
            bytes32 trade = vm.parseJsonBytes32(json, _join(message, ".trade"));
            (uint128 toSupplier, uint128 toDemander) = _parseSplit(json, path);
            uint32 nonce = _uint32(json, _join(message, ".nonce"));
            return keccak256(abi.encode(typeHash, trade, toSupplier, toDemander, deadline, nonce));
        }
        if (_isOf(json, path, "Open")) {
            bytes32 listing = vm.parseJsonBytes32(json, _join(message, ".listing"));
            bytes32 commitment = vm.parseJsonBytes32(json, _join(message, ".commitment"));
            uint64 version = _uint64(json, _join(message, ".version"));
            uint64 epoch = _uint64(json, _join(message, ".listingEpoch"));
            return keccak256(abi.encode(typeHash, listing, commitment, version, epoch, deadline));
        }
        address author = vm.parseJsonAddress(json, _join(message, ".author"));
        bytes32 payload = keccak256(vm.parseJsonBytes(json, _join(message, ".payload")));
        return keccak256(abi.encode(typeHash, author, _uint64(json, _join(message, ".sequence")), payload, deadline));
    }

    function _isOf(string memory json, string memory path, string memory primaryType) internal pure returns (bool) {
        return keccak256(bytes(vm.parseJsonString(json, _join(path, ".primaryType")))) == keccak256(bytes(primaryType));
    }

    /// @dev Of the one operator who signed the vector.
    function _decidedBy(string memory json, string memory path)
        internal
        pure
        returns (IOperators.OperatorSignature[] memory signatures)
    {
        signatures = new IOperators.OperatorSignature[](1);
        signatures[0] =
            IOperators.OperatorSignature(vm.parseJsonAddress(json, _join(path, ".signer")), _signatureIn(json, path));
    }

    function _signatureIn(string memory json, string memory path) internal pure returns (bytes memory) {
        return vm.parseJsonBytes(json, _join(path, ".signature"));
    }

    /// @dev The vector's 65 bytes in 64 (ERC-2098).
    function _compactOf(string memory json, string memory path)
        internal
        pure
        returns (IResourceTrading.Signature memory)
    {
        bytes memory signature = _signatureIn(json, path);
        uint256 odd = uint8(signature[64]) - 27;
        return IResourceTrading.Signature(_wordAt(signature, 0), bytes32(uint256(_wordAt(signature, 32)) | odd << 255));
    }

    function _wordAt(bytes memory data, uint256 from) internal pure returns (bytes32 word) {
        for (uint256 i = 0; i < 32; ++i) {
            word |= bytes32(data[from + i]) >> 8 * i;
        }
    }

    function _parseIntent(string memory json, string memory path) internal pure returns (IAccounts.Intent memory) {
        string memory message = _join(path, ".message");
        return IAccounts.Intent({
            account: vm.parseJsonAddress(json, _join(message, ".account")),
            call: vm.parseJsonBytes(json, _join(message, ".call")),
            nonce: vm.parseJsonUint(json, _join(message, ".nonce")),
            deadline: _uint64(json, _join(message, ".deadline"))
        });
    }

    function _parseRuling(string memory json, string memory path)
        internal
        pure
        returns (IResourceEscrow.Ruling memory)
    {
        string memory message = _join(path, ".message");
        return IResourceEscrow.Ruling({
            number: _uint32(json, _join(message, ".number")),
            paymentShare: _uint16(json, _join(message, ".paymentShare")),
            bondShare: _uint16(json, _join(message, ".bondShare")),
            depositShare: _uint16(json, _join(message, ".depositShare")),
            deadline: _uint64(json, _join(message, ".deadline"))
        });
    }

    function _parseSplit(string memory json, string memory path)
        internal
        pure
        returns (uint128 toSupplier, uint128 toDemander)
    {
        string memory message = _join(path, ".message");
        toSupplier = _uint128(json, _join(message, ".toSupplier"));
        toDemander = _uint128(json, _join(message, ".toDemander"));
    }

    function _parseBatch(string memory json, string memory path)
        internal
        pure
        returns (INetSettlement.NetBatch memory batch)
    {
        batch.token = vm.parseJsonAddress(json, _join(path, ".message.token"));
        batch.trades = vm.parseJsonBytes32(json, _join(path, ".message.trades"));
        batch.validUntil = _uint64(json, _join(path, ".message.validUntil"));
        batch.rows = _words(json, _join(path, ".words.rows"));
        batch.sales = _words(json, _join(path, ".words.sales"));
    }

    function _words(string memory json, string memory key) internal pure returns (uint256[] memory words) {
        bytes32[] memory parsed = JSON.parseJsonBytes32Array(json, key);
        words = new uint256[](parsed.length);
        for (uint256 i = 0; i < parsed.length; ++i) {
            words[i] = uint256(parsed[i]);
        }
    }

    function _parseTrade(string memory json, string memory path) internal pure returns (IResourceTrading.Trade memory) {
        return IResourceTrading.Trade({
            listing: vm.parseJsonBytes32(json, _join(path, ".listing")),
            demander: vm.parseJsonAddress(json, _join(path, ".demander")),
            token: vm.parseJsonAddress(json, _join(path, ".token")),
            quantity: _uint64(json, _join(path, ".quantity")),
            unitPrice: _uint128(json, _join(path, ".unitPrice")),
            validUntil: _uint64(json, _join(path, ".validUntil")),
            nonce: _uint64(json, _join(path, ".nonce")),
            supplierNonce: _uint64(json, _join(path, ".supplierNonce")),
            listingEpoch: _uint64(json, _join(path, ".listingEpoch")),
            transcript: vm.parseJsonBytes32(json, _join(path, ".transcript")),
            bundle: vm.parseJsonBytes32(json, _join(path, ".bundle"))
        });
    }

    function _parseEscrow(string memory json, string memory path)
        internal
        pure
        returns (IResourceEscrow.Escrow memory escrow)
    {
        escrow.resource = vm.parseJsonBytes32(json, _join(path, ".resource"));
        escrow.slot = _uint64(json, _join(path, ".slot"));
        escrow.deliverFrom = _uint64(json, _join(path, ".deliverFrom"));
        escrow.deliverBy = _uint64(json, _join(path, ".deliverBy"));
        escrow.disputeBy = _uint64(json, _join(path, ".disputeBy"));
        escrow.decideBy = _uint64(json, _join(path, ".decideBy"));
        escrow.lateShare = _uint16(json, _join(path, ".lateShare"));
        escrow.silenceShare = _uint16(json, _join(path, ".silenceShare"));
        escrow.undecidedShare = _uint16(json, _join(path, ".undecidedShare"));
        escrow.bond = _uint128(json, _join(path, ".bond"));
        escrow.latePenalty = _uint16(json, _join(path, ".latePenalty"));
        escrow.exitPenalty = _uint16(json, _join(path, ".exitPenalty"));
    }

    function _parseSealed(string memory json, string memory path)
        internal
        pure
        returns (IResourceVerification.SealedAttestation memory attestation)
    {
        attestation.supplier = vm.parseJsonAddress(json, _join(path, ".supplier"));
        attestation.resource = vm.parseJsonBytes32(json, _join(path, ".resource"));
        attestation.unit = vm.parseJsonBytes32(json, _join(path, ".unit"));
        attestation.origin = _uint64(json, _join(path, ".origin"));
        attestation.slotLength = _uint64(json, _join(path, ".slotLength"));
        attestation.slot = _uint64(json, _join(path, ".slot"));
        attestation.commitment = vm.parseJsonBytes32(json, _join(path, ".commitment"));
        attestation.version = _uint64(json, _join(path, ".version"));
        attestation.expiry = _uint64(json, _join(path, ".expiry"));
        attestation.operatorSet = _uint32(json, _join(path, ".operatorSet"));
    }

    function _parseAttestation(string memory json, string memory path)
        internal
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
        attestation.origin = _uint64(json, _join(path, ".origin"));
        attestation.slotLength = _uint64(json, _join(path, ".slotLength"));
        attestation.firstSlot = _uint64(json, _join(path, ".firstSlot"));
        attestation.version = _uint64(json, _join(path, ".version"));
        attestation.expiry = _uint64(json, _join(path, ".expiry"));
        attestation.operatorSet = _uint32(json, _join(path, ".operatorSet"));
    }

    function _uint16(string memory json, string memory key) internal pure returns (uint16 value) {
        uint256 parsed = vm.parseJsonUint(json, key);
        value = uint16(parsed);
        vm.assertEq(value, parsed);
    }

    function _uint32(string memory json, string memory key) internal pure returns (uint32 value) {
        uint256 parsed = vm.parseJsonUint(json, key);
        value = uint32(parsed);
        vm.assertEq(value, parsed);
    }

    function _uint64(string memory json, string memory key) internal pure returns (uint64 value) {
        uint256 parsed = vm.parseJsonUint(json, key);
        value = uint64(parsed);
        vm.assertEq(value, parsed);
    }

    function _uint128(string memory json, string memory key) internal pure returns (uint128 value) {
        uint256 parsed = vm.parseJsonUint(json, key);
        value = uint128(parsed);
        vm.assertEq(value, parsed);
    }

    function _read(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat("../tests/golden/", name, ".json"));
    }

    function _count(string memory json) internal view returns (uint256 count) {
        while (vm.keyExistsJson(json, _at(count))) ++count;
    }

    function _at(uint256 index) internal pure returns (string memory) {
        return string.concat(".vectors[", vm.toString(index), "]");
    }

    function _join(string memory path, string memory key) internal pure returns (string memory) {
        return string.concat(path, key);
    }
}
