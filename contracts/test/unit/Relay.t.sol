// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IModules} from "../../src/interfaces/IModules.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";
import {DearWallet, KeyWallet} from "../base/Wallets.sol";

/// @notice Each relayed call acts for the signer, never for the relayer.
contract RelayTest is EscrowBase {
    function test_withdrawsForTheSigner() public {
        vm.expectEmit(address(exchange));
        emit IAccounts.Relayed(demander, 0);
        vm.expectEmit(address(exchange));
        emit IAccounts.Withdrawn(demander, address(token), 10, demander);
        _relay(DEMANDER_KEY, _withdrawCall(10, demander));
        vm.assertEq(token.balanceOf(demander), 10);
        vm.assertEq(token.balanceOf(stranger), 0);
        vm.assertEq(exchange.intentNonce(demander), 1);
    }

    function test_depositsForTheSigner() public {
        token.mint(demander, 10);
        vm.prank(demander);
        token.approve(address(exchange), 10);
        _relay(DEMANDER_KEY, abi.encodeCall(exchange.deposit, (address(token), 10)));
        vm.assertEq(_balance(demander), FUNDS + 10);
    }

    function test_cancelsForTheSigner() public {
        _relay(DEMANDER_KEY, abi.encodeCall(exchange.cancel, (address(token), 1)));
        _refusesTrade(_trade(), _nonceUsed(0));
        _relay(DEMANDER_KEY, abi.encodeCall(exchange.raiseEpoch, (address(token))));
        vm.assertEq(exchange.accountOf(demander, address(token)).epoch, NOW);
        vm.assertEq(exchange.accountOf(stranger, address(token)).epoch, 0);
    }

    function test_registersListsAndUnlistsForTheSigner() public {
        _relay(SUPPLIER_KEY, abi.encodeCall(exchange.unlist, ("m1", 0, 4)));
        _relay(SUPPLIER_KEY, abi.encodeCall(exchange.list, (_reports(_report("m1", 3)))));
        vm.assertEq(_listing("m1").available, LISTED - 1);
        _relay(SUPPLIER_KEY, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        vm.assertEq(_listing("m1").epoch, NOW);
        bytes memory register = abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, HOUR));
        _refusesIntent(
            _intent(supplier, register),
            SUPPLIER_KEY,
            abi.encodeWithSelector(IResourceVerification.AlreadyRegistered.selector, supplier, bytes32("m1"))
        );
    }

    function test_deliversDisputesReleasesAndRefundsForTheSigner() public {
        _escrowed();
        _relay(SUPPLIER_KEY, abi.encodeCall(exchange.deliver, (_trade(), _escrow(), 4)));
        _relay(DEMANDER_KEY, abi.encodeCall(exchange.dispute, (_trade(), _escrow(), "")));
        _relay(DEMANDER_KEY, abi.encodeCall(exchange.release, (_trade(), _escrow(), 40)));
        _relay(SUPPLIER_KEY, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        // 40 released; of the bond half and the own deposit lost by giving in to a dispute.
        _assertClosed(40 + 20);
    }

    function test_aWalletsIntentIsConfirmedByTheWallet() public {
        KeyWallet wallet = new KeyWallet(stranger);
        token.mint(address(wallet), 10);
        wallet.act(address(token), abi.encodeCall(token.approve, (address(exchange), 10)));
        IAccounts.Intent memory intent =
            _intent(address(wallet), abi.encodeCall(exchange.deposit, (address(token), 10)));
        _as(supplier, abi.encodeCall(exchange.relay, (intent, _sign(STRANGER_KEY, _digest(intent)))));
        vm.assertEq(_balance(address(wallet)), 10);
    }

    /// @dev The check gets all the gas there is; less than 200,000 is the relayer's fault, and said so.
    function test_aWalletsDearCheckGetsTheGasThereIs() public {
        DearWallet dear = new DearWallet();
        bytes memory call = abi.encodeCall(exchange.cancel, (address(token), 1));
        call = abi.encodeCall(exchange.relay, (_intent(address(dear), call), ""));
        (bool ok, bytes memory answer) = address(exchange).call{gas: 190_000}(call);
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(IAccounts.SignatureCheckStarved.selector, address(dear)));
        _as(stranger, call);
        vm.assertEq(exchange.accountOf(address(dear), address(token)).used, 1);
    }

    function test_voidIntentsVoidsThoseBelowAndSaysSo() public {
        bytes memory cancel = abi.encodeCall(exchange.cancel, (address(token), 1));
        IAccounts.Intent memory first = _intent(demander, cancel);
        IAccounts.Intent memory third = _intent(demander, cancel);
        third.nonce = 2;
        vm.expectEmit(address(exchange));
        emit IAccounts.IntentsVoided(demander, 2);
        _as(demander, abi.encodeCall(exchange.voidIntents, (2)));
        vm.assertEq(exchange.intentNonce(demander), 2);
        vm.assertEq(exchange.intentNonce(stranger), 0);
        _refusesIntent(first, DEMANDER_KEY, _wrongNonce(0, 2));
        _as(stranger, _relayCall(third, DEMANDER_KEY));
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 1);
        vm.assertEq(exchange.intentNonce(demander), 3);
    }

    function test_voidIntentsGoesUpOnly() public {
        _as(demander, abi.encodeCall(exchange.voidIntents, (2)));
        for (uint256 nonce = 0; nonce < 3; ++nonce) {
            _refuses(demander, abi.encodeCall(exchange.voidIntents, (nonce)), _wrongNonce(nonce, 2));
        }
    }

    /// @dev Its own intent is used up when the call runs, so that it must name one more.
    function test_voidIntentsCanBeRelayed() public {
        _refusesIntent(_intent(demander, abi.encodeCall(exchange.voidIntents, (1))), DEMANDER_KEY, _wrongNonce(1, 1));
        _relay(DEMANDER_KEY, abi.encodeCall(exchange.voidIntents, (type(uint256).max)));
        vm.assertEq(exchange.intentNonce(demander), type(uint256).max);
        vm.assertEq(exchange.intentNonce(stranger), 0);
    }

    function test_refusesFromTheDeadlineOn() public {
        IAccounts.Intent memory intent = _intent(demander, abi.encodeCall(exchange.cancel, (address(token), 1)));
        vm.warp(intent.deadline);
        _refusesIntent(
            intent,
            DEMANDER_KEY,
            abi.encodeWithSelector(IAccounts.IntentExpired.selector, intent.deadline, intent.deadline)
        );
        vm.warp(intent.deadline - 1);
        _as(stranger, _relayCall(intent, DEMANDER_KEY));
    }

    function test_refusesAnyNonceButTheCurrent() public {
        IAccounts.Intent memory intent = _intent(demander, abi.encodeCall(exchange.cancel, (address(token), 1)));
        intent.nonce = 1;
        _refusesIntent(intent, DEMANDER_KEY, _wrongNonce(1, 0));
        intent.nonce = 0;
        _as(stranger, _relayCall(intent, DEMANDER_KEY));
        _refusesIntent(intent, DEMANDER_KEY, _wrongNonce(0, 1));
    }

    function test_refusesAnotherSigner() public {
        IAccounts.Intent memory intent = _intent(demander, abi.encodeCall(exchange.cancel, (address(token), 1)));
        _refusesIntent(intent, STRANGER_KEY, _badSignature(demander, stranger));
        intent.account = address(0);
        _refuses(
            stranger, abi.encodeCall(exchange.relay, (intent, new bytes(65))), _badSignature(address(0), address(0))
        );
    }

    function test_passesOnTheErrorAndKeepsTheNonce() public {
        bytes memory call = _withdrawCall(FUNDS + 1, demander);
        _refusesIntent(_intent(demander, call), DEMANDER_KEY, _insufficientBalance(address(token), FUNDS, FUNDS + 1));
        _refusesIntent(
            _intent(demander, ""), DEMANDER_KEY, abi.encodeWithSelector(IModules.UnknownFunction.selector, bytes4(0))
        );
    }

    /// @dev A function that never asks for its caller leaves the identity unused; it must be gone all the same.
    function test_theIdentityDoesNotOutliveTheIntent() public {
        bytes memory empty = abi.encodeCall(exchange.settleBatch, (new IResourceTrading.SignedTrade[](0), _none()));
        _relay(DEMANDER_KEY, empty);
        _cancel(stranger, 1);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 0);
        vm.assertEq(exchange.accountOf(stranger, address(token)).used, 1);
    }

    function test_anIntentInsideAnIntentActsForItsOwnSigner() public {
        bytes memory inner = abi.encodeCall(exchange.cancel, (address(token), 2));
        _relay(DEMANDER_KEY, _relayCall(_intent(supplier, inner), SUPPLIER_KEY));
        vm.assertEq(exchange.accountOf(supplier, address(token)).used, 2);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 0);
        vm.assertEq(exchange.intentNonce(demander), 1);
        vm.assertEq(exchange.intentNonce(supplier), 1);
        _cancel(stranger, 1);
        vm.assertEq(exchange.accountOf(stranger, address(token)).used, 1);
    }

    /// @dev The reference of the assembly that passes an error on: the same call made by the account itself.
    function testFuzz_revertsWithWhatTheCallRevertsWith(uint256 amount, uint8 way, bytes calldata junk) public {
        bytes[4] memory calls = [
            _withdrawCall(amount, demander),
            abi.encodeCall(exchange.deposit, (address(token), amount)),
            abi.encodeCall(exchange.raiseListingEpoch, (bytes32(amount), 0)),
            bytes(junk)
        ];
        bytes memory relayed = _relayCall(_intent(demander, calls[way % 4]), DEMANDER_KEY);
        (bool ok, bytes memory answer) = address(exchange).call(relayed);
        if (ok) return;
        vm.prank(demander);
        (bool direct, bytes memory expected) = address(exchange).call(calls[way % 4]);
        vm.assertFalse(direct);
        vm.assertEq(answer, expected);
    }

    function _relay(uint256 key, bytes memory call) private {
        _as(stranger, _relayCall(_intent(vm.addr(key), call), key));
    }

    function _relayCall(IAccounts.Intent memory intent, uint256 key) private view returns (bytes memory) {
        return abi.encodeCall(exchange.relay, (intent, _sign(key, _digest(intent))));
    }

    function _refusesIntent(IAccounts.Intent memory intent, uint256 key, bytes memory reason) private {
        _refuses(stranger, _relayCall(intent, key), reason);
    }

    function _wrongNonce(uint256 signed, uint256 current) private view returns (bytes memory) {
        return abi.encodeWithSelector(IAccounts.WrongIntentNonce.selector, demander, signed, current);
    }
}
