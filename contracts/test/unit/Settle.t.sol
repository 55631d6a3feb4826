// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SettleBase} from "../base/SettleBase.sol";

contract SettleTest is SettleBase {
    function test_movesPaymentAndQuantityAndRecordsIt() public {
        IResourceTrading.Trade memory trade = _trade();
        bytes memory call = _settleCall(_signed(trade));
        _expectSettled(trade, exchange.digestOf(trade));
        _as(stranger, call);
        vm.assertEq(_balance(demander), FUNDS - 100);
        vm.assertEq(_balance(supplier), 100);
        vm.assertEq(_balance(stranger), 0);
        vm.assertEq(token.balanceOf(address(exchange)), FUNDS);
        vm.assertEq(_listing("m1").available, LISTED - 4);
        vm.assertEq(_slot("m1").committed, LISTED);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 1);
        vm.assertEq(exchange.accountOf(supplier, address(token)).used, 0);
    }

    function test_fillsUntilTheListingIsEmpty() public {
        uint64[4] memory fills = [uint64(1), 2, 3, 4];
        IResourceTrading.Trade memory trade = _trade();
        for (uint256 i = 0; i < fills.length; ++i) {
            (trade.quantity, trade.nonce) = (fills[i], uint64(i));
            _settle(trade);
        }
        vm.assertEq(_listing("m1").available, 0);
        vm.assertEq(_balance(supplier), 250);
    }

    function test_doesNotSellDeliveredCapacityAgain() public {
        _settle(_trade());
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 1)))),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 1, LISTED, LISTED)
        );
    }

    function test_suppliersGainCanBeWithdrawn() public {
        _settle(_trade());
        _as(supplier, _withdrawCall(100, supplier));
        vm.assertEq(token.balanceOf(supplier), 100);
    }

    function test_theLastNonceIs95() public {
        IResourceTrading.Trade memory trade = _trade();
        for (uint64 bit = 96; bit < 256; bit += 53) {
            trade.nonce = bit;
            _refusesTrade(trade, _nonceUsed(bit));
        }
        trade.nonce = 95;
        _settle(trade);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 1 << 95);
        vm.assertEq(_balance(demander), FUNDS - 100);
    }

    function test_theSuppliersLastNonceIs95Too() public {
        IResourceTrading.Trade memory trade = _trade();
        for (uint64 bit = 96; bit < 256; bit += 53) {
            trade.supplierNonce = bit;
            _refusesTrade(trade, _suppliersNonceUsed(bit));
        }
        trade.supplierNonce = 95;
        _settle(trade);
    }

    function test_tradesMayShareTheSuppliersBitWhichStaysUnused() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.quantity = 1;
        for (uint64 nonce = 0; nonce < 3; ++nonce) {
            trade.nonce = nonce;
            _settle(trade);
        }
        vm.assertEq(exchange.accountOf(supplier, address(token)).used, 0);
        vm.assertEq(_balance(supplier), 75);
    }

    function test_theFirstTradeOfTheNextEpochOpensItWhenAllNoncesAreUsed() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1 << 8 | 7;
        _cancel(demander, type(uint96).max - 1);
        _refusesTrade(trade, _wrongEpoch(demander, 1, 0));
        trade.nonce = 0;
        _settle(trade);
        trade.nonce = 2 << 8 | 7;
        _refusesTrade(trade, _wrongEpoch(demander, 2, 0));
        trade.nonce = 1 << 8 | 7;
        _settle(trade);
        IAccounts.Account memory account = exchange.accountOf(demander, address(token));
        vm.assertEq(account.epoch, 1);
        vm.assertEq(account.used, 1 << 7);
        vm.assertEq(account.balance, FUNDS - 200);
        (trade.nonce, trade.quantity) = (7, 1);
        _refusesTrade(trade, _wrongEpoch(demander, 0, 1));
    }

    /// @dev Selling opens no epoch: a supplier's trade is of its current one.
    function test_aSupplierWithAllNoncesUsedSellsAfterRaisingItsEpoch() public {
        _useUp(supplier);
        IResourceTrading.Trade memory trade = _trade();
        _refusesTrade(trade, _suppliersNonceUsed(95));
        trade.supplierNonce = 1 << 8;
        _refusesTrade(trade, _wrongEpoch(supplier, 1, 0));
        _raiseEpoch(supplier);
        trade.supplierNonce = NOW << 8;
        _settle(trade);
    }

    function test_aRefusedTradeDoesNotOpenAnEpoch() public {
        IResourceTrading.Trade memory trade = _trade();
        _useUp(demander);
        trade.nonce = 1 << 8;
        trade.unitPrice = 251;
        _refusesTrade(trade, _insufficientBalance(address(token), FUNDS, 1004));
        (trade.unitPrice, trade.nonce) = (25, 1 << 8 | 96);
        _refusesTrade(trade, _nonceUsed(1 << 8 | 96));
    }

    function test_refusesUnknownListing() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = keccak256("nothing");
        _refusesTrade(trade, abi.encodeWithSelector(IResourceVerification.UnknownListing.selector, trade.listing));
    }

    function test_refusesOtherListingEpoch() public {
        IResourceTrading.Trade memory trade = _trade();
        uint64[2] memory wrong = [uint64(1), 2 ** 32];
        for (uint256 i = 0; i < wrong.length; ++i) {
            trade.listingEpoch = wrong[i];
            _refusesTrade(
                trade, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, trade.listingEpoch, 0)
            );
        }
    }

    function test_refusesAnotherEpochOfEitherParty() public {
        uint64[3] memory wrong = [uint64(1), 2 ** 32, 2 ** 56 - 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            IResourceTrading.Trade memory trade = _trade();
            trade.nonce = wrong[i] << 8 | 1;
            _refusesTrade(trade, _wrongEpoch(demander, wrong[i], 0));
            (trade.nonce, trade.supplierNonce) = (0, wrong[i] << 8 | 1);
            _refusesTrade(trade, _wrongEpoch(supplier, wrong[i], 0));
        }
    }

    function test_refusesBundledTrade() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.bundle = "product";
        _refusesTrade(trade, abi.encodeWithSelector(IResourceTrading.Bundled.selector, trade.bundle));
    }

    function test_refusesMoreThanTheBalance() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.unitPrice = 251;
        _refusesTrade(trade, _insufficientBalance(address(token), FUNDS, 1004));
        trade.unitPrice = 250;
        _settle(trade);
        vm.assertEq(_balance(demander), 0);
    }

    function test_refusesTokenTheExchangeDoesNotHold() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.token = stranger;
        _refusesTrade(trade, _insufficientBalance(stranger, 0, 100));
    }

    /// @dev One trade with every fault at once, healed one fault at a time.
    function test_checksInTheDocumentedOrder() public {
        IResourceTrading.Trade memory trade = _trade();
        bytes32 listing = trade.listing;
        _settle(trade);
        (trade.quantity, trade.unitPrice, trade.listing, trade.bundle) = (0, 0, "nowhere", "product");
        (trade.validUntil, trade.listingEpoch, trade.demander) = (NOW, 1, supplier);
        (trade.nonce, trade.supplierNonce) = (1 << 8, 1 << 8);
        _cancel(supplier, 2);

        _refusesUnsigned(trade, abi.encodeWithSelector(IResourceTrading.Bundled.selector, bytes32("product")));
        trade.bundle = 0;
        _refusesUnsigned(trade, abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector));
        trade.quantity = LISTED + 1;
        _refusesUnsigned(trade, abi.encodeWithSelector(IResourceTrading.ZeroPrice.selector));
        trade.unitPrice = 1000;
        _refusesUnsigned(
            trade, abi.encodeWithSelector(IResourceVerification.UnknownListing.selector, bytes32("nowhere"))
        );
        trade.listing = listing;
        _refusesUnsigned(trade, abi.encodeWithSelector(IResourceTrading.TradeExpired.selector, NOW, NOW));
        trade.validUntil = NOW + 2 * HOUR;
        _refusesUnsigned(
            trade, abi.encodeWithSelector(IResourceTrading.ValidPastSlot.selector, NOW + 2 * HOUR, NOW + HOUR)
        );
        trade.validUntil = NOW + HOUR;
        _refusesUnsigned(trade, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, 1, 0));
        trade.listingEpoch = 0;
        _refusesUnsigned(trade, abi.encodeWithSelector(IResourceTrading.SelfTrade.selector, supplier));
        trade.demander = demander;
        _refusesUnsigned(trade, _badSignature(demander, address(0)));
        IResourceTrading.SignedTrade memory half = _signed(trade);
        half.supplier = IResourceTrading.Signature(0, 0);
        _refusesTrade(half, _badSignature(supplier, address(0)));
        _refusesTrade(trade, _insufficientListing(trade, LISTED - 4));
        trade.quantity = 6;
        _refusesTrade(trade, _wrongEpoch(supplier, 1, 0));
        trade.supplierNonce = 1;
        _refusesTrade(trade, _suppliersNonceUsed(1));
        trade.supplierNonce = 95;
        _refusesTrade(trade, _wrongEpoch(demander, 1, 0));
        trade.nonce = 0;
        _refusesTrade(trade, _nonceUsed(0));
        trade.nonce = 1;
        _refusesTrade(trade, _insufficientBalance(address(token), FUNDS - 100, 6000));
        trade.unitPrice = 1;
        _settle(trade);
    }

    function testFuzz_conservesMoneyAndCapacity(uint64 quantity, uint64 unitPrice, uint8 nonce, uint8 bit) public {
        _attested("m2", type(uint64).max);
        _list("m2", type(uint64).max);
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = _id("m2", 0);
        trade.quantity = quantity == 0 ? 1 : quantity;
        trade.unitPrice = unitPrice == 0 ? 1 : unitPrice;
        (trade.nonce, trade.supplierNonce) = (nonce % 96, bit % 96);
        uint256 payment = uint256(trade.quantity) * trade.unitPrice;
        if (payment + FUNDS > type(uint128).max) trade.unitPrice /= 2;
        payment = uint256(trade.quantity) * trade.unitPrice;
        _fund(demander, payment);
        _settle(trade);
        vm.assertEq(_balance(demander), FUNDS);
        vm.assertEq(_balance(supplier), payment);
        vm.assertEq(_listing("m2").available, type(uint64).max - trade.quantity);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, uint256(1) << nonce % 96);
        vm.assertEq(exchange.accountOf(supplier, address(token)).used, 0);
        vm.assertEq(exchange.totalOf(address(token)), payment + FUNDS);
    }

    function _refusesUnsigned(IResourceTrading.Trade memory trade, bytes memory reason) private {
        IResourceTrading.Signature memory nobodys = IResourceTrading.Signature(0, 0);
        _refusesTrade(IResourceTrading.SignedTrade(trade, nobodys, nobodys), reason);
    }
}
