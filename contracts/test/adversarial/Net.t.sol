// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {ICapacityExchange} from "../../src/interfaces/ICapacityExchange.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";
import {NetBase} from "../base/NetBase.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice Adversarial cases 67 to 80: who tries to settle a cycle that not all have signed, to be paid for what another
/// sold, or to settle one trade twice. The demander buys four hours of m1 of the supplier for 100.
contract AdversarialNetTest is NetBase, EscrowBase {
    uint64 private constant NOT_BEFORE = NOW + 100;
    uint256 private constant ACCOMPLICE_KEY = 0xacc0;

    function setUp() public override(SettleBase, EscrowBase) {
        super.setUp();
    }

    /// @dev The demander pays, the supplier's units are sold, and an accomplice's row takes the payment.
    function test_case67_payment_to_an_accomplice() public {
        (INetSettlement.NetBatch memory batch, uint256 accomplice) = _withAccomplice();
        uint256 selling = _rowOf(batch, supplier);
        batch.rows[2 * selling + 1] = uint256(1) << 160;
        batch.rows[2 * accomplice + 1] = 100;
        // The supplier sees a sale of its own for which it is paid nothing, and does not sign.
        uint256[3] memory signers = _signersOf(batch);
        signers[selling] = ACCOMPLICE_KEY;
        _refuses(stranger, _callBy(batch, signers), _badSignature(supplier, vm.addr(ACCOMPLICE_KEY)));
        // Without its sale it would sign; then the sale has no row.
        batch.rows[2 * selling + 1] = 0;
        batch.rows[2 * accomplice + 1] |= uint256(1) << 160;
        batch.sales[1] = batch.sales[1] & ~(uint256(0xffffffff) << 96) | accomplice << 96;
        bytes memory reason = abi.encodeWithSelector(INetSettlement.NotTheSupplier.selector, 0);
        _refuses(stranger, _callBy(batch, _signersOf(batch)), reason);
    }

    /// @dev A listing's supplier that is not among the signers sells nothing.
    function test_case68_sale_of_one_who_did_not_sign() public {
        (INetSettlement.NetBatch memory batch,) = _withAccomplice();
        uint256 selling = _rowOf(batch, supplier);
        uint256[] memory rows = new uint256[](4);
        uint256 next = 0;
        for (uint256 i = 0; i < 3; ++i) {
            if (i == selling) continue;
            (rows[next], rows[next + 1]) = (batch.rows[2 * i], batch.rows[2 * i + 1]);
            if (address(uint160(rows[next])) != demander) rows[next + 1] = uint256(1) << 160 | 100;
            next += 2;
        }
        uint256 accomplice = address(uint160(rows[0])) == demander ? 1 : 0;
        batch.rows = rows;
        batch.sales[1] = accomplice << 96 | 4;
        bytes memory reason = abi.encodeWithSelector(INetSettlement.NotTheSupplier.selector, 0);
        _refuses(stranger, _callOf(batch), reason);
    }

    /// @dev A sale more than the supplier was shown, or one less: its row says how many they are.
    function test_case69_hidden_sale() public {
        _attested("m2", LISTED);
        _list("m2", LISTED);
        INetSettlement.NetBatch memory batch = _pair();
        uint256 selling = _rowOf(batch, supplier);
        uint256[] memory sales = new uint256[](4);
        (uint256 id, uint256 what) = _sale(_id("m2", 0), 10, 0, selling);
        uint256 first = id < batch.sales[0] ? 0 : 2;
        (sales[first], sales[first + 1]) = (id, what);
        (sales[2 - first], sales[3 - first]) = (batch.sales[0], batch.sales[1]);
        batch.sales = sales;
        bytes memory reason = abi.encodeWithSelector(INetSettlement.WrongSales.selector, selling);
        _refuses(stranger, _pairCall(batch), reason);
        batch.sales = new uint256[](0);
        _refuses(stranger, _pairCall(batch), reason);
    }

    /// @dev One listing sold twice in two sales that each fit.
    function test_case70_one_listing_in_two_sales() public {
        INetSettlement.NetBatch memory batch = _pair();
        uint256 selling = _rowOf(batch, supplier);
        uint256[] memory sales = new uint256[](4);
        (sales[0], sales[1]) = _sale(_id("m1", 0), LISTED, 0, selling);
        (sales[2], sales[3]) = (sales[0], sales[1]);
        (batch.sales, batch.rows[2 * selling + 1]) = (sales, batch.rows[2 * selling + 1] + (uint256(1) << 160));
        _refuses(stranger, _pairCall(batch), abi.encodeWithSelector(INetSettlement.UnsortedSale.selector, 1));
    }

    /// @dev An account in two rows would pay from one balance twice.
    function test_case71_one_account_in_two_rows() public {
        (INetSettlement.NetBatch memory batch,) = _withAccomplice();
        (batch.rows[2], batch.rows[3]) = (batch.rows[0], batch.rows[1]);
        uint256[3] memory signers = _signersOf(batch);
        _refuses(stranger, _callBy(batch, signers), abi.encodeWithSelector(INetSettlement.UnsortedRow.selector, 1));
    }

    /// @dev A credit that carries into the epoch and out of the balance.
    function test_case72_credit_that_overflows_a_balance() public {
        INetSettlement.NetBatch memory batch = _pair();
        uint256 amount = type(uint128).max - FUNDS + 1;
        batch.rows[2 * _rowOf(batch, supplier) + 1] = uint256(1) << 160 | amount;
        _refuses(stranger, _pairCall(batch), abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, amount));
    }

    /// @dev Salts stand beside amounts and directions and change neither, though all their bits are set.
    function test_case73_salts_that_reach_into_amounts() public {
        INetSettlement.NetBatch memory batch = _pair();
        for (uint256 i = 0; i < 2; ++i) {
            batch.rows[2 * i + 1] |= ~uint256(0) << 184;
        }
        batch.sales[1] |= ~uint256(0) << 128;
        _as(stranger, _pairCall(batch));
        vm.assertEq(_balance(supplier), FUNDS + 100);
        vm.assertEq(_balance(demander), FUNDS - 100);
        vm.assertEq(_listing("m1").available, LISTED - 4);
    }

    /// @dev A trade agreed for a cycle, on every other path there is, escrow included.
    function test_case74_trade_of_a_cycle_on_another_path() public {
        IResourceTrading.SignedTrade[] memory trades = _agreed();
        IResourceTrading.Trade memory trade = trades[0].trade;
        bytes memory bundled = abi.encodeWithSelector(IResourceTrading.Bundled.selector, trade.bundle);
        vm.warp(NOT_BEFORE);
        _refusesTrade(trades[0], bundled);
        bytes memory wrong = abi.encodeWithSelector(
            IResourceTrading.WrongBundle.selector, trade.bundle, keccak256(abi.encode(_part(trade)))
        );
        _refuses(stranger, abi.encodeCall(exchange.settleBundle, (trades, _none())), wrong);
        IResourceEscrow.EscrowedTrade[] memory escrowed = new IResourceEscrow.EscrowedTrade[](1);
        escrowed[0] = _escrowedTrade(trade, _escrow());
        _refuses(stranger, abi.encodeCall(exchange.settleEscrow, (escrowed[0], _none())), bundled);
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(
            0, IResourceTrading.Bundled.selector, exchange.escrowDigestOf(trade, _escrow()), trade.listing, demander
        );
        exchange.settleEscrowBatch(escrowed, _none());
        vm.prank(stranger);
        (bool ok, bytes memory answer) =
            address(exchange).call(abi.encodeCall(exchange.settleEscrowBundle, (escrowed, _none())));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(IResourceTrading.WrongBundle.selector));
        vm.assertEq(_balance(demander), FUNDS);
    }

    function test_case75_one_trade_in_a_cycle_and_late() public {
        bytes memory late = abi.encodeCall(exchange.settleLate, (_agreed(), NOT_BEFORE, _none()));
        bytes memory cycle = _pairCall(_pair());
        uint256 snapshot = vm.snapshotState();
        _as(stranger, cycle);
        vm.warp(NOT_BEFORE);
        _refuses(stranger, late, _nonceUsed(0));
        vm.assertTrue(vm.revertToState(snapshot));
        vm.warp(NOT_BEFORE);
        _as(stranger, late);
        _refuses(stranger, cycle, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, demander, 1));
        vm.assertEq(_balance(supplier), FUNDS + 100);
    }

    /// @dev A time of one's own choosing, sent with the trade.
    function test_case76_late_settlement_ahead_of_its_time() public {
        IResourceTrading.SignedTrade[] memory trades = _agreed();
        bytes memory call = abi.encodeCall(exchange.settleLate, (trades, NOT_BEFORE, _none()));
        vm.warp(NOT_BEFORE - 1);
        _refuses(demander, call, abi.encodeWithSelector(INetSettlement.LateOnly.selector, NOT_BEFORE, NOT_BEFORE - 1));
        bytes32 given = _netBundle(NOW, keccak256(abi.encode(_part(trades[0].trade))));
        _refuses(
            demander,
            abi.encodeCall(exchange.settleLate, (trades, NOW, _none())),
            abi.encodeWithSelector(IResourceTrading.WrongBundle.selector, trades[0].trade.bundle, given)
        );
    }

    /// @dev The same accounts, listings and batch in another exchange.
    function test_case77_batch_of_another_exchange() public {
        INetSettlement.NetBatch memory batch = _pair();
        bytes memory call = _pairCall(batch);
        ICapacityExchange here = exchange;
        exchange = _deploy(operatorAccounts, 2, address(token));
        bytes32 digest = exchange.netDigestOf(batch);
        vm.assertTrue(digest != here.netDigestOf(batch));
        address first = address(uint160(batch.rows[0]));
        uint256 key = first == supplier ? SUPPLIER_KEY : DEMANDER_KEY;
        address other = _recovered(digest, _compact(key, here.netDigestOf(batch)));
        _refuses(stranger, call, _badSignature(first, other));
        exchange = here;
        _as(stranger, call);
    }

    /// @dev Withdrawing a listing, or raising an epoch, stops a cycle like everything else that was signed.
    function test_case78_cycle_after_its_supplier_withdrew() public {
        bytes memory call = _pairCall(_pair());
        uint256 snapshot = vm.snapshotState();
        _as(supplier, abi.encodeCall(exchange.unlist, ("m1", 0, LISTED)));
        _list("m1", LISTED);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, 0, uint32(NOW)));
        vm.assertTrue(vm.revertToState(snapshot));
        _attest(_attestation("m1", _quantities(3), 2));
        _refuses(
            stranger,
            call,
            abi.encodeWithSelector(IResourceVerification.InsufficientListing.selector, _id("m1", 0), 3, 4)
        );
        vm.assertTrue(vm.revertToState(snapshot));
        _cancel(supplier, 1);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, supplier, 1));
    }

    /// @dev A cycle that names the epoch after the current one does not open it ahead of its time.
    function test_case79_cycle_for_an_epoch_to_come() public {
        INetSettlement.NetBatch memory batch = _pair();
        batch.rows[2 * _rowOf(batch, demander) + 1] += uint256(1) << 128;
        bytes memory call = _pairCall(batch);
        bytes memory reason = abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, demander, 1, 0);
        _refuses(stranger, call, reason);
        _cancel(demander, type(uint96).max);
        reason = abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, demander, 1, uint32(NOW));
        _refuses(stranger, call, reason);
    }

    /// @dev What a demander has in escrow, its deposits included, pays no cycle.
    function test_case80_money_in_escrow_pays_no_cycle() public {
        INetSettlement.NetBatch memory batch = _pair();
        for (uint256 i = 0; i < 2; ++i) {
            batch.rows[2 * i] = uint160(batch.rows[2 * i]) | uint256(2) << 160;
            batch.rows[2 * i + 1] += 900;
        }
        bytes memory call = _pairCall(batch);
        _escrowed();
        bytes memory reason = abi.encodeWithSelector(
            IAccounts.InsufficientBalance.selector, demander, address(token), FUNDS - 100 - DEPOSIT, 1000
        );
        _refuses(stranger, call, reason);
    }

    /// @dev The pair with a third account, which has 1000 and whose row changes nothing yet; and its row.
    function _withAccomplice() private returns (INetSettlement.NetBatch memory batch, uint256 accomplice) {
        _fund(vm.addr(ACCOMPLICE_KEY), FUNDS);
        batch = _pair();
        uint256[] memory rows = new uint256[](6);
        (uint256 who, uint256 what) = _row(vm.addr(ACCOMPLICE_KEY), 1, 0, 0, 0, 0);
        accomplice = 2;
        uint256 next = 0;
        for (uint256 i = 0; i < 3; ++i) {
            bool here = next == i && (i == 2 || uint160(who) < uint160(batch.rows[2 * i]));
            (rows[2 * i], rows[2 * i + 1]) = here ? (who, what) : (batch.rows[2 * next], batch.rows[2 * next + 1]);
            if (here) accomplice = i;
            else ++next;
        }
        batch.rows = rows;
        uint256 selling = _rowOf(batch, supplier);
        batch.sales[1] = batch.sales[1] & ~(uint256(0xffffffff) << 96) | selling << 96;
    }

    function _rowOf(INetSettlement.NetBatch memory batch, address account) private pure returns (uint256 row) {
        while (address(uint160(batch.rows[2 * row])) != account) ++row;
    }

    /// @dev The keys of the three accounts, in the order of the rows.
    function _signersOf(INetSettlement.NetBatch memory batch) private view returns (uint256[3] memory signers) {
        for (uint256 i = 0; i < 3; ++i) {
            signers[i] = _keyOf(address(uint160(batch.rows[2 * i])));
        }
    }

    function _keyOf(address account) private view returns (uint256) {
        if (account == supplier) return SUPPLIER_KEY;
        return account == demander ? DEMANDER_KEY : ACCOMPLICE_KEY;
    }

    function _callBy(INetSettlement.NetBatch memory batch, uint256[3] memory signers)
        private
        view
        returns (bytes memory)
    {
        bytes32 digest = exchange.netDigestOf(batch);
        IResourceTrading.Signature[] memory signatures = new IResourceTrading.Signature[](3);
        for (uint256 i = 0; i < 3; ++i) {
            signatures[i] = _compact(signers[i], digest);
        }
        return abi.encodeCall(exchange.settleNet, (batch, signatures, _none()));
    }

    /// @dev Signed by all rows' accounts.
    function _callOf(INetSettlement.NetBatch memory batch) private view returns (bytes memory) {
        bytes32 digest = exchange.netDigestOf(batch);
        IResourceTrading.Signature[] memory signatures = new IResourceTrading.Signature[](batch.rows.length / 2);
        for (uint256 i = 0; i < signatures.length; ++i) {
            signatures[i] = _compact(_keyOf(address(uint160(batch.rows[2 * i]))), digest);
        }
        return abi.encodeCall(exchange.settleNet, (batch, signatures, _none()));
    }

    /// @dev The trade of the pair alone, agreed for a cycle.
    function _agreed() private view returns (IResourceTrading.SignedTrade[] memory trades) {
        IResourceTrading.Trade memory trade = _trade();
        trade.bundle = _netBundle(NOT_BEFORE, keccak256(abi.encode(_part(trade))));
        trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signed(trade);
    }

    /// @dev hashStruct of an instant trade with `bundle` zero, from its digest's definition.
    function _part(IResourceTrading.Trade memory trade) private pure returns (bytes32) {
        bytes32 bundle = trade.bundle;
        trade.bundle = 0;
        IResourceEscrow.Escrow memory zero;
        string memory escrow = "Escrow(bytes32 resource,uint64 slot,uint64 deliverFrom,uint64 deliverBy,uint64 disputeBy,"
            "uint64 decideBy,uint16 lateShare,uint16 silenceShare,uint16 undecidedShare,uint128 bond,uint16 latePenalty,"
            "uint16 exitPenalty)";
        bytes32 typeHash = keccak256(
            abi.encodePacked(
                "Trade(bytes32 listing,address demander,address token,uint64 quantity,uint128 unitPrice,uint64 validUntil,"
                "uint64 nonce,uint64 supplierNonce,uint64 listingEpoch,bytes32 transcript,bytes32 bundle,Escrow escrow)",
                escrow
            )
        );
        bytes32 terms = keccak256(abi.encode(keccak256(bytes(escrow)), zero));
        bytes32 part = keccak256(abi.encode(typeHash, trade, terms));
        trade.bundle = bundle;
        return part;
    }

    function _netBundle(uint64 notBefore, bytes32 product) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("fabmarket/net/1"), notBefore, product));
    }

    function _stateHash() internal view override(ExchangeBase, EscrowBase) returns (bytes32) {
        return super._stateHash();
    }
}
