// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {BlockingToken, FalseToken, FeeToken, ReentrantToken} from "../base/AwkwardTokens.sol";
import {BundleBase} from "../base/BundleBase.sol";

/// @notice Adversarial cases 13 to 23, 29 and 36 to 39: what moves money, and what stops it.
contract AdversarialMoneyTest is BundleBase {
    function test_case13_reentry_into_deposit_and_withdraw() public {
        ReentrantToken reentrant = _reentrant();
        bytes memory guard = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        bytes[2] memory callbacks = [
            abi.encodeCall(exchange.deposit, (address(reentrant), 1)),
            abi.encodeCall(exchange.withdraw, (address(reentrant), 1, demander))
        ];
        bytes[2] memory calls = [
            abi.encodeCall(exchange.deposit, (address(reentrant), 10)),
            abi.encodeCall(exchange.withdraw, (address(reentrant), 10, demander))
        ];
        for (uint256 i = 0; i < 4; ++i) {
            reentrant.arm(address(exchange), callbacks[i % 2]);
            _as(demander, calls[i / 2]);
            vm.assertFalse(reentrant.succeeded());
            vm.assertEq(reentrant.answer(), guard);
        }
        vm.assertEq(exchange.balanceOf(demander, address(reentrant)), 50);
        vm.assertEq(reentrant.balanceOf(address(exchange)), 50);
    }

    function test_case13_reentry_into_settle_cannot_spend_what_is_withdrawn() public {
        ReentrantToken reentrant = _reentrant();
        IResourceTrading.Trade memory trade = _trade();
        (trade.token, trade.quantity, trade.unitPrice) = (address(reentrant), 1, 50);
        reentrant.arm(address(exchange), _settleCall(_signed(trade)));
        _as(demander, abi.encodeCall(exchange.withdraw, (address(reentrant), 50, demander)));
        vm.assertFalse(reentrant.succeeded());
        vm.assertEq(reentrant.answer(), _insufficientBalance(address(reentrant), 0, 50));
        vm.assertEq(exchange.balanceOf(supplier, address(reentrant)), 0);
    }

    function test_case13_reentry_into_settle_cannot_spend_what_is_not_yet_credited() public {
        ReentrantToken reentrant = _reentrant();
        IResourceTrading.Trade memory trade = _trade();
        (trade.token, trade.quantity, trade.unitPrice) = (address(reentrant), 1, 60);
        reentrant.arm(address(exchange), _settleCall(_signed(trade)));
        _as(demander, abi.encodeCall(exchange.deposit, (address(reentrant), 10)));
        vm.assertEq(reentrant.answer(), _insufficientBalance(address(reentrant), 50, 60));
    }

    function test_case13_reentry_acts_for_the_token_and_not_for_the_relayed_account() public {
        ReentrantToken reentrant = _reentrant();
        bytes[3] memory callbacks = [
            abi.encodeCall(exchange.cancel, (address(token), 1)),
            abi.encodeCall(exchange.raiseEpoch, (address(token))),
            abi.encodeCall(exchange.registerResource, ("m9", UNIT, NOW, HOUR))
        ];
        for (uint256 i = 0; i < callbacks.length; ++i) {
            reentrant.arm(address(exchange), callbacks[i]);
            _relayAs(DEMANDER_KEY, abi.encodeCall(exchange.withdraw, (address(reentrant), 1, demander)));
            vm.assertTrue(reentrant.succeeded());
        }
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 0);
        vm.assertEq(exchange.accountOf(demander, address(token)).epoch, 0);
        vm.assertEq(exchange.accountOf(address(reentrant), address(token)).epoch, NOW);
        bytes memory reason =
            abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, demander, bytes32("m9"));
        _refuses(stranger, abi.encodeCall(exchange.listingId, (demander, "m9", 0)), reason);
    }

    function test_case13_reentry_from_a_permit_acts_for_the_token() public {
        ReentrantToken reentrant = _reentrant();
        reentrant.arm(address(exchange), abi.encodeCall(exchange.cancel, (address(reentrant), 1)));
        _relayAs(DEMANDER_KEY, abi.encodeCall(exchange.depositWithPermit, (address(reentrant), 10, EXPIRY, 0, 0, 0)));
        vm.assertTrue(reentrant.succeeded());
        vm.assertEq(exchange.accountOf(demander, address(reentrant)).used, 0);
        vm.assertEq(exchange.accountOf(address(reentrant), address(reentrant)).used, 1);
        vm.assertEq(exchange.balanceOf(demander, address(reentrant)), 60);
    }

    function test_case14_cancelled_then_filled() public {
        IResourceTrading.Trade memory trade = _trade();
        _cancel(demander, 1);
        _refusesTrade(trade, _nonceUsed(0));
        trade.nonce = 1;
        _raiseEpoch(demander);
        _refusesTrade(trade, _wrongEpoch(demander, 0, NOW));
        trade.nonce = NOW << 8 | 1;
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        _refusesTrade(trade, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, 0, NOW));
        trade.listingEpoch = NOW;
        _raiseEpoch(supplier);
        _refusesTrade(trade, _wrongEpoch(supplier, 0, NOW));
        trade.supplierNonce = NOW << 8 | 95;
        _as(supplier, abi.encodeCall(exchange.unlist, ("m1", 0, LISTED)));
        _refusesTrade(trade, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, NOW, NOW + 2));
        trade.listingEpoch = NOW + 2;
        _refusesTrade(trade, _insufficientListing(trade, 0));
    }

    /// @dev A stranger's cancellation is of its own nonces, and another's listing it cannot touch.
    function test_case15_cancel_by_a_stranger() public {
        _cancel(stranger, type(uint96).max);
        _raiseEpoch(stranger);
        _refuses(
            stranger,
            abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)),
            abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, stranger, bytes32("m1"))
        );
        _refuses(
            stranger,
            abi.encodeCall(exchange.unlist, ("m1", 0, 1)),
            abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, stranger, bytes32("m1"))
        );
        IAccounts.Intent memory intent = _intent(demander, abi.encodeCall(exchange.raiseEpoch, (address(token))));
        _refuses(
            stranger,
            abi.encodeCall(exchange.relay, (intent, _sign(STRANGER_KEY, _digest(intent)))),
            _badSignature(demander, stranger)
        );
        _settle(_trade());
    }

    function test_case16_cancel_racing_a_fill_has_one_outcome() public {
        _settle(_trade());
        _cancel(demander, 1);
        vm.assertEq(_balance(supplier), 100);
        vm.assertEq(_listing("m1").available, LISTED - 4);
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        _cancel(demander, 2);
        _refusesTrade(trade, _nonceUsed(1));
        _as(supplier, abi.encodeCall(exchange.unlist, ("m1", 0, LISTED - 4)));
        vm.assertEq(_slot("m1").committed, 4);
        vm.assertEq(_balance(supplier), 100);
    }

    function test_case17_at_or_after_valid_until_or_after_the_slot() public {
        IResourceTrading.Trade memory trade = _trade();
        vm.warp(trade.validUntil);
        _refusesTrade(trade, _expired(trade.validUntil, trade.validUntil));
        vm.warp(trade.validUntil + 1);
        _refusesTrade(trade, _expired(trade.validUntil, trade.validUntil + 1));
        trade.validUntil = NOW + HOUR + 1;
        _refusesTrade(
            trade, abi.encodeWithSelector(IResourceTrading.ValidPastSlot.selector, trade.validUntil, NOW + HOUR)
        );
        trade.validUntil = NOW + HOUR;
        vm.warp(NOW + HOUR);
        _refusesTrade(trade, _expired(NOW + HOUR, NOW + HOUR));
        vm.warp(NOW + HOUR - 1);
        _settle(trade);
    }

    function test_case18_zero_quantity() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.quantity = 0;
        _refusesTrade(trade, abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector));
    }

    function test_case19_self_trade_also_through_a_relayer() public {
        _fund(supplier, FUNDS);
        IResourceTrading.Trade memory trade = _trade();
        trade.demander = supplier;
        bytes32 digest = exchange.digestOf(trade);
        IResourceTrading.SignedTrade memory signed =
            IResourceTrading.SignedTrade(trade, _compact(SUPPLIER_KEY, digest), _compact(SUPPLIER_KEY, digest));
        bytes memory reason = abi.encodeWithSelector(IResourceTrading.SelfTrade.selector, supplier);
        _refusesTrade(signed, reason);
        _refuses(supplier, _settleCall(signed), reason);
        IAccounts.Intent memory intent = _intent(supplier, _settleCall(signed));
        _refuses(stranger, abi.encodeCall(exchange.relay, (intent, _sign(SUPPLIER_KEY, _digest(intent)))), reason);
    }

    function test_case20_overflow_and_zero_price() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.unitPrice = 0;
        _refusesTrade(trade, abi.encodeWithSelector(IResourceTrading.ZeroPrice.selector));
        _attested("m3", type(uint64).max);
        _list("m3", type(uint64).max);
        trade.listing = _id("m3", 0);
        (trade.quantity, trade.unitPrice) = (type(uint64).max, type(uint128).max);
        uint256 payment = uint256(type(uint64).max) * type(uint128).max;
        _refusesTrade(trade, _insufficientBalance(address(token), FUNDS, payment));
        // Wraps to a small number in 128 bits: 2^64 * 2^64 + ...
        (trade.quantity, trade.unitPrice) = (2 ** 63, 2 ** 65);
        _refusesTrade(trade, _insufficientBalance(address(token), FUNDS, 2 ** 128));
        _fund(demander, type(uint128).max - FUNDS);
        _refusesTrade(trade, _insufficientBalance(address(token), type(uint128).max, 2 ** 128));
    }

    function test_case21_permit_front_run_deposit_still_succeeds() public {
        token.mint(demander, 100);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                demander,
                address(exchange),
                100,
                0,
                NOW
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DEMANDER_KEY, digest);
        vm.prank(stranger);
        token.permit(demander, address(exchange), 100, NOW, v, r, s);
        _as(demander, abi.encodeCall(exchange.depositWithPermit, (address(token), 100, NOW, v, r, s)));
        vm.assertEq(_balance(demander), FUNDS + 100);
    }

    function test_case22_fee_on_transfer_or_false_returning_token() public {
        FeeToken fee = new FeeToken();
        FalseToken falseToken = new FalseToken();
        _setToken(address(fee), true);
        _setToken(address(falseToken), true);
        fee.mint(demander, 1000);
        vm.prank(demander);
        fee.approve(address(exchange), 1000);
        _refuses(
            demander,
            abi.encodeCall(exchange.deposit, (address(fee), 1000)),
            abi.encodeWithSelector(IAccounts.WrongAmountReceived.selector, address(fee), 1000, 990)
        );
        _refuses(
            demander,
            abi.encodeCall(exchange.deposit, (address(falseToken), 1)),
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(falseToken))
        );
        vm.assertEq(fee.balanceOf(demander), 1000);
    }

    function test_case23_batch_with_one_bad_trade_settles_the_others() public {
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](3);
        for (uint256 i = 0; i < 3; ++i) {
            IResourceTrading.Trade memory trade = _trade();
            (trade.quantity, trade.nonce) = (1, uint64(i));
            trades[i] = _signed(trade);
        }
        trades[1].supplier = trades[0].supplier;
        _expectSettled(trades[0].trade, exchange.digestOf(trades[0].trade));
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(
            1, IAccounts.BadSignature.selector, exchange.digestOf(trades[1].trade), _id("m1", 0), demander
        );
        _expectSettled(trades[2].trade, exchange.digestOf(trades[2].trade));
        exchange.settleBatch(trades, _none());
        vm.assertEq(_balance(supplier), 50);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 5);
    }

    function test_case23_bundle_with_one_bad_trade_settles_none() public {
        IResourceTrading.SignedTrade[] memory trades = _product();
        _cancel(demander, 2);
        _refuses(stranger, _bundleCall(trades), _nonceUsed(1));
    }

    function test_case29_withdrawal_of_a_delisted_token_succeeds() public {
        _setToken(address(token), false);
        _pause(NOW + 30 * 24 * HOUR);
        _as(demander, _withdrawCall(FUNDS, demander));
        vm.assertEq(token.balanceOf(demander), FUNDS);
        vm.assertEq(_balance(demander), 0);
    }

    /// @dev Nothing an account or a supplier does to void what it signed brings to life what it signed ahead.
    function test_case36_trades_signed_ahead_for_another_epoch() public {
        IResourceTrading.Trade[6] memory ahead;
        for (uint64 i = 0; i < 6; ++i) {
            ahead[i] = _trade();
            if (i < 2) ahead[i].nonce = i + 1 << 8;
            else if (i < 4) ahead[i].supplierNonce = i - 1 << 8;
            else ahead[i].listingEpoch = i - 3;
        }
        _useUp(demander);
        _raiseEpoch(demander);
        _useUp(supplier);
        _raiseEpoch(supplier);
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        for (uint64 i = 0; i < 6; ++i) {
            // All but the epoch signed ahead is brought up to date.
            if (i >= 2) ahead[i].nonce = NOW << 8;
            if (i < 2 || i >= 4) ahead[i].supplierNonce = NOW << 8;
            if (i < 4) ahead[i].listingEpoch = NOW;
            bytes memory reason = i < 2
                ? _wrongEpoch(demander, i + 1, NOW)
                : i < 4
                    ? _wrongEpoch(supplier, i - 1, NOW)
                    : abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, i - 3, NOW);
            _refusesTrade(ahead[i], reason);
        }
    }

    function test_case37_trade_cancelled_by_its_supplier_alone() public {
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](2);
        for (uint64 i = 0; i < 2; ++i) {
            IResourceTrading.Trade memory trade = _trade();
            (trade.nonce, trade.supplierNonce) = (i, i);
            trades[i] = _signed(trade);
        }
        _cancel(supplier, 1);
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(
            0, IResourceTrading.NonceUsed.selector, exchange.digestOf(trades[0].trade), _id("m1", 0), demander
        );
        exchange.settleBatch(trades, _none());
        vm.assertEq(_balance(supplier), 100);
        // It stays so, until the epoch is another and with it the trade.
        _refusesTrade(trades[0], _suppliersNonceUsed(0));
        _raiseEpoch(supplier);
        _refusesTrade(trades[0], _wrongEpoch(supplier, 0, NOW));
    }

    function test_case38_gift_that_fills_the_token() public {
        token.mint(address(exchange), type(uint128).max);
        _fund(stranger, 1);
        vm.assertEq(_balance(stranger), 1);
        _as(stranger, _withdrawCall(1, stranger));
        vm.assertEq(token.balanceOf(stranger), 1);
        _refuses(
            stranger,
            _withdrawCall(1, stranger),
            abi.encodeWithSelector(IAccounts.InsufficientBalance.selector, stranger, address(token), 0, 1)
        );
    }

    function test_case39_account_blocked_by_its_token() public {
        BlockingToken blocking = new BlockingToken();
        _setToken(address(blocking), true);
        blocking.mint(demander, 100);
        vm.prank(demander);
        blocking.approve(address(exchange), 100);
        _as(demander, abi.encodeCall(exchange.deposit, (address(blocking), 100)));
        blocking.block_(demander);
        bytes memory reason = abi.encodeWithSelector(BlockingToken.Blocked.selector, demander);
        _refuses(demander, abi.encodeCall(exchange.withdraw, (address(blocking), 100, demander)), reason);
        _as(demander, abi.encodeCall(exchange.withdraw, (address(blocking), 100, stranger)));
        vm.assertEq(blocking.balanceOf(stranger), 100);
    }

    /// @dev An allowed token that calls back; the demander has 50 of it in the exchange and 50 more approved.
    function _reentrant() private returns (ReentrantToken reentrant) {
        reentrant = new ReentrantToken();
        _setToken(address(reentrant), true);
        reentrant.mint(demander, 100);
        vm.prank(demander);
        reentrant.approve(address(exchange), 100);
        _as(demander, abi.encodeCall(exchange.deposit, (address(reentrant), 50)));
    }

    function _relayAs(uint256 key, bytes memory call) private {
        IAccounts.Intent memory intent = _intent(vm.addr(key), call);
        _as(stranger, abi.encodeCall(exchange.relay, (intent, _sign(key, _digest(intent)))));
    }

    function _expired(uint64 validUntil, uint64 timestamp) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.TradeExpired.selector, validUntil, timestamp);
    }
}
