// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

contract SettleEscrowTest is EscrowBase {
    function test_holdsThePaymentAndRecordsTheTerms() public {
        held = exchange.digestOf(_trade(), _escrow());
        bytes memory call = _escrowCall(_trade(), _escrow());
        _expectSettled(_trade(), held);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Escrowed(held, DELIVER_BY, ACCEPT_BY, DECIDE_BY, 500, 9000, 3333);
        _as(stranger, call);
        _assertHeld(100, IResourceEscrow.State.Funded);
        vm.assertEq(_balance(demander), FUNDS - 100);
        vm.assertEq(_balance(supplier), 0);
        vm.assertEq(token.balanceOf(address(exchange)), FUNDS);
        vm.assertEq(_listing("m1").available, LISTED - 4);
    }

    function test_refusesDeadlinesThatDoNotRiseFromTheFuture() public {
        IResourceEscrow.Escrow[4] memory bad;
        for (uint256 i = 0; i < bad.length; ++i) {
            bad[i] = _escrow();
        }
        bad[0].deliverBy = NOW;
        bad[1].acceptBy = DELIVER_BY;
        bad[2].decideBy = ACCEPT_BY;
        (bad[3].deliverBy, bad[3].acceptBy, bad[3].decideBy) = (0, 0, 0);
        for (uint256 i = 0; i < bad.length; ++i) {
            _refusesTerms(bad[i]);
        }
    }

    function test_refusesSharesAboveTheWhole() public {
        IResourceEscrow.Escrow[3] memory bad;
        for (uint256 i = 0; i < bad.length; ++i) {
            bad[i] = _escrow();
        }
        (bad[0].lateShare, bad[1].silenceShare, bad[2].undecidedShare) = (10_001, 10_001, 10_001);
        for (uint256 i = 0; i < bad.length; ++i) {
            _refusesTerms(bad[i]);
        }
        IResourceEscrow.Escrow memory whole = _escrow();
        (whole.lateShare, whole.silenceShare, whole.undecidedShare) = (10_000, 10_000, 10_000);
        _as(stranger, _escrowCall(_trade(), whole));
    }

    function test_refusesTheNextSecondAfterTheShortestDeadlines() public {
        IResourceEscrow.Escrow memory tight = _escrow();
        (tight.deliverBy, tight.acceptBy, tight.decideBy) = (NOW + 1, NOW + 2, NOW + 3);
        bytes memory call = _escrowCall(_trade(), tight);
        vm.warp(NOW + 1);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceEscrow.BadEscrow.selector));
        vm.warp(NOW);
        _as(stranger, call);
    }

    function test_refusesATradeSignedForInstantSettlementAndTheReverse() public {
        bytes32 instant = exchange.digestOf(_trade());
        bytes32 escrowed = exchange.digestOf(_trade(), _escrow());
        IResourceTrading.SignedTrade memory signed = _signed(_trade());
        _refuses(
            stranger,
            abi.encodeCall(exchange.settleEscrow, (signed, _escrow(), _none())),
            _badSignature(demander, _recovered(escrowed, signed.demander))
        );
        signed = _signedEscrow(_trade(), _escrow());
        _refusesTrade(signed, _badSignature(demander, _recovered(instant, signed.demander)));
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

    function test_refusesWhatSettleRefuses() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.quantity = 0;
        _refuses(
            stranger, _escrowCall(trade, _escrow()), abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector)
        );
        trade = _trade();
        trade.unitPrice = 251;
        _refuses(stranger, _escrowCall(trade, _escrow()), _insufficientBalance(address(token), FUNDS, 1004));
        bytes memory call = _escrowCall(_trade(), _escrow());
        _as(stranger, call);
        _refuses(stranger, call, _nonceUsed(0));
        _refusesTrade(_trade(), _nonceUsed(0));
    }

    function test_theSameTermsAndAnotherNonceAreAnotherEscrow() public {
        _escrowed();
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        _as(stranger, _escrowCall(trade, _escrow()));
        vm.assertEq(exchange.heldOf(exchange.digestOf(trade, _escrow())).amount, 100);
        _assertHeld(100, IResourceEscrow.State.Funded);
        vm.assertEq(_balance(demander), FUNDS - 200);
    }

    function _refusesTerms(IResourceEscrow.Escrow memory terms) private {
        _refuses(stranger, _escrowCall(_trade(), terms), abi.encodeWithSelector(IResourceEscrow.BadEscrow.selector));
    }
}
