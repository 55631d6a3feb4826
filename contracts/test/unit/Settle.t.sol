// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ReentrantToken} from "../base/AwkwardTokens.sol";
import {SettleBase} from "../base/SettleBase.sol";

contract SettleTest is SettleBase {
    function test_movesPaymentAndQuantityAndRecordsIt() public {
        IResourceTrading.Trade memory trade = _trade();
        bytes32 digest = exchange.digestOf(trade);
        bytes memory demanderSignature = _sign(DEMANDER_KEY, digest);
        bytes memory supplierSignature = _sign(SUPPLIER_KEY, digest);
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Settled(
            digest,
            trade.listing,
            demander,
            supplier,
            address(token),
            4,
            25,
            0,
            keccak256("transcript"),
            keccak256("bundle")
        );
        vm.prank(stranger);
        exchange.settle(trade, demanderSignature, supplierSignature);
        vm.assertEq(exchange.balanceOf(demander, address(token)), FUNDS - 100);
        vm.assertEq(exchange.balanceOf(supplier, address(token)), 100);
        vm.assertEq(exchange.balanceOf(stranger, address(token)), 0);
        vm.assertEq(token.balanceOf(address(exchange)), FUNDS);
        vm.assertEq(_listing("m1").available, LISTED - 4);
        vm.assertEq(_slot("m1").committed, LISTED);
        vm.assertTrue(exchange.nonceUsed(demander, 0));
    }

    function test_fillsUntilTheListingIsEmpty() public {
        uint64[4] memory fills = [uint64(1), 2, 3, 4];
        IResourceTrading.Trade memory trade = _trade();
        for (uint256 i = 0; i < fills.length; ++i) {
            (trade.quantity, trade.nonce) = (fills[i], i);
            _settle(trade);
        }
        vm.assertEq(_listing("m1").available, 0);
        vm.assertEq(exchange.balanceOf(supplier, address(token)), 250);
        (trade.quantity, trade.nonce) = (1, fills.length);
        _refuses(trade, _insufficientListing(trade, 0));
    }

    function test_doesNotSellDeliveredCapacityAgain() public {
        _settle(_trade());
        vm.expectRevert(
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 1, LISTED, LISTED)
        );
        _list("m1", 1);
    }

    function test_suppliersGainCanBeWithdrawn() public {
        _settle(_trade());
        vm.prank(supplier);
        exchange.withdraw(address(token), 100);
        vm.assertEq(token.balanceOf(supplier), 100);
    }

    function test_holdsAfterTheAttestationIsLowered() public {
        _attest(_attestation("m1", _quantities(0), 2));
        _settle(_trade());
        vm.assertEq(_listing("m1").available, LISTED - 4);
    }

    function test_noncesOfOneWordAndOfTheNextAreDistinct() public {
        uint256[4] memory nonces = [uint256(1), 255, 256, type(uint256).max];
        IResourceTrading.Trade memory trade = _trade();
        trade.quantity = 1;
        for (uint256 i = 0; i < nonces.length; ++i) {
            trade.nonce = nonces[i];
            vm.assertFalse(exchange.nonceUsed(demander, nonces[i]));
            _settle(trade);
            vm.assertTrue(exchange.nonceUsed(demander, nonces[i]));
        }
        for (uint256 i = 0; i < nonces.length; ++i) {
            vm.assertTrue(exchange.nonceUsed(demander, nonces[i]));
        }
        vm.assertFalse(exchange.nonceUsed(demander, 0));
        vm.assertFalse(exchange.nonceUsed(demander, 257));
        vm.assertFalse(exchange.nonceUsed(supplier, 1));
    }

    function test_refusesReplay() public {
        IResourceTrading.Trade memory trade = _trade();
        _settle(trade);
        _refuses(trade, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, demander, 0));
    }

    function test_refusesAnotherTradeUnderAUsedNonce() public {
        IResourceTrading.Trade memory trade = _trade();
        _settle(trade);
        trade.quantity = 1;
        _refuses(trade, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, demander, 0));
    }

    function test_refusesZeroQuantity() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.quantity = 0;
        _refuses(trade, abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector));
    }

    function test_refusesZeroPrice() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.unitPrice = 0;
        _refuses(trade, abi.encodeWithSelector(IResourceTrading.ZeroPrice.selector));
    }

    function test_refusesUnknownListing() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = keccak256("nothing");
        _refuses(trade, abi.encodeWithSelector(IResourceTrading.UnknownListing.selector, trade.listing));
    }

    function test_refusesFromValidUntilOn() public {
        IResourceTrading.Trade memory trade = _trade();
        vm.warp(trade.validUntil);
        _refuses(
            trade, abi.encodeWithSelector(IResourceTrading.TradeExpired.selector, trade.validUntil, trade.validUntil)
        );
        vm.warp(trade.validUntil - 1);
        _settle(trade);
    }

    function test_refusesValidityPastTheSlot() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.validUntil = NOW + HOUR + 1;
        _refuses(trade, abi.encodeWithSelector(IResourceTrading.ValidPastSlot.selector, trade.validUntil, NOW + HOUR));
        trade.validUntil = NOW + HOUR;
        vm.warp(NOW + HOUR - 1);
        _settle(trade);
    }

    function test_refusesAnyEpochButZero() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.demanderEpoch = 1;
        _refuses(trade, abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, 1, 0));
        (trade.demanderEpoch, trade.listingEpoch) = (0, 2);
        _refuses(trade, abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, 0, 2));
    }

    function test_refusesSelfTradeThroughARelayer() public {
        _fund(supplier, FUNDS);
        IResourceTrading.Trade memory trade = _trade();
        trade.demander = supplier;
        bytes memory signature = _sign(SUPPLIER_KEY, exchange.digestOf(trade));
        vm.prank(stranger);
        _refuses(trade, signature, signature, abi.encodeWithSelector(IResourceTrading.SelfTrade.selector, supplier));
    }

    function test_refusesMoreThanListed() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.quantity = LISTED + 1;
        _refuses(trade, _insufficientListing(trade, LISTED));
    }

    function test_refusesMoreThanTheBalance() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.unitPrice = 251;
        _refuses(trade, _insufficientBalance(address(token), FUNDS, 1004));
        trade.unitPrice = 250;
        _settle(trade);
        vm.assertEq(exchange.balanceOf(demander, address(token)), 0);
    }

    function test_refusesTokenTheExchangeDoesNotHold() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.token = stranger;
        _refuses(trade, _insufficientBalance(stranger, 0, 100));
    }

    function test_doesNotOverflowOnTheLargestPayment() public {
        _attested("m2", type(uint64).max);
        _list("m2", type(uint64).max);
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = exchange.listingId(supplier, "m2", 0);
        (trade.quantity, trade.unitPrice) = (type(uint64).max, type(uint128).max);
        uint256 payment = uint256(type(uint64).max) * type(uint128).max;
        _refuses(trade, _insufficientBalance(address(token), FUNDS, payment));
        _fund(demander, payment - FUNDS);
        _settle(trade);
        vm.assertEq(exchange.balanceOf(supplier, address(token)), payment);
    }

    /// @dev One trade with every fault at once, healed one fault at a time.
    function test_checksInTheDocumentedOrder() public {
        IResourceTrading.Trade memory trade = _trade();
        bytes32 listing = trade.listing;
        _settle(trade);
        (trade.quantity, trade.unitPrice, trade.listing) = (0, 0, "nowhere");
        (trade.validUntil, trade.listingEpoch, trade.demander) = (NOW, 1, supplier);

        _refuses(trade, "", "", abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector));
        trade.quantity = LISTED + 1;
        _refuses(trade, "", "", abi.encodeWithSelector(IResourceTrading.ZeroPrice.selector));
        trade.unitPrice = 1000;
        _refuses(trade, "", "", abi.encodeWithSelector(IResourceTrading.UnknownListing.selector, bytes32("nowhere")));
        trade.listing = listing;
        _refuses(trade, "", "", abi.encodeWithSelector(IResourceTrading.TradeExpired.selector, NOW, NOW));
        trade.validUntil = NOW + 2 * HOUR;
        _refuses(
            trade, "", "", abi.encodeWithSelector(IResourceTrading.ValidPastSlot.selector, NOW + 2 * HOUR, NOW + HOUR)
        );
        trade.validUntil = NOW + HOUR;
        _refuses(trade, "", "", abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, 0, 1));
        trade.listingEpoch = 0;
        _refuses(trade, "", "", abi.encodeWithSelector(IResourceTrading.SelfTrade.selector, supplier));
        trade.demander = demander;
        _refuses(trade, "", "", _badSignature(demander, address(0)));
        _refuses(trade, _sign(DEMANDER_KEY, exchange.digestOf(trade)), "", _badSignature(supplier, address(0)));
        _refuses(trade, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, demander, 0));
        trade.nonce = 1;
        _refuses(trade, _insufficientListing(trade, LISTED - 4));
        trade.quantity = 6;
        _refuses(trade, _insufficientBalance(address(token), FUNDS - 100, 6000));
        trade.unitPrice = 1;
        _settle(trade);
    }

    /// @dev The token calls back while it is paying out: what is being withdrawn is already gone from the balance.
    function test_reentryFromAWithdrawalCannotSpendWhatIsWithdrawn() public {
        ReentrantToken reentrant = new ReentrantToken();
        exchange = _deploy(operatorAccounts, 1, address(reentrant));
        _attested("m1", LISTED);
        _list("m1", LISTED);
        reentrant.mint(demander, 100);
        vm.prank(demander);
        reentrant.approve(address(exchange), 100);
        vm.prank(demander);
        exchange.deposit(address(reentrant), 100);

        IResourceTrading.Trade memory trade = _trade();
        trade.token = address(reentrant);
        bytes32 digest = exchange.digestOf(trade);
        reentrant.arm(
            address(exchange),
            abi.encodeCall(exchange.settle, (trade, _sign(DEMANDER_KEY, digest), _sign(SUPPLIER_KEY, digest)))
        );
        vm.expectRevert(_insufficientBalance(address(reentrant), 0, 100));
        vm.prank(demander);
        exchange.withdraw(address(reentrant), 100);
        vm.assertEq(exchange.balanceOf(demander, address(reentrant)), 100);
    }

    function testFuzz_conservesMoneyAndCapacity(uint64 quantity, uint128 unitPrice, uint256 nonce) public {
        _attested("m2", type(uint64).max);
        _list("m2", type(uint64).max);
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = exchange.listingId(supplier, "m2", 0);
        trade.quantity = quantity == 0 ? 1 : quantity;
        trade.unitPrice = unitPrice == 0 ? 1 : unitPrice;
        trade.nonce = nonce;
        uint256 payment = uint256(trade.quantity) * trade.unitPrice;
        _fund(demander, payment);
        _settle(trade);
        vm.assertEq(exchange.balanceOf(demander, address(token)), FUNDS);
        vm.assertEq(exchange.balanceOf(supplier, address(token)), payment);
        vm.assertEq(_listing("m2").available, type(uint64).max - trade.quantity);
    }

    function _insufficientListing(IResourceTrading.Trade memory trade, uint64 available)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IResourceTrading.InsufficientListing.selector, trade.listing, available, trade.quantity
        );
    }

    function _insufficientBalance(address paidIn, uint256 available, uint256 needed)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IResourceTrading.InsufficientBalance.selector, demander, paidIn, available, needed
        );
    }
}
