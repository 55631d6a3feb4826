// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IModule} from "../../src/interfaces/IModules.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

contract SettleEscrowTest is EscrowBase {
    function test_holdsPaymentBondAndDepositsAndRecordsTheTerms() public {
        held = exchange.escrowDigestOf(_trade(), _escrow());
        bytes memory call = _escrowCall(_trade(), _escrow());
        _expectSettled(_trade(), held);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Escrowed(held, _trade(), _escrow(), 1, uint40(NOW));
        _as(stranger, call);
        IResourceEscrow.Held memory expected;
        (expected.payment, expected.operatorSet, expected.since) = (100, 1, uint40(NOW));
        expected.state = IResourceEscrow.State.Funded;
        vm.assertEq(keccak256(abi.encode(exchange.heldOf(held))), keccak256(abi.encode(expected)));
        vm.assertEq(_balance(demander), FUNDS - 100 - DEPOSIT);
        vm.assertEq(_balance(supplier), FUNDS - BOND - DEPOSIT);
        vm.assertEq(exchange.totalOf(address(token)), 2 * FUNDS);
        vm.assertEq(_listing("m1").available, LISTED - 4);
        vm.assertEq(_slot("m1").committed, LISTED);
    }

    /// @dev Five in a hundred of 39 are 1.95.
    function test_depositsAreRoundedDown() public {
        IResourceTrading.Trade memory trade = _trade();
        (trade.quantity, trade.unitPrice) = (1, 39);
        _escrowed(trade, _escrow());
        vm.assertEq(_balance(demander), FUNDS - 39 - 1);
        vm.assertEq(_balance(supplier), FUNDS - BOND - 1);
    }

    function test_refusesATradeSignedForInstantSettlementAndTheReverse() public {
        bytes32 instant = exchange.digestOf(_trade());
        bytes32 escrowed = exchange.escrowDigestOf(_trade(), _escrow());
        IResourceTrading.SignedTrade memory signed = _signed(_trade());
        _refuses(
            stranger,
            abi.encodeCall(exchange.settleEscrow, (IResourceEscrow.EscrowedTrade(signed, _escrow()), _none())),
            _badSignature(demander, _recovered(escrowed, signed.demander))
        );
        signed = _escrowedTrade(_trade(), _escrow()).signed;
        _refusesTrade(signed, _badSignature(demander, _recovered(instant, signed.demander)));
    }

    function test_refusesOtherTermsThanTheSigned() public {
        IResourceEscrow.EscrowedTrade memory trade = _escrowedTrade(_trade(), _escrow());
        trade.escrow.bond -= 1;
        bytes32 digest = exchange.escrowDigestOf(_trade(), trade.escrow);
        _refuses(
            stranger,
            abi.encodeCall(exchange.settleEscrow, (trade, _none())),
            _badSignature(demander, _recovered(digest, trade.signed.demander))
        );
    }

    function test_refusesBundledTrade() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.bundle = "product";
        _refuses(
            stranger,
            _escrowCall(trade, _escrow()),
            abi.encodeWithSelector(IResourceTrading.Bundled.selector, trade.bundle)
        );
    }

    function test_refusesAnUnknownListing() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = _id("m2", 0);
        _refuses(
            stranger,
            _escrowCall(trade, _escrow()),
            abi.encodeWithSelector(IResourceVerification.UnknownListing.selector, trade.listing)
        );
    }

    function test_refusesWhatSettleRefuses() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.quantity = 0;
        _refuses(
            stranger, _escrowCall(trade, _escrow()), abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector)
        );
        trade = _trade();
        trade.validUntil = NOW;
        _refuses(
            stranger,
            _escrowCall(trade, _escrow()),
            abi.encodeWithSelector(IResourceTrading.TradeExpired.selector, NOW, NOW)
        );
        bytes memory call = _escrowCall(_trade(), _escrow());
        _as(stranger, call);
        _refuses(stranger, call, _nonceUsed(0));
        _refusesTrade(_trade(), _nonceUsed(0));
        _pause(NOW + 1);
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.TradingPaused.selector, NOW + 1));
    }

    /// @dev 953 and the deposit of 47 are 1000; one unit more is not there.
    function test_theDemanderPaysItsDepositBesideThePayment() public {
        IResourceTrading.Trade memory trade = _trade();
        (trade.quantity, trade.unitPrice) = (1, 954);
        _refuses(stranger, _escrowCall(trade, _escrow()), _insufficientBalance(address(token), FUNDS, 1001));
        trade.unitPrice = 953;
        _escrowed(trade, _escrow());
        vm.assertEq(_balance(demander), 0);
    }

    function test_theSupplierPaysBondAndDeposit() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.bond = 996;
        bytes memory reason =
            abi.encodeWithSelector(IAccounts.InsufficientBalance.selector, supplier, address(token), FUNDS, FUNDS + 1);
        _refuses(stranger, _escrowCall(_trade(), escrow), reason);
        escrow.bond = 995;
        _escrowed(_trade(), escrow);
        vm.assertEq(_balance(supplier), 0);
    }

    /// @dev The demander has just what it needs: it is the supplier that lacks a unit.
    function test_namesTheSupplierWhereTheDemanderHasJustEnough() public {
        IResourceTrading.Trade memory trade = _trade();
        (trade.quantity, trade.unitPrice) = (1, 953);
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.bond = 954;
        bytes memory reason =
            abi.encodeWithSelector(IAccounts.InsufficientBalance.selector, supplier, address(token), FUNDS, FUNDS + 1);
        _refuses(stranger, _escrowCall(trade, escrow), reason);
    }

    function test_refusesABondOf128Bits() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.bond = type(uint128).max;
        bytes memory reason = abi.encodeWithSelector(
            IAccounts.InsufficientBalance.selector,
            supplier,
            address(token),
            FUNDS,
            uint256(type(uint128).max) + DEPOSIT
        );
        _refuses(stranger, _escrowCall(_trade(), escrow), reason);
    }

    function test_theSameTermsAndAnotherNonceAreAnotherEscrow() public {
        _escrowed();
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        _as(stranger, _escrowCall(trade, _escrow()));
        vm.assertEq(exchange.heldOf(exchange.escrowDigestOf(trade, _escrow())).payment, 100);
        _assertHeld(100, IResourceEscrow.State.Funded);
        vm.assertEq(_balance(demander), FUNDS - 210);
    }

    function test_aModuleRefusesDirectCalls() public {
        address module = exchange.moduleOf(IResourceEscrow.settleEscrow.selector);
        bytes[4] memory calls = [
            _escrowCall(_trade(), _escrow()),
            _expireCall(),
            abi.encodeCall(exchange.heldOf, (held)),
            abi.encodeCall(exchange.escrowDigestOf, (_trade(), _escrow()))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = module.call(calls[i]);
            vm.assertFalse(ok);
            vm.assertEq(answer, abi.encodeWithSelector(IModule.NotTheExchange.selector));
        }
    }
}
