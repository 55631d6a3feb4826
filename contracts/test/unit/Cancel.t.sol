// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

contract CancelTest is SettleBase {
    function test_voidsTheNoncesOfTheMaskAndSaysSo() public {
        vm.expectEmit(address(exchange));
        emit IAccounts.NoncesCancelled(demander, address(token), 0, 1 << 95 | 1);
        _cancel(demander, 1 << 95 | 1);
        IResourceTrading.Trade memory trade = _trade();
        _refusesTrade(trade, _nonceUsed(0));
        trade.nonce = 95;
        _refusesTrade(trade, _nonceUsed(95));
        trade.nonce = 94;
        _settle(trade);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 1 << 95 | 1 << 94 | 1);
    }

    function test_theSupplierVoidsOneTradeAlone() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.supplierNonce = 7;
        IResourceTrading.Trade memory other = _trade();
        (other.supplierNonce, other.nonce) = (8, 1);
        _cancel(supplier, 1 << 7);
        _refusesTrade(trade, _suppliersNonceUsed(7));
        _settle(other);
        vm.assertEq(exchange.accountOf(supplier, address(token)).used, 1 << 7);
        // The demander's nonce of the voided trade is as good as before.
        trade.supplierNonce = 9;
        _settle(trade);
    }

    function test_theSupplierVoidsAllTradesThatShareABit() public {
        IResourceTrading.Trade memory trade = _trade();
        _settle(trade);
        _cancel(supplier, 1 << 95);
        for (uint64 nonce = 1; nonce < 3; ++nonce) {
            trade.nonce = nonce;
            _refusesTrade(trade, _suppliersNonceUsed(95));
        }
    }

    /// @dev An account has one set of nonces: what it used up as a demander, it cannot sell under.
    function test_anAccountsBitsAreTheSameOnBothSides() public {
        _fund(supplier, FUNDS);
        _cancel(supplier, 1);
        IResourceTrading.Trade memory trade = _trade();
        trade.supplierNonce = 0;
        _refusesTrade(trade, _suppliersNonceUsed(0));
        trade.supplierNonce = 1;
        _settle(trade);
        // As demander of a stranger's listing the same account uses bit 1 up.
        _buyFromStranger(1);
        trade.nonce = 1;
        _refusesTrade(trade, _suppliersNonceUsed(1));
    }

    function test_isOfTheCallersNoncesInOneTokenOnly() public {
        _cancel(supplier, 1);
        _cancel(stranger, type(uint96).max);
        _as(demander, abi.encodeCall(exchange.cancel, (stranger, 1)));
        _as(supplier, abi.encodeCall(exchange.cancel, (stranger, 1 << 95)));
        _settle(_trade());
    }

    function test_nothingIsCancelledByAnEmptyMask() public {
        _cancel(demander, 0);
        _settle(_trade());
    }

    function test_raisedEpochVoidsEverythingAndGivesNewNonces() public {
        _settle(_trade());
        vm.expectEmit(address(exchange));
        emit IAccounts.EpochRaised(demander, address(token), uint32(NOW));
        _raiseEpoch(demander);
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        _refusesTrade(trade, _wrongEpoch(demander, 0, NOW));
        trade.nonce = NOW << 8;
        _settle(trade);
        IAccounts.Account memory account = exchange.accountOf(demander, address(token));
        vm.assertEq(account.balance, FUNDS - 200);
        vm.assertEq(account.epoch, NOW);
        vm.assertEq(account.used, 1);
    }

    function test_raisedEpochOfTheSupplierVoidsWhatItSold() public {
        _raiseEpoch(supplier);
        IResourceTrading.Trade memory trade = _trade();
        _refusesTrade(trade, _wrongEpoch(supplier, 0, NOW));
        trade.supplierNonce = NOW << 8 | 95;
        _settle(trade);
        vm.assertEq(exchange.accountOf(supplier, address(token)).epoch, NOW);
        vm.assertEq(exchange.accountOf(supplier, address(token)).used, 0);
        vm.assertEq(_balance(supplier), 100);
    }

    function test_theEpochIsOfOneToken() public {
        _as(demander, abi.encodeCall(exchange.raiseEpoch, (stranger)));
        _as(supplier, abi.encodeCall(exchange.raiseEpoch, (stranger)));
        _settle(_trade());
    }

    /// @dev The time, or two more than the old epoch where that is later.
    function test_theEpochJumpsToTheTimeOrByTwo() public {
        uint64[5] memory expected = [NOW, NOW + 2, NOW + 4, NOW + 6, NOW + 8];
        uint64[5] memory times = [NOW, NOW, NOW + 3, NOW + 6, NOW + 8];
        for (uint256 i = 0; i < times.length; ++i) {
            vm.warp(times[i]);
            _raiseEpoch(demander);
            vm.assertEq(exchange.accountOf(demander, address(token)).epoch, expected[i]);
        }
        vm.warp(NOW + 11);
        _raiseEpoch(demander);
        vm.assertEq(exchange.accountOf(demander, address(token)).epoch, NOW + 11);
    }

    function _buyFromStranger(uint64 nonce) private {
        _as(stranger, abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, HOUR)));
        address seller = supplier;
        supplier = stranger;
        _attest(_attestation("m1", _quantities(LISTED), 1));
        _list("m1", LISTED);
        IResourceTrading.Trade memory trade = _trade();
        (trade.demander, trade.nonce, supplier) = (seller, nonce, seller);
        bytes32 digest = exchange.digestOf(trade);
        _as(
            stranger,
            _settleCall(
                IResourceTrading.SignedTrade(trade, _compact(SUPPLIER_KEY, digest), _compact(STRANGER_KEY, digest))
            )
        );
    }
}
