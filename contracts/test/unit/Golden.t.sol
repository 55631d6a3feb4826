// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {ReleaseBoard} from "../../src/ReleaseBoard.sol";
import {TestToken} from "../../src/TestToken.sol";
import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IReleaseBoard} from "../../src/interfaces/IReleaseBoard.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {CHEATS} from "../base/Vm.sol";
import {ExchangeBase, ICapacityExchange} from "../base/ExchangeBase.sol";

/// @notice The cheat codes of forge that only these tests use.
interface JsonVm {
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonAddressArray(string calldata json, string calldata key) external pure returns (address[] memory);
}

/// @notice The vectors in tests/golden, made by another implementation of EIP-712 (script/golden.mjs). Where a contract
/// shows no digest, it must accept the vector's signature.
contract GoldenTest is ExchangeBase {
    JsonVm private constant JSON = JsonVm(address(CHEATS));
    /// @dev The account of private key 5 sold what is held in the last vector of trade.json, and signed the splits.
    uint256 private constant LATHE_KEY = 5;

    function test_tradeVectors() public {
        string memory json = _read("trade");
        uint256 count = _count(json);
        vm.assertEq(count, 5);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(i);
            _moveExchangeToDomain(json, path);
            IResourceTrading.Trade memory trade = _parseTrade(json, _join(path, ".message"));
            IResourceEscrow.Escrow memory escrow = _parseEscrow(json, _join(path, ".message.escrow"));
            vm.assertEq(TradeHash.TRADE_TYPEHASH, vm.parseJsonBytes32(json, _join(path, ".typeHash")));
            bytes32 digest = exchange.digestOf(trade, escrow);
            if (escrow.decideBy == 0) vm.assertEq(exchange.digestOf(trade), digest);
            _checkSteps(json, path, this.hashOf(trade, escrow));
            vm.assertEq(digest, vm.parseJsonBytes32(json, _join(path, ".digest")));
        }
    }

    function test_attestationVectors() public {
        string memory json = _read("attestation");
        uint256 count = _count(json);
        vm.assertEq(count, 5);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(i);
            _moveExchangeToDomain(json, path);
            bool isSealed = _isOf(json, path, "SealedAttestation");
            bytes32 typeHash = isSealed ? TradeHash.SEALED_TYPEHASH : TradeHash.ATTESTATION_TYPEHASH;
            string memory message = _join(path, ".message");
            bytes32 structHash =
                isSealed ? this.hashOf(_parseSealed(json, message)) : this.hashOf(_parseAttestation(json, message));
            vm.assertEq(typeHash, vm.parseJsonBytes32(json, _join(path, ".typeHash")));
            _checkSteps(json, path, structHash);
        }
    }

    function test_decisionVectors() public {
        string memory json = _read("decisions");
        uint256 count = _count(json);
        vm.assertEq(count, 12);
        _moveExchangeToDomain(json, _at(0));
        for (uint256 i = 0; i < count; ++i) {
            _checkSteps(json, _at(i), _decisionHash(json, _at(i)));
        }
    }

    function test_consentVectors() public {
        string memory json = _read("consents");
        uint256 count = _count(json);
        vm.assertEq(count, 11);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(i);
            if (_isOf(json, path, "Announcement")) _boardAtDomain(json, path);
            else _moveExchangeToDomain(json, path);
            _checkSteps(json, path, _consentHash(json, path));
        }
    }

    function test_theExchangeTakesTheOperatorsDecisions() public {
        string memory json = _read("decisions");
        _govern(json);
        vm.etch(vm.parseJsonAddress(json, _join(_at(0), ".message.token")), address(token).code);
        for (uint256 i = 0; i < 7; ++i) {
            uint256 nonce = vm.parseJsonUint(json, _join(_at(i), ".message.nonce"));
            vm.assertEq(exchange.decisionNonce(), nonce);
            if (i == 5) {
                _refusesSetThatNobodyCanMeet(json);
            } else {
                _decide(json, _at(i));
                vm.assertEq(exchange.decisionNonce(), nonce + 1);
            }
        }
    }

    function test_theExchangeTakesTheOperatorsRuling() public {
        string memory json = _read("decisions");
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _disputed();
        vm.assertEq(exchange.digestOf(trade, escrow), vm.parseJsonBytes32(json, _join(_at(10), ".message.trade")));
        uint16 share = _uint16(json, _join(_at(10), ".message.supplierShare"));
        exchange.rule(trade, escrow, share, _signatures(json, _at(10)));
        _assertClosed(trade, share);
    }

    function test_theExchangeTakesTheSplitThatBothSigned() public {
        string memory json = _read("consents");
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _disputed();
        vm.assertEq(exchange.digestOf(trade, escrow), vm.parseJsonBytes32(json, _join(_at(5), ".message.trade")));
        uint16 share = _uint16(json, _join(_at(5), ".message.supplierShare"));
        exchange.split(trade, escrow, share, _compactOf(json, _at(5)), _compactOf(json, _at(6)), new bytes[](0));
        _assertClosed(trade, share);
    }

    function test_theExchangeRelaysTheIntents() public {
        string memory json = _read("consents");
        _moveExchangeToDomain(json, _at(0));
        IAccounts.Intent memory intent = _parseIntent(json, _at(0));
        // The token that the call names; a byte behind a call is ignored.
        address named = address(uint160(uint256(_wordAt(intent.call, 4))));
        uint96[2] memory used = [uint96(5), 5 | 8];
        for (uint256 i = 0; i < 2; ++i) {
            intent = _parseIntent(json, _at(i));
            exchange.relay(intent, vm.parseJsonBytes(json, _join(_at(i), ".signature")));
            vm.assertEq(exchange.accountOf(intent.account, named).used, used[i]);
            vm.assertEq(exchange.intentNonce(intent.account), i + 1);
        }
        for (uint256 i = 2; i < 4; ++i) {
            // Signed well, or the answer were BadSignature; but no function is called so.
            bytes memory signature = vm.parseJsonBytes(json, _join(_at(i), ".signature"));
            _refuses(stranger, abi.encodeCall(exchange.relay, (_parseIntent(json, _at(i)), signature)), "");
        }
    }

    function test_theBoardTakesTheAnnouncements() public {
        string memory json = _read("consents");
        ReleaseBoard board = _boardAtDomain(json, _at(8));
        for (uint256 i = 8; i < 10; ++i) {
            address author = vm.parseJsonAddress(json, _join(_at(i), ".message.author"));
            bytes memory payload = vm.parseJsonBytes(json, _join(_at(i), ".message.payload"));
            vm.expectEmit(address(board));
            emit IReleaseBoard.Announced(author, _uint64(json, _join(_at(i), ".message.sequence")), payload);
            board.announceFor(author, payload, vm.parseJsonBytes(json, _join(_at(i), ".signature")));
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
    }

    /// @dev Gives the moved exchange its operators, of whom one decides. Moved code starts with an empty storage, and
    /// so with a threshold of zero: the first decision needs no signature.
    function _govern(string memory json) private {
        _moveExchangeToDomain(json, _at(0));
        exchange.setOperators(operatorAccounts, 1, new bytes[](0));
        vm.assertEq(exchange.threshold(), 1);
    }

    function _boardAtDomain(string memory json, string memory path) private returns (ReleaseBoard board) {
        vm.chainId(vm.parseJsonUint(json, _join(path, ".domain.chainId")));
        board = ReleaseBoard(vm.parseJsonAddress(json, _join(path, ".domain.verifyingContract")));
        if (address(board).code.length == 0) vm.etch(address(board), address(new ReleaseBoard()).code);
    }

    /// @dev Submits a decision, which must do what it says.
    function _decide(string memory json, string memory path) private {
        bytes[] memory signatures = _signatures(json, path);
        if (_isOf(json, path, "Token")) {
            address paidIn = vm.parseJsonAddress(json, _join(path, ".message.token"));
            bool accepted = JSON.parseJsonBool(json, _join(path, ".message.accepted"));
            exchange.setToken(paidIn, accepted, signatures);
            vm.assertTrue(exchange.accepts(paidIn) == accepted);
        } else if (_isOf(json, path, "Pause")) {
            uint64 until = _uint64(json, _join(path, ".message.until"));
            // A pause must not lie too far ahead.
            if (until > block.timestamp) vm.warp(until);
            exchange.pause(until, signatures);
            vm.assertEq(exchange.pausedUntil(), until);
        } else {
            address[] memory accounts = JSON.parseJsonAddressArray(json, _join(path, ".message.operators"));
            uint256 threshold = vm.parseJsonUint(json, _join(path, ".message.threshold"));
            exchange.setOperators(accounts, threshold, signatures);
            vm.assertEq(exchange.operators(), accounts);
            vm.assertEq(exchange.threshold(), threshold);
        }
    }

    /// @dev BadThreshold is found after the signature was accepted.
    function _refusesSetThatNobodyCanMeet(string memory json) private {
        uint256 threshold = vm.parseJsonUint(json, _join(_at(5), ".message.threshold"));
        bytes memory call =
            abi.encodeCall(exchange.setOperators, (new address[](0), threshold, _signatures(json, _at(5))));
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.BadThreshold.selector, threshold, 0));
    }

    /// @dev The last vector of trade.json in the moved exchange, delivered and disputed.
    function _disputed() private returns (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) {
        string memory json = _read("trade");
        _govern(json);
        trade = _parseTrade(json, _join(_at(4), ".message"));
        escrow = _parseEscrow(json, _join(_at(4), ".message.escrow"));
        (supplier, demander) = (vm.addr(LATHE_KEY), trade.demander);
        vm.etch(trade.token, address(token).code);
        token = TestToken(trade.token);
        _setToken(trade.token, true);
        _fund(demander, trade.quantity * trade.unitPrice);
        _raiseEpoch(demander);
        _register("lathe");
        IResourceVerification.Attestation memory attestation = _attestation("lathe", _quantities(trade.quantity), 1);
        attestation.firstSlot = 3;
        _attest(attestation);
        IResourceVerification.Report memory report = IResourceVerification.Report("lathe", 3, trade.quantity);
        _as(supplier, abi.encodeCall(exchange.list, (_reports(report))));
        vm.assertEq(exchange.listingId(supplier, "lathe", 3), trade.listing);
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, (trade.listing)));
        IResourceTrading.SignedTrade memory signed = IResourceTrading.SignedTrade(
            trade, _compactOf(json, _at(4)), _compact(LATHE_KEY, exchange.digestOf(trade, escrow))
        );
        exchange.settleEscrow(signed, escrow, new bytes[](0));
        _as(supplier, abi.encodeCall(exchange.deliver, (trade, escrow)));
        _as(demander, abi.encodeCall(exchange.dispute, (trade, escrow, "evidence")));
    }

    function _assertClosed(IResourceTrading.Trade memory trade, uint256 share) private view {
        uint256 payment = trade.quantity * trade.unitPrice;
        vm.assertEq(_balance(supplier), payment * share / 10_000);
        vm.assertEq(_balance(demander), payment - payment * share / 10_000);
    }

    /// @dev From the type's name to the signature, for a struct hash worked out here.
    function _checkSteps(string memory json, string memory path, bytes32 structHash) private view {
        vm.assertEq(_typeHash(json, path), vm.parseJsonBytes32(json, _join(path, ".typeHash")));
        vm.assertEq(structHash, vm.parseJsonBytes32(json, _join(path, ".structHash")));
        bytes32 separator = _separator(json, path);
        vm.assertEq(separator, vm.parseJsonBytes32(json, _join(path, ".domainSeparator")));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", separator, structHash));
        vm.assertEq(digest, vm.parseJsonBytes32(json, _join(path, ".digest")));
        bytes memory signature = vm.parseJsonBytes(json, _join(path, ".signature"));
        vm.assertEq(ECDSA.recover(digest, signature), vm.parseJsonAddress(json, _join(path, ".signer")));
        vm.assertEq(signature, _sign(vm.parseJsonUint(json, _join(path, ".privateKey")), digest));
    }

    function _typeHash(string memory json, string memory path) private pure returns (bytes32) {
        return keccak256(bytes(vm.parseJsonString(json, _join(path, ".encodeType"))));
    }

    /// @dev As the contract at the vector's address states its domain (ERC-5267).
    function _separator(string memory json, string memory path) private view returns (bytes32) {
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

    function _decisionHash(string memory json, string memory path) private pure returns (bytes32) {
        bytes32 typeHash = _typeHash(json, path);
        string memory message = _join(path, ".message");
        if (_isOf(json, path, "Ruling")) return _shareHash(typeHash, json, message);
        uint256 nonce = vm.parseJsonUint(json, _join(message, ".nonce"));
        if (_isOf(json, path, "Token")) {
            address paidIn = vm.parseJsonAddress(json, _join(message, ".token"));
            return keccak256(abi.encode(typeHash, paidIn, JSON.parseJsonBool(json, _join(message, ".accepted")), nonce));
        }
        if (_isOf(json, path, "Pause")) {
            return keccak256(abi.encode(typeHash, _uint64(json, _join(message, ".until")), nonce));
        }
        bytes32 list = keccak256(abi.encodePacked(JSON.parseJsonAddressArray(json, _join(message, ".operators"))));
        return keccak256(abi.encode(typeHash, list, vm.parseJsonUint(json, _join(message, ".threshold")), nonce));
    }

    function _consentHash(string memory json, string memory path) private pure returns (bytes32) {
        bytes32 typeHash = _typeHash(json, path);
        string memory message = _join(path, ".message");
        if (_isOf(json, path, "Split")) return _shareHash(typeHash, json, message);
        if (_isOf(json, path, "Announcement")) {
            address author = vm.parseJsonAddress(json, _join(message, ".author"));
            bytes32 payload = keccak256(vm.parseJsonBytes(json, _join(message, ".payload")));
            return keccak256(abi.encode(typeHash, author, _uint64(json, _join(message, ".sequence")), payload));
        }
        IAccounts.Intent memory intent = _parseIntent(json, path);
        return keccak256(abi.encode(typeHash, intent.account, keccak256(intent.call), intent.nonce, intent.deadline));
    }

    function _shareHash(bytes32 typeHash, string memory json, string memory message) private pure returns (bytes32) {
        bytes32 trade = vm.parseJsonBytes32(json, _join(message, ".trade"));
        return keccak256(abi.encode(typeHash, trade, _uint16(json, _join(message, ".supplierShare"))));
    }

    function _isOf(string memory json, string memory path, string memory primaryType) private pure returns (bool) {
        return keccak256(bytes(vm.parseJsonString(json, _join(path, ".primaryType")))) == keccak256(bytes(primaryType));
    }

    function _signatures(string memory json, string memory path) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = vm.parseJsonBytes(json, _join(path, ".signature"));
    }

    /// @dev The vector's 65 bytes in 64 (ERC-2098).
    function _compactOf(string memory json, string memory path)
        private
        pure
        returns (IResourceTrading.Signature memory)
    {
        bytes memory signature = vm.parseJsonBytes(json, _join(path, ".signature"));
        uint256 odd = uint8(signature[64]) - 27;
        return IResourceTrading.Signature(_wordAt(signature, 0), bytes32(uint256(_wordAt(signature, 32)) | odd << 255));
    }

    function _wordAt(bytes memory data, uint256 from) private pure returns (bytes32 word) {
        for (uint256 i = 0; i < 32; ++i) {
            word |= bytes32(data[from + i]) >> 8 * i;
        }
    }

    function _parseIntent(string memory json, string memory path) private pure returns (IAccounts.Intent memory) {
        string memory message = _join(path, ".message");
        return IAccounts.Intent({
            account: vm.parseJsonAddress(json, _join(message, ".account")),
            call: vm.parseJsonBytes(json, _join(message, ".call")),
            nonce: vm.parseJsonUint(json, _join(message, ".nonce")),
            deadline: _uint64(json, _join(message, ".deadline"))
        });
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

    function _read(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat("../tests/golden/", name, ".json"));
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
