// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReleaseBoard} from "../../src/ReleaseBoard.sol";
import {TestToken} from "../../src/TestToken.sol";
import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IModules} from "../../src/interfaces/IModules.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IReleaseBoard} from "../../src/interfaces/IReleaseBoard.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {ICapacityExchange} from "../base/ExchangeBase.sol";
import {GoldenBase} from "../base/GoldenBase.sol";
import {KeyWallet} from "../base/Wallets.sol";

/// @notice The vectors in tests/golden, made by another implementation of EIP-712 (script/golden.mjs). Where a contract
/// shows no digest, it must accept the vector's signature.
contract GoldenTest is GoldenBase {
    /// @dev The account of private key 5 sold what is held in the last vector of trade.json, signed the splits, and
    /// sealed the same slot of its lathe.
    uint256 private constant LATHE_KEY = 5;
    /// @dev Places in decisions.json and consents.json.
    uint256 private constant RULING = 10;
    uint256 private constant SPLIT = 5;
    uint256 private constant OPEN = 8;
    uint256 private constant CONFIRMATION = 10;
    uint256 private constant ANNOUNCEMENTS = 12;

    function test_tradeVectors() public {
        string memory json = _read("trade");
        uint256 count = _count(json);
        vm.assertEq(count, 6);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(i);
            _moveExchangeToDomain(json, path);
            IResourceTrading.Trade memory trade = _parseTrade(json, _join(path, ".message"));
            IResourceEscrow.Escrow memory escrow = _parseEscrow(json, _join(path, ".message.escrow"));
            vm.assertEq(TradeHash.TRADE_TYPEHASH, vm.parseJsonBytes32(json, _join(path, ".typeHash")));
            bytes32 digest = exchange.escrowDigestOf(trade, escrow);
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
        vm.assertEq(count, 15);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(i);
            if (_isOf(json, path, "Announcement")) _boardAtDomain(json, path);
            else _moveExchangeToDomain(json, path);
            _checkSteps(json, path, _consentHash(json, path));
        }
    }

    function test_netVectors() public {
        string memory json = _read("net");
        uint256 count = _count(json);
        vm.assertEq(count, 3);
        for (uint256 i = 0; i < count; ++i) {
            string memory path = _at(i);
            _moveExchangeToDomain(json, path);
            INetSettlement.NetBatch memory batch = _parseBatch(json, path);
            vm.assertEq(exchange.netDigestOf(batch), vm.parseJsonBytes32(json, _join(path, ".digest")));
            bytes32 rows = vm.parseJsonBytes32(json, _join(path, ".message.rows"));
            bytes32 sales = vm.parseJsonBytes32(json, _join(path, ".message.sales"));
            bytes32 typeHash = _typeHash(json, path);
            _checkSteps(
                json, path, keccak256(abi.encode(typeHash, batch.token, batch.trades, rows, sales, batch.validUntil))
            );
        }
    }

    /// @dev Its listing is unknown here, which is found after the time and the bundle.
    function test_theTagAndTheTimeOfATradeForACycle() public {
        string memory json = _read("trade");
        _moveExchangeToDomain(json, _at(2));
        uint64 notBefore = _uint64(json, _join(_at(2), ".notBefore"));
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0].trade = _parseTrade(json, _join(_at(2), ".message"));
        bytes memory call = abi.encodeCall(exchange.settleLate, (trades, notBefore, new bytes[](0)));
        vm.warp(notBefore - 1);
        _refuses(stranger, call, abi.encodeWithSelector(INetSettlement.LateOnly.selector, notBefore, notBefore - 1));
        vm.warp(notBefore);
        (bool ok, bytes memory answer) =
            address(exchange).call(abi.encodeCall(exchange.settleLate, (trades, notBefore - 1, new bytes[](0))));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(IResourceTrading.WrongBundle.selector));
        bytes32 listing = trades[0].trade.listing;
        _refuses(stranger, call, abi.encodeWithSelector(IResourceVerification.UnknownListing.selector, listing));
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
        bytes32 digest = vm.parseJsonBytes32(json, _join(_at(RULING), ".message.trade"));
        vm.assertEq(exchange.escrowDigestOf(trade, escrow), digest);
        vm.warp(block.timestamp + _parameters().hearing);
        exchange.rule(trade, escrow, _parseRuling(json, _at(RULING)), _decidedBy(json, _at(RULING)));
        vm.warp(block.timestamp + _parameters().rulingWindow);
        vm.roll(block.number + _parameters().graceBlocks);
        exchange.execute(trade, escrow);
        // A third of the payment, half the bond, a quarter of both deposits.
        _assertClosed(trade, escrow, 1_116_000_000 * uint256(3333) / 10_000 + 25_000_000 + 27_900_000);
    }

    function test_theExchangeTakesTheSplitThatBothSigned() public {
        string memory json = _read("consents");
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _disputed();
        bytes32 digest = vm.parseJsonBytes32(json, _join(_at(SPLIT), ".message.trade"));
        vm.assertEq(exchange.escrowDigestOf(trade, escrow), digest);
        _as(demander, abi.encodeCall(exchange.voidSplits, (trade, escrow)));
        (uint128 toSupplier, uint128 toDemander) = _parseSplit(json, _at(SPLIT));
        IResourceTrading.Signature memory ofDemander = _compactOf(json, _at(SPLIT));
        IResourceTrading.Signature memory ofSupplier = _compactOf(json, _at(SPLIT + 1));
        uint64 deadline = _uint64(json, _join(_at(SPLIT), ".message.deadline"));
        exchange.split(trade, escrow, toSupplier, toDemander, deadline, ofDemander, ofSupplier, new bytes[](0));
        _assertClosed(trade, escrow, toSupplier);
    }

    function test_theExchangeTakesTheOpening() public {
        string memory json = _read("consents");
        _govern(json);
        supplier = vm.addr(LATHE_KEY);
        _register("lathe");
        bytes32 commitment = vm.parseJsonBytes32(json, _join(_at(OPEN), ".message.commitment"));
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation(commitment, 3);
        (attestation.resource, attestation.slot) = ("lathe", 3);
        exchange.attestSealed(attestation, _operatorSignatures(this.hashOf(attestation), 1));
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("lathe", 3)));
        exchange.open(
            IResourceVerification.Opening(supplier, "lathe", 3, 12, keccak256("salt")),
            _uint64(json, _join(_at(OPEN), ".message.deadline")),
            _signatureIn(json, _at(OPEN))
        );
        bytes32 listing = vm.parseJsonBytes32(json, _join(_at(OPEN), ".message.listing"));
        vm.assertEq(exchange.listingOf(listing).available, 12);
    }

    function test_theExchangeTakesADecisionThatAWalletConfirms() public {
        string memory json = _read("consents");
        address wallet = vm.parseJsonAddress(json, _join(_at(CONFIRMATION), ".message.wallet"));
        address owner = vm.parseJsonAddress(json, _join(_at(CONFIRMATION), ".signer"));
        vm.etch(wallet, address(new KeyWallet(owner)).code);
        IOperators.OperatorSignature[] memory signatures = new IOperators.OperatorSignature[](1);
        signatures[0] = IOperators.OperatorSignature(wallet, _signatureIn(json, _at(CONFIRMATION)));
        json = _read("decisions");
        _govern(json, wallet);
        address named = vm.parseJsonAddress(json, _join(_at(0), ".message.token"));
        vm.etch(named, address(token).code);
        exchange.setToken(named, true, _uint64(json, _join(_at(0), ".message.deadline")), signatures);
        vm.assertTrue(exchange.accepts(named));
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
            exchange.relay(intent, _signatureIn(json, _at(i)));
            vm.assertEq(exchange.accountOf(intent.account, named).used, used[i]);
            vm.assertEq(exchange.intentNonce(intent.account), i + 1);
        }
        for (uint256 i = 2; i < 4; ++i) {
            // Signed well, or the answer were BadSignature; but no function is called so.
            bytes4 selector = i == 2 ? bytes4(0) : bytes4(0xab000000);
            bytes memory call = abi.encodeCall(exchange.relay, (_parseIntent(json, _at(i)), _signatureIn(json, _at(i))));
            _refuses(stranger, call, abi.encodeWithSelector(IModules.UnknownFunction.selector, selector));
        }
    }

    function test_theBoardTakesTheAnnouncements() public {
        string memory json = _read("consents");
        ReleaseBoard board = _boardAtDomain(json, _at(ANNOUNCEMENTS));
        for (uint256 i = ANNOUNCEMENTS; i < ANNOUNCEMENTS + 2; ++i) {
            address author = vm.parseJsonAddress(json, _join(_at(i), ".message.author"));
            bytes memory payload = vm.parseJsonBytes(json, _join(_at(i), ".message.payload"));
            uint64 deadline = _uint64(json, _join(_at(i), ".message.deadline"));
            vm.expectEmit(address(board));
            emit IReleaseBoard.Announced(author, _uint64(json, _join(_at(i), ".message.sequence")), payload);
            board.announceFor(author, payload, deadline, _signatureIn(json, _at(i)));
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

    /// @dev Gives the moved exchange the operator who signed the vectors. Moved code starts with an empty storage, and so
    /// with a set whose threshold is zero: its decision needs no signature. It is made one delay before `NOW`.
    function _govern(string memory json) private {
        _govern(json, vm.addr(10));
        (operatorKeys[0], operatorAccounts[0]) = (10, vm.addr(10));
    }

    function _govern(string memory json, address operator) private {
        _moveExchangeToDomain(json, _at(0));
        vm.warp(NOW - _parameters().operatorDelay);
        exchange.setOperators(_addresses(operator), 1, DEADLINE, new IOperators.OperatorSignature[](0));
        vm.warp(NOW);
        vm.assertEq(exchange.operatorSet(), 1);
        vm.assertEq(exchange.threshold(), 1);
    }

    function _boardAtDomain(string memory json, string memory path) private returns (ReleaseBoard board) {
        vm.chainId(vm.parseJsonUint(json, _join(path, ".domain.chainId")));
        board = ReleaseBoard(vm.parseJsonAddress(json, _join(path, ".domain.verifyingContract")));
        if (address(board).code.length == 0) vm.etch(address(board), address(new ReleaseBoard()).code);
    }

    /// @dev Submits a decision, which must do what it says.
    function _decide(string memory json, string memory path) private {
        IOperators.OperatorSignature[] memory signatures = _decidedBy(json, path);
        uint64 deadline = _uint64(json, _join(path, ".message.deadline"));
        if (_isOf(json, path, "Token")) {
            address paidIn = vm.parseJsonAddress(json, _join(path, ".message.token"));
            bool accepted = JSON.parseJsonBool(json, _join(path, ".message.accepted"));
            exchange.setToken(paidIn, accepted, deadline, signatures);
            vm.assertTrue(exchange.accepts(paidIn) == accepted);
        } else if (_isOf(json, path, "Pause")) {
            uint64 until = _uint64(json, _join(path, ".message.until"));
            // A pause must not lie too far ahead.
            if (until > block.timestamp + exchange.MAX_PAUSE()) vm.warp(until - exchange.MAX_PAUSE());
            exchange.pause(until, deadline, signatures);
            vm.assertEq(exchange.pausedUntil(), until);
        } else {
            address[] memory accounts = JSON.parseJsonAddressArray(json, _join(path, ".message.operators"));
            uint256 threshold = vm.parseJsonUint(json, _join(path, ".message.threshold"));
            exchange.setOperators(accounts, threshold, deadline, signatures);
            (uint32 set,) = exchange.nextOperatorSet();
            (address[] memory members, uint256 needed) = exchange.operatorsOf(set);
            vm.assertEq(members, accounts);
            vm.assertEq(needed, threshold);
        }
    }

    /// @dev BadThreshold is found after the signature was accepted.
    function _refusesSetThatNobodyCanMeet(string memory json) private {
        uint256 threshold = vm.parseJsonUint(json, _join(_at(5), ".message.threshold"));
        uint64 deadline = _uint64(json, _join(_at(5), ".message.deadline"));
        bytes memory call =
            abi.encodeCall(exchange.setOperators, (new address[](0), threshold, deadline, _decidedBy(json, _at(5))));
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.BadThreshold.selector, threshold, 0));
    }

    /// @dev The last vector of trade.json in the moved exchange, delivered and disputed.
    function _disputed() private returns (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) {
        string memory json = _read("trade");
        _govern(json);
        trade = _parseTrade(json, _join(_at(5), ".message"));
        escrow = _parseEscrow(json, _join(_at(5), ".message.escrow"));
        (supplier, demander) = (vm.addr(LATHE_KEY), trade.demander);
        vm.etch(trade.token, address(token).code);
        token = TestToken(trade.token);
        bytes32 decision = _tokenHash(trade.token, true, DEADLINE);
        exchange.setToken(trade.token, true, DEADLINE, _operatorSignatures(decision, 1));
        _fund(demander, 2_000_000_000);
        _fund(supplier, 2_000_000_000);
        _raiseEpoch(demander);
        _register("lathe");
        IResourceVerification.Attestation memory attestation = _attestation("lathe", _quantities(trade.quantity), 1);
        attestation.firstSlot = 3;
        exchange.attest(attestation, _operatorSignatures(this.hashOf(attestation), 1));
        IResourceVerification.Report memory report = IResourceVerification.Report("lathe", 3, trade.quantity);
        _as(supplier, abi.encodeCall(exchange.list, (_reports(report))));
        vm.assertEq(exchange.listingId(supplier, "lathe", 3), trade.listing);
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("lathe", 3)));
        IResourceTrading.SignedTrade memory signed = IResourceTrading.SignedTrade(
            trade, _compactOf(json, _at(5)), _compact(LATHE_KEY, exchange.escrowDigestOf(trade, escrow))
        );
        exchange.settleEscrow(IResourceEscrow.EscrowedTrade(signed, escrow), new bytes[](0));
        vm.warp(escrow.deliverFrom);
        _as(supplier, abi.encodeCall(exchange.deliver, (trade, escrow, trade.quantity)));
        _as(demander, abi.encodeCall(exchange.dispute, (trade, escrow, "evidence")));
    }

    /// @dev Of payment, bond and both deposits the supplier got `toSupplier`, the demander the rest.
    function _assertClosed(
        IResourceTrading.Trade memory trade,
        IResourceEscrow.Escrow memory escrow,
        uint256 toSupplier
    ) private view {
        vm.assertEq(_balance(supplier), 2_000_000_000 - 50_000_000 - 55_800_000 + toSupplier);
        vm.assertEq(_balance(demander) + _balance(supplier), 4_000_000_000);
        IResourceEscrow.State state = exchange.heldOf(exchange.escrowDigestOf(trade, escrow)).state;
        vm.assertTrue(state == IResourceEscrow.State.Closed);
    }
}
