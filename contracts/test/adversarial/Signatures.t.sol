// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IModule, IModules} from "../../src/interfaces/IModules.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {SettleBase} from "../base/SettleBase.sol";
import {DearWallet, HostileWallet, KeyWallet} from "../base/Wallets.sol";

/// @notice Adversarial cases 1 to 8, 24, 28, 40, 41 and 43: who signed what, and for where.
contract AdversarialSignaturesTest is SettleBase {
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 private constant ASKED_GAS = 200_000;

    function test_case01_high_s() public {
        IResourceTrading.SignedTrade memory signed = _signed(_trade());
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DEMANDER_KEY, exchange.digestOf(_trade()));
        uint256 high = CURVE_ORDER - uint256(s);
        uint8 flipped = v == 27 ? 28 : 27;
        vm.assertEq(ecrecover(exchange.digestOf(_trade()), flipped, r, bytes32(high)), demander);
        // 64 bytes have no room for a high s with its parity: where it fits below the parity bit it is refused as
        // such, otherwise its highest bit reads as parity and the signature is another one.
        signed.demander.vs = bytes32(high | uint256(flipped - 27) << 255);
        uint256 read = high & type(uint256).max >> 1;
        address other = read > CURVE_ORDER / 2 ? address(0) : _whoSignedNow(signed);
        vm.assertTrue(other != demander);
        _refusesTrade(signed, _badSignature(demander, other));
        _refusesIntentSignedWith(abi.encodePacked(r, bytes32(high), flipped));
    }

    function test_case02_replay() public {
        _settle(_trade());
        _refusesTrade(_trade(), _nonceUsed(0));
        IResourceTrading.Trade memory other = _trade();
        other.quantity = 1;
        _refusesTrade(other, _nonceUsed(0));
    }

    function test_case03_other_chain() public {
        IResourceTrading.SignedTrade memory signed = _signed(_trade());
        vm.chainId(block.chainid + 1);
        _refusesTrade(signed, _badSignature(demander, _whoSignedNow(signed)));
    }

    function test_case04_other_contract() public {
        bytes32 digest = _deploy(operatorAccounts, 2, address(token)).digestOf(_trade());
        IResourceTrading.SignedTrade memory signed =
            IResourceTrading.SignedTrade(_trade(), _compact(DEMANDER_KEY, digest), _compact(SUPPLIER_KEY, digest));
        _refusesTrade(signed, _badSignature(demander, _whoSignedNow(signed)));
    }

    /// @dev The listing's epoch is compared before the signatures, so it is refused as such; `bundle` decides the way.
    function test_case05_any_field_changed_by_a_relayer() public {
        _attested("m2", LISTED);
        _list("m2", LISTED);
        IResourceTrading.SignedTrade memory signed = _signed(_trade());
        IResourceTrading.Trade[9] memory changed;
        for (uint256 i = 0; i < changed.length; ++i) {
            changed[i] = _trade();
        }
        changed[0].listing = _id("m2", 0);
        changed[1].demander = stranger;
        changed[2].token = stranger;
        changed[3].quantity -= 1;
        changed[4].unitPrice += 1;
        changed[5].validUntil += 1;
        changed[6].nonce += 1;
        changed[7].transcript = "";
        changed[8].supplierNonce -= 1;
        for (uint256 i = 0; i < changed.length; ++i) {
            signed.trade = changed[i];
            _refusesTrade(signed, _badSignature(changed[i].demander, _whoSignedNow(signed)));
        }
        signed.trade = _trade();
        signed.trade.listingEpoch = 1;
        _refusesTrade(signed, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, 1, 0));
        signed.trade = _trade();
        signed.trade.bundle = "product";
        _refusesTrade(signed, abi.encodeWithSelector(IResourceTrading.Bundled.selector, bytes32("product")));
    }

    function test_case06_zero_signer_bad_v_or_length() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.demander = address(0);
        IResourceTrading.SignedTrade memory signed = _signed(trade);
        _refusesTrade(signed, _badSignature(address(0), _whoSignedNow(signed)));
        signed.demander = IResourceTrading.Signature(bytes32(CURVE_ORDER), bytes32(uint256(1)));
        _refusesTrade(signed, _badSignature(address(0), address(0)));
        signed.demander = IResourceTrading.Signature(0, 0);
        _refusesTrade(signed, _badSignature(address(0), address(0)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DEMANDER_KEY, _digest(_cancelIntent()));
        _refusesIntentSignedWith(abi.encodePacked(r, s, v - 27));
        _refusesIntentSignedWith(abi.encodePacked(r, s, uint8(29)));
        _refusesIntentSignedWith("");
        _refusesIntentSignedWith(abi.encodePacked(r, s));
        _refusesIntentSignedWith(abi.encodePacked(r, s, v, uint8(0)));
    }

    function test_case07_wallet_wrong_magic_revert_gas_bomb_huge_return() public {
        HostileWallet wallet = new HostileWallet();
        IResourceTrading.SignedTrade memory signed = _signedByContract(address(wallet));
        bytes[] memory proofs = new bytes[](1);
        bytes memory call = abi.encodeCall(exchange.settle, (signed, proofs));
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](2);
        (trades[0], trades[1]) = (signed, _signed(_trade()));
        for (uint256 i = 0; i <= uint256(type(HostileWallet.Manner).max) - 1; ++i) {
            wallet.behave(HostileWallet.Manner(i));
            uint256 before = gasleft();
            _refuses(stranger, call, _badSignature(address(wallet), address(0)));
            // Asked twice, to refuse and to say why, and never beyond its bound.
            vm.assertLe(before - gasleft(), 3 * ASKED_GAS);
        }
        wallet.behave(HostileWallet.Manner.BurnsGas);
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(
            0, IAccounts.BadSignature.selector, exchange.digestOf(signed.trade), _id("m1", 0), address(wallet)
        );
        _expectSettled(trades[1].trade, exchange.digestOf(trades[1].trade));
        exchange.settleBatch(trades, proofs);
    }

    function test_case07_wallet_that_confirms_is_accepted() public {
        KeyWallet wallet = new KeyWallet(stranger);
        token.mint(address(wallet), 100);
        wallet.act(address(token), abi.encodeCall(token.approve, (address(exchange), 100)));
        wallet.act(address(exchange), abi.encodeCall(exchange.deposit, (address(token), 100)));
        IResourceTrading.SignedTrade memory signed = _signedByContract(address(wallet));
        bytes[] memory proofs = new bytes[](2);
        proofs[1] = _sign(STRANGER_KEY, _confirmation(address(wallet), exchange.digestOf(signed.trade)));
        bytes memory reason = _badSignature(address(wallet), address(0));
        _refuses(stranger, abi.encodeCall(exchange.settle, (signed, proofs)), reason);
        signed.demander.vs = bytes32(uint256(2));
        _refuses(stranger, abi.encodeCall(exchange.settle, (signed, proofs)), reason);
        signed.demander.vs = bytes32(uint256(1));
        _as(stranger, abi.encodeCall(exchange.settle, (signed, proofs)));
        vm.assertEq(_balance(address(wallet)), 0);
        vm.assertEq(_balance(supplier), 100);
    }

    /// @dev What an owner signed for itself once passed for the word of its wallet on the other side of the trade.
    function test_case07_owner_signs_for_itself_and_not_for_its_wallet() public {
        KeyWallet wallet = new KeyWallet(supplier);
        _fund(address(wallet), 100);
        IResourceTrading.SignedTrade memory signed = _signedByContract(address(wallet));
        bytes32 digest = exchange.digestOf(signed.trade);
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = _sign(SUPPLIER_KEY, digest);
        _refuses(
            stranger, abi.encodeCall(exchange.settle, (signed, proofs)), _badSignature(address(wallet), address(0))
        );
        proofs[0] = _sign(SUPPLIER_KEY, _confirmation(address(wallet), digest));
        _as(stranger, abi.encodeCall(exchange.settle, (signed, proofs)));
        vm.assertEq(_balance(address(wallet)), 0);
    }

    function test_case07_proof_of_a_contract_is_of_no_use_to_an_account_with_a_key() public {
        IResourceTrading.SignedTrade memory signed = _signedByContract(demander);
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = _sign(DEMANDER_KEY, exchange.digestOf(signed.trade));
        _refuses(stranger, abi.encodeCall(exchange.settle, (signed, proofs)), _badSignature(demander, address(0)));
    }

    function test_case08_account_with_delegated_code_signs_with_its_own_key() public {
        vm.etch(demander, abi.encodePacked(hex"ef0100", address(new HostileWallet())));
        vm.etch(supplier, address(new HostileWallet()).code);
        _settle(_trade());
        vm.assertEq(_balance(supplier), 100);
        IAccounts.Intent memory intent = _cancelIntent();
        _as(stranger, abi.encodeCall(exchange.relay, (intent, _sign(DEMANDER_KEY, _digest(intent)))));
        vm.assertEq(exchange.intentNonce(demander), 1);
    }

    /// @dev Even when both parties signed the wide value itself.
    function test_case24_values_wider_than_their_field() public {
        // Demander, token, quantity, unitPrice, validUntil, the two nonces and the listing's epoch.
        uint8[8] memory fields = [1, 2, 3, 4, 5, 6, 7, 8];
        for (uint256 i = 0; i < fields.length; ++i) {
            bytes memory words = abi.encode(_trade());
            words[32 * uint256(fields[i])] = 0x01;
            bytes32 digest = _typed(keccak256(bytes.concat(TradeHash.TRADE_TYPEHASH, words, TradeHash.INSTANT)));
            bytes memory data = _settleCall(
                IResourceTrading.SignedTrade(_trade(), _compact(DEMANDER_KEY, digest), _compact(SUPPLIER_KEY, digest))
            );
            data[4 + 32 * uint256(fields[i])] = 0x01;
            _refusesMalformed(data);
        }
    }

    function test_case24_truncated_call() public {
        bytes memory data = _settleCall(_signed(_trade()));
        uint256[3] memory lengths = [uint256(4), 4 + 32 * 11, data.length - 1];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bytes memory head = new bytes(lengths[i]);
            for (uint256 j = 0; j < head.length; ++j) {
                head[j] = data[j];
            }
            _refusesMalformed(head);
        }
    }

    /// @dev Bytes after the arguments are read by nothing, so they change nothing that was signed.
    function test_case24_trailing_bytes_are_ignored() public {
        bytes memory data = bytes.concat(_settleCall(_signed(_trade())), hex"deadbeef");
        _as(stranger, data);
        vm.assertEq(_balance(supplier), 100);
        vm.assertEq(_balance(demander), FUNDS - 100);
    }

    function test_case24_unknown_function_and_plain_ether() public {
        bytes memory reason = abi.encodeWithSelector(IModules.UnknownFunction.selector, bytes4(0xdeadbeef));
        _refuses(stranger, hex"deadbeef", reason);
        _refuses(stranger, "", abi.encodeWithSelector(IModules.UnknownFunction.selector, bytes4(0)));
        (bool ok,) = address(exchange).call{value: 1}("");
        vm.assertFalse(ok);
    }

    function test_case28_relayer_starves_the_check_of_a_contract() public {
        KeyWallet wallet = new KeyWallet(stranger);
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signedByContract(address(wallet));
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = _sign(STRANGER_KEY, exchange.digestOf(trades[0].trade));
        bytes memory reason = abi.encodeWithSelector(IAccounts.SignatureCheckStarved.selector, address(wallet));
        bytes32 before = _stateHash();
        (bool ok, bytes memory answer) =
            address(exchange).call{gas: ASKED_GAS}(abi.encodeCall(exchange.settleBatch, (trades, proofs)));
        vm.assertFalse(ok);
        vm.assertEq(answer, reason);
        (ok, answer) = address(exchange).call{gas: ASKED_GAS}(abi.encodeCall(exchange.settle, (trades[0], proofs)));
        vm.assertFalse(ok);
        vm.assertEq(answer, reason);
        vm.assertEq(_stateHash(), before);
    }

    /// @dev With any gas, a good trade of two keys settles or the transaction reverts: it is never skipped.
    function testFuzz_case28_gas_never_makes_a_good_trade_skipped(uint256 gas) public {
        gas = 30_000 + gas % 120_000;
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signed(_trade());
        bytes memory call = abi.encodeCall(exchange.settleBatch, (trades, _none()));
        bytes32 before = _stateHash();
        (bool ok,) = address(exchange).call{gas: gas}(call);
        if (ok) vm.assertEq(_balance(supplier), 100);
        else vm.assertEq(_stateHash(), before);
    }

    /// @dev Whoever submits names the gas of the check and pays for it; with less than named it reverts, batch or not, and
    /// nobody can make the trade look refused for want of gas.
    function test_case40_wallet_with_a_dear_check() public {
        DearWallet wallet = new DearWallet();
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signedByContract(address(wallet));
        bytes[] memory proofs = new bytes[](1);
        _refuses(
            stranger, abi.encodeCall(exchange.settle, (trades[0], proofs)), _badSignature(address(wallet), address(0))
        );
        trades[0].demander.vs = bytes32(uint256(300_000) << 64);
        bytes memory starved = abi.encodeWithSelector(IAccounts.SignatureCheckStarved.selector, address(wallet));
        bytes[2] memory calls = [
            abi.encodeCall(exchange.settle, (trades[0], proofs)), abi.encodeCall(exchange.settleBatch, (trades, proofs))
        ];
        for (uint256 gas = 150_000; gas < 320_000; gas += 20_000) {
            for (uint256 i = 0; i < 2; ++i) {
                (bool ok, bytes memory answer) = address(exchange).call{gas: gas}(calls[i]);
                vm.assertFalse(ok);
                vm.assertEq(answer, starved);
            }
        }
        // More gas than there can be is starved as well.
        trades[0].demander.vs = bytes32(uint256(type(uint64).max) << 64);
        _refuses(stranger, abi.encodeCall(exchange.settleBatch, (trades, proofs)), starved);
        _fund(address(wallet), 100);
        // Bits above the gas say nothing.
        trades[0].demander.vs = bytes32(uint256(300_000) << 64 | uint256(1) << 128);
        exchange.settleBatch(trades, proofs);
        vm.assertEq(_balance(supplier), 100);
    }

    function test_case41_hostile_wallet_as_operator() public {
        HostileWallet wallet = new HostileWallet();
        address[] memory operators = new address[](3);
        (operators[0], operators[1], operators[2]) = (operatorAccounts[0], operatorAccounts[1], address(wallet));
        _setOperators(operators, 2);
        vm.warp(NOW + _parameters().operatorDelay);
        bytes32 structHash = _pauseHash(NOW + 48 * HOUR, DEADLINE);
        IOperators.OperatorSignature memory good = _operatorSignature(operatorKeys[0], structHash);
        IOperators.OperatorSignature memory bad = IOperators.OperatorSignature(address(wallet), "");
        IOperators.OperatorSignature[] memory signatures = new IOperators.OperatorSignature[](2);
        bool first = address(wallet) < operatorAccounts[0];
        (signatures[0], signatures[1]) = first ? (bad, good) : (good, bad);
        bytes memory call = abi.encodeCall(exchange.pause, (NOW + 48 * HOUR, DEADLINE, signatures));
        bytes memory reason =
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, first ? uint256(0) : 1, address(wallet));
        for (uint256 i = 0; i < uint256(type(HostileWallet.Manner).max); ++i) {
            wallet.behave(HostileWallet.Manner(i));
            (bool ok, bytes memory answer) = address(exchange).call{gas: 3_000_000}(call);
            vm.assertFalse(ok);
            vm.assertEq(answer, reason);
        }
        // The two others decide without it.
        _pause(NOW + 48 * HOUR);
        vm.assertEq(exchange.pausedUntil(), NOW + 48 * HOUR);
    }

    function test_case43_module_called_directly_or_replaced() public {
        address escrow = exchange.moduleOf(exchange.settleEscrow.selector);
        address net = exchange.moduleOf(exchange.settleNet.selector);
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signed(_trade());
        (bool ok, bytes memory answer) = net.call(abi.encodeCall(exchange.settleLate, (trades, 0, _none())));
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(IModule.NotTheExchange.selector));
        (ok, answer) = escrow.call(abi.encodeCall(exchange.heldOf, (0)));
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(IModule.NotTheExchange.selector));
        bytes4 badModule = IModules.BadModule.selector;
        _refusesDeploy(2, address(token), stranger, net, abi.encodeWithSelector(badModule, stranger));
        _refusesDeploy(2, address(token), net, escrow, abi.encodeWithSelector(badModule, net));
    }

    /// @dev The demander's signature is the first of the contract signatures given beside.
    function _signedByContract(address account) private view returns (IResourceTrading.SignedTrade memory signed) {
        IResourceTrading.Trade memory trade = _trade();
        (trade.demander, trade.nonce) = (account, 3);
        signed = _signed(trade);
        signed.demander = IResourceTrading.Signature(0, 0);
    }

    function _whoSignedNow(IResourceTrading.SignedTrade memory signed) private view returns (address) {
        return _recovered(exchange.digestOf(signed.trade), signed.demander);
    }

    function _cancelIntent() private view returns (IAccounts.Intent memory) {
        return _intent(demander, abi.encodeCall(exchange.cancel, (address(token), 1)));
    }

    /// @dev Malformed, so that it is nobody's.
    function _refusesIntentSignedWith(bytes memory signature) private {
        _refuses(
            stranger, abi.encodeCall(exchange.relay, (_cancelIntent(), signature)), _badSignature(demander, address(0))
        );
    }

    function _refusesMalformed(bytes memory data) private {
        bytes32 before = _stateHash();
        (bool ok, bytes memory answer) = address(exchange).call(data);
        vm.assertFalse(ok);
        vm.assertEq(answer, "");
        vm.assertEq(_stateHash(), before);
    }
}
