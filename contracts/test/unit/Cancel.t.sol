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

    function test_isOfTheCallersNoncesInOneTokenOnly() public {
        _cancel(supplier, 1);
        _as(demander, abi.encodeCall(exchange.cancel, (stranger, 1)));
        _settle(_trade());
    }

    function test_nothingIsCancelledByAnEmptyMask() public {
        _cancel(demander, 0);
        _settle(_trade());
    }

    function test_raisedEpochVoidsEverythingAndGivesNewNonces() public {
        _settle(_trade());
        vm.expectEmit(address(exchange));
        emit IAccounts.EpochRaised(demander, address(token), 2);
        _raiseEpoch(demander);
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        _refusesTrade(trade, abi.encodeWithSelector(IResourceTrading.WrongDemanderEpoch.selector, 0, 2));
        (trade.nonce, trade.demanderEpoch) = (0, 2);
        _settle(trade);
        IAccounts.Account memory account = exchange.accountOf(demander, address(token));
        vm.assertEq(account.balance, FUNDS - 200);
        vm.assertEq(account.epoch, 2);
        vm.assertEq(account.used, 1);
    }

    function test_theEpochIsOfOneToken() public {
        _as(demander, abi.encodeCall(exchange.raiseEpoch, (stranger)));
        _settle(_trade());
    }
}
