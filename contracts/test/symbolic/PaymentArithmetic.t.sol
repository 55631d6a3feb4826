// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice Money moves as signed, to the unit, and none is made or lost.
contract PaymentArithmetic is SymbolicBase {
    /// A 64-bit quantity times a 128-bit price fits 192 bits: the unchecked product of a settlement cannot wrap.
    function check_productFits192Bits(uint64 quantity, uint128 unitPrice) public pure {
        unchecked {
            assert(uint256(quantity) * unitPrice >> 192 == 0);
        }
    }

    /// A settlement moves exactly quantity * unitPrice from the demander's balance to the supplier's. Both together fit 128
    /// bits: deposits see to that.
    function check_settleMovesThePayment(uint256 time, IResourceTrading.SignedTrade calldata signed) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        address supplier = _listing(trade.listing).supplier;
        uint256 buyer = exchange.balanceOf(trade.demander, trade.token);
        IAccounts.Account memory seller = _account(supplier, trade.token);
        _assumeFits(trade, 0);
        if (!_settles(signed)) return;
        uint256 payment = _product(trade);
        unchecked {
            assert(payment <= buyer && exchange.balanceOf(trade.demander, trade.token) == buyer - payment);
            assert(exchange.balanceOf(supplier, trade.token) == seller.balance + payment);
        }
        IAccounts.Account memory paid = _account(supplier, trade.token);
        assert(paid.epoch == seller.epoch && paid.used == seller.used);
    }

    /// No account but the two parties' in the token of the trade is changed by a settlement.
    function check_settleTouchesNoOtherAccount(
        uint256 time,
        IResourceTrading.SignedTrade calldata signed,
        address account,
        address token
    ) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        vm.assume(token != trade.token || (account != trade.demander && account != _listing(trade.listing).supplier));
        IAccounts.Account memory before = _account(account, token);
        if (!_settles(signed)) return;
        assert(_same(_account(account, token), before));
    }

    /// The refusal InsufficientBalance means that the payment exceeds the balance; what settles does not.
    function check_settleRefusesOnlyWhatIsNotThere(uint256 time, IResourceTrading.SignedTrade calldata signed) public {
        vm.warp(time);
        bool affordable = _product(signed.trade) <= exchange.balanceOf(signed.trade.demander, signed.trade.token);
        (bool ok, bytes memory answer) = _call(abi.encodeCall(exchange.settle, (signed, noProofs)));
        if (ok) assert(affordable);
        else if (_reason(answer) == IAccounts.InsufficientBalance.selector) assert(!affordable);
    }
}
