// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IModule} from "../../src/interfaces/IModules.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {NetBase} from "../base/NetBase.sol";

/// @notice A cycle of six accounts: two sell 40 units each and are paid 1000 each, four pay 500 each.
contract SettleNetTest is NetBase {
    uint256 private constant HAD = 1_000_000;

    function setUp() public override {
        super.setUp();
        _cycle(6, 2);
    }

    function test_appliesEveryChangeAndRecordsTheCycle() public {
        INetSettlement.NetBatch memory batch = _batch();
        bytes memory call = _netCall(batch);
        bytes32 digest = exchange.netDigestOf(batch);
        uint256 total = exchange.totalOf(address(token));
        vm.expectEmit(address(exchange));
        emit INetSettlement.NetSettled(digest, address(token), batch.trades, batch.rows, batch.sales);
        _as(stranger, call);
        for (uint256 i = 0; i < 6; ++i) {
            bool sells = keys[i] < FIRST_KEY + 2;
            IAccounts.Account memory account = exchange.accountOf(vm.addr(keys[i]), address(token));
            vm.assertEq(account.balance, sells ? HAD + 1000 : HAD - 500);
            vm.assertEq(account.used, 0x1f);
            vm.assertEq(account.epoch, 0);
            if (sells) vm.assertEq(exchange.listingOf(_idOf(vm.addr(keys[i]))).available, 960);
        }
        vm.assertEq(exchange.totalOf(address(token)), total);
    }

    function test_aSupplierMayBuyMoreThanItSells() public {
        INetSettlement.NetBatch memory batch = _batch();
        uint256 seller = _sellerRow();
        // It pays 200 instead of being paid 1000; who pays first pays 1200 less, and is paid.
        batch.rows[2 * seller + 1] = uint256(1) << 176 | uint256(1) << 160 | 200;
        uint256 payer = _payerRow();
        batch.rows[2 * payer + 1] = 700;
        _as(stranger, _netCall(batch));
        vm.assertEq(_balance(vm.addr(keys[seller])), HAD - 200);
        vm.assertEq(_balance(vm.addr(keys[payer])), HAD + 700);
    }

    function test_aSupplierSellsSeveralListings() public {
        supplier = vm.addr(keys[_sellerRow()]);
        _attested("m2", 10);
        _list("m2", 10);
        INetSettlement.NetBatch memory batch = _batch();
        batch.rows[2 * _sellerRow() + 1] += uint256(1) << 160;
        uint256[] memory sales = new uint256[](6);
        (uint256 id, uint256 what) = _sale(_id("m2", 0), 10, 0, _sellerRow());
        uint256 next = 0;
        for (uint256 i = 0; i < 3; ++i) {
            bool here = next == i && (i == 2 || id < batch.sales[2 * i]);
            (sales[2 * i], sales[2 * i + 1]) = here ? (id, what) : (batch.sales[2 * next], batch.sales[2 * next + 1]);
            if (!here) ++next;
        }
        batch.sales = sales;
        _as(stranger, _netCall(batch));
        vm.assertEq(_listing("m2").available, 0);
    }

    /// @dev Whose trades cancel out uses up its nonces all the same.
    function test_anAccountMayComeOutEven() public {
        INetSettlement.NetBatch memory batch = _batch();
        uint256 payer = _payerRow();
        batch.rows[2 * payer + 1] = 0;
        batch.rows[2 * _sellerRow() + 1] -= 500;
        _as(stranger, _netCall(batch));
        vm.assertEq(_balance(vm.addr(keys[payer])), HAD);
        vm.assertEq(exchange.accountOf(vm.addr(keys[payer]), address(token)).used, 0x1f);
    }

    function test_refusesMalformedBatches() public {
        bytes memory reason = abi.encodeWithSelector(INetSettlement.MalformedBatch.selector);
        INetSettlement.NetBatch memory batch = _batch();
        IResourceTrading.Signature[] memory signatures = _signatures(batch);
        IResourceTrading.Signature[] memory fewer = new IResourceTrading.Signature[](5);
        _refuses(stranger, _call(batch, fewer), reason);
        _refuses(stranger, _call(batch, new IResourceTrading.Signature[](7)), reason);
        _refuses(stranger, _call(batch, new IResourceTrading.Signature[](0)), reason);
        batch.rows = _shortened(batch.rows);
        _refuses(stranger, _call(batch, signatures), reason);
        batch = _batch();
        batch.sales = _shortened(batch.sales);
        _refuses(stranger, _call(batch, signatures), reason);
        (batch.rows, batch.sales) = (new uint256[](0), new uint256[](0));
        _refuses(stranger, _call(batch, new IResourceTrading.Signature[](0)), reason);
    }

    function test_refusesRowsThatDoNotAscend() public {
        INetSettlement.NetBatch memory batch = _batch();
        (batch.rows[4], batch.rows[5]) = (batch.rows[2], batch.rows[3]);
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.UnsortedRow.selector, 2));
        batch = _batch();
        (batch.rows[4], batch.rows[2]) = (batch.rows[2], batch.rows[4]);
        (keys[1], keys[2]) = (keys[2], keys[1]);
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.UnsortedRow.selector, 2));
        (keys[1], keys[2]) = (keys[2], keys[1]);
        batch = _batch();
        batch.rows[0] = uint256(1) << 160;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.UnsortedRow.selector, 0));
    }

    function test_refusesSalesThatDoNotAscend() public {
        INetSettlement.NetBatch memory batch = _batch();
        batch.sales[2] = batch.sales[0];
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.UnsortedSale.selector, 1));
        batch = _batch();
        (batch.sales[0], batch.sales[1], batch.sales[2], batch.sales[3]) =
        (batch.sales[2], batch.sales[3], batch.sales[0], batch.sales[1]);
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.UnsortedSale.selector, 1));
        batch.sales[0] = 0;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.UnsortedSale.selector, 0));
    }

    function test_refusesARowWithoutANonce() public {
        INetSettlement.NetBatch memory batch = _batch();
        batch.rows[6] = uint160(batch.rows[6]);
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.NoNonce.selector, 3));
    }

    function test_refusesADirectionThatIsNone() public {
        uint8[2] memory bad = [2, 255];
        for (uint256 i = 0; i < 2; ++i) {
            INetSettlement.NetBatch memory batch = _batch();
            uint256 row = _payerRow();
            batch.rows[2 * row + 1] = uint256(bad[i]) << 176 | 500;
            _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.BadDirection.selector, row));
        }
    }

    function test_refusesChangesThatDoNotSumToZero() public {
        INetSettlement.NetBatch memory batch = _batch();
        batch.rows[2 * _sellerRow() + 1] += 1;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.Unbalanced.selector, int256(1)));
        batch.rows[2 * _sellerRow() + 1] -= 2;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.Unbalanced.selector, int256(-1)));
    }

    /// @dev A credit beyond 128 bits would run over into the epoch.
    function test_refusesACreditBeyond128Bits() public {
        INetSettlement.NetBatch memory batch = _batch();
        uint256 most = type(uint128).max - HAD;
        batch.rows[2 * _sellerRow() + 1] = uint256(1) << 160 | (most + 1);
        _refusesBatch(batch, abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, most + 1));
        batch.rows[2 * _sellerRow() + 1] = uint256(1) << 160 | most;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.Unbalanced.selector, int256(most) - 1000));
    }

    function test_refusesAnotherRowThanTheSuppliers() public {
        INetSettlement.NetBatch memory batch = _batch();
        batch.sales[1] = batch.sales[3];
        batch.rows[2 * (batch.sales[3] >> 96 & 0xffffffff) + 1] += uint256(1) << 160;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.NotTheSupplier.selector, 0));
        batch = _batch();
        batch.sales[1] = 6 << 96 | 40;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.NotTheSupplier.selector, 0));
        batch.sales[1] = uint256(type(uint32).max) << 96 | 40;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.NotTheSupplier.selector, 0));
    }

    /// @dev So that a signer who sees its own sales alone knows that they are all.
    function test_refusesMoreOrFewerSalesThanARowSays() public {
        uint256 seller = _sellerRow();
        INetSettlement.NetBatch memory batch = _batch();
        for (uint256 row = 0; row < batch.rows.length / 2; ++row) {
            batch.rows[2 * row + 1] += uint256(1) << 160;
            _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.WrongSales.selector, row));
            batch.rows[2 * row + 1] -= uint256(1) << 160;
        }
        batch.rows[2 * seller + 1] -= uint256(1) << 160;
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.WrongSales.selector, seller));
        batch = _batch();
        batch.sales = new uint256[](0);
        _refusesBatch(batch, abi.encodeWithSelector(INetSettlement.WrongSales.selector, seller));
    }

    function test_refusesWhatListingsDoNotCover() public {
        INetSettlement.NetBatch memory batch = _batch();
        bytes32 id = bytes32(batch.sales[0]);
        batch.sales[1] += 961;
        _refusesBatch(batch, abi.encodeWithSelector(IResourceVerification.InsufficientListing.selector, id, 1000, 1001));
        batch.sales[1] -= 1001;
        _refusesBatch(batch, abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector));
        batch.sales[1] += 1000;
        _as(stranger, _netCall(batch));
        vm.assertEq(exchange.listingOf(id).available, 0);
    }

    function test_refusesAnUnknownListing() public {
        INetSettlement.NetBatch memory batch = _batch();
        batch.sales[0] = uint256(uint40(NOW + HOUR)) | 1 << 40;
        bytes memory reason =
            abi.encodeWithSelector(IResourceVerification.InsufficientListing.selector, bytes32(batch.sales[0]), 0, 40);
        _refusesBatch(batch, reason);
    }

    function test_refusesARaisedListingEpoch() public {
        INetSettlement.NetBatch memory batch = _batch();
        bytes memory call = _netCall(batch);
        _as(vm.addr(keys[_sellerRow()]), abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, 0, uint32(NOW)));
        uint256 sale = batch.sales[1] >> 96 & 0xffffffff == _sellerRow() ? 0 : 1;
        batch.sales[2 * sale + 1] |= uint256(NOW) << 64;
        _as(stranger, _netCall(batch));
    }

    function test_refusesFromValidUntilOnAndPastASlot() public {
        INetSettlement.NetBatch memory batch = _batch();
        batch.validUntil = NOW + HOUR + 1;
        _refusesBatch(
            batch, abi.encodeWithSelector(IResourceTrading.ValidPastSlot.selector, NOW + HOUR + 1, NOW + HOUR)
        );
        batch.validUntil = NOW + HOUR;
        bytes memory call = _netCall(batch);
        vm.warp(NOW + HOUR);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.TradeExpired.selector, NOW + HOUR, NOW + HOUR));
        vm.warp(NOW + HOUR - 1);
        _as(stranger, call);
    }

    function test_refusesInAPause() public {
        bytes memory call = _netCall(_batch());
        _pause(NOW + 10);
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.TradingPaused.selector, NOW + 10));
        vm.warp(NOW + 10);
        _as(stranger, call);
    }

    function test_refusesTwice() public {
        bytes memory call = _netCall(_batch());
        _as(stranger, call);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, vm.addr(keys[0]), 0x1f));
    }

    function test_oneMissingSignatureStopsAll() public {
        INetSettlement.NetBatch memory batch = _batch();
        for (uint256 i = 0; i < 6; ++i) {
            IResourceTrading.Signature[] memory signatures = _signatures(batch);
            signatures[i] = _compact(STRANGER_KEY, exchange.netDigestOf(batch));
            _refuses(stranger, _call(batch, signatures), _badSignature(vm.addr(keys[i]), stranger));
        }
    }

    /// @dev Nothing of what is sent can be changed, salts included.
    function test_refusesWhatWasNotSigned() public {
        INetSettlement.NetBatch memory signed = _batch();
        IResourceTrading.Signature[] memory signatures = _signatures(signed);
        INetSettlement.NetBatch[5] memory changed = [_batch(), _batch(), _batch(), _batch(), _batch()];
        changed[0].rows[3] ^= uint256(1) << 184;
        changed[1].sales[1] ^= uint256(1) << 128;
        changed[2].trades ^= bytes32(uint256(1));
        changed[3].validUntil += 1;
        changed[4].token = stranger;
        for (uint256 i = 0; i < 5; ++i) {
            address other = _recovered(exchange.netDigestOf(changed[i]), signatures[0]);
            _refuses(stranger, _call(changed[i], signatures), _badSignature(vm.addr(keys[0]), other));
        }
    }

    /// @dev Whoever withdraws, cancels or raises its epoch meanwhile stops the whole cycle.
    function test_oneThatCannotPayStopsAll() public {
        address payer = vm.addr(keys[_payerRow()]);
        bytes memory call = _netCall(_batch());
        _as(payer, _withdrawCall(HAD - 499, payer));
        bytes memory reason =
            abi.encodeWithSelector(IAccounts.InsufficientBalance.selector, payer, address(token), 499, 500);
        _refuses(stranger, call, reason);
        _fund(payer, 1);
        _as(stranger, call);
        vm.assertEq(_balance(payer), 0);
    }

    function test_cancelledNoncesAndRaisedEpochsStopAll() public {
        bytes memory call = _netCall(_batch());
        uint256 snapshot = vm.snapshotState();
        address last = vm.addr(keys[5]);
        _cancel(last, 16);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, last, 0x1f));
        vm.assertTrue(vm.revertToState(snapshot));
        _cancel(last, 32);
        _as(stranger, call);
        vm.assertTrue(vm.revertToState(snapshot));
        _raiseEpoch(last);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, last, 0, uint32(NOW)));
    }

    /// @dev A cycle that uses up all nonces of an epoch opens the next for the cycle after it.
    function test_opensTheNextEpochWhenAllNoncesAreUsed() public {
        INetSettlement.NetBatch memory batch = _batch();
        address who = vm.addr(keys[2]);
        uint256 next = uint256(1) << 128;
        batch.rows[5] += next;
        _refusesBatch(batch, abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, who, 1, 0));
        batch.rows[5] -= next;
        batch.rows[4] = uint256(type(uint96).max) << 160 | uint160(who);
        _as(stranger, _netCall(batch));
        vm.assertEq(exchange.accountOf(who, address(token)).used, type(uint96).max);
        for (uint256 i = 0; i < 6; ++i) {
            batch.rows[2 * i] = uint256(0x20) << 160 | uint160(batch.rows[2 * i]);
        }
        _refusesBatch(batch, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, who, 0x20));
        batch.rows[5] += next + next;
        _refusesBatch(batch, abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, who, 2, 0));
        batch.rows[5] -= next;
        _as(stranger, _netCall(batch));
        vm.assertEq(exchange.accountOf(who, address(token)).used, 0x20);
        vm.assertEq(exchange.accountOf(who, address(token)).epoch, 1);
    }

    function test_aModuleRefusesDirectCalls() public {
        INetSettlement.NetBatch memory batch = _batch();
        address module = exchange.moduleOf(INetSettlement.settleNet.selector);
        bytes[3] memory calls = [
            _netCall(batch),
            abi.encodeCall(exchange.netDigestOf, (batch)),
            abi.encodeCall(exchange.settleLate, (new IResourceTrading.SignedTrade[](0), 0, _none()))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = module.call(calls[i]);
            vm.assertFalse(ok);
            vm.assertEq(answer, abi.encodeWithSelector(IModule.NotTheExchange.selector));
        }
    }

    /// @dev Whatever the amounts, nothing is made and nothing lost.
    function testFuzz_conserves(uint64[5] memory amounts, uint8 directions) public {
        INetSettlement.NetBatch memory batch = _batch();
        int256 sum = 0;
        for (uint256 i = 0; i < 5; ++i) {
            uint256 amount = amounts[i] % 200_000;
            uint256 direction = directions >> i & 1;
            sum += direction == 0 ? int256(amount) : -int256(amount);
            batch.rows[2 * i + 1] =
                batch.rows[2 * i + 1] >> 160 << 160 & ~(uint256(0xff) << 176) | direction << 176 | amount;
        }
        uint256 left = uint256(sum < 0 ? -sum : sum);
        batch.rows[11] =
            batch.rows[11] >> 160 << 160 & ~(uint256(0xff) << 176) | (sum < 0 ? 0 : uint256(1) << 176) | left;
        _as(stranger, _netCall(batch));
        uint256 total = 0;
        for (uint256 i = 0; i < 6; ++i) {
            total += _balance(vm.addr(keys[i]));
            if (i == 5) continue;
            uint256 amount = amounts[i] % 200_000;
            vm.assertEq(_balance(vm.addr(keys[i])), directions >> i & 1 == 0 ? HAD + amount : HAD - amount);
        }
        vm.assertEq(total, 6 * HAD);
    }

    function _sellerRow() private view returns (uint256 row) {
        while (keys[row] >= FIRST_KEY + 2) ++row;
    }

    function _payerRow() private view returns (uint256 row) {
        while (keys[row] < FIRST_KEY + 2) ++row;
    }

    function _call(INetSettlement.NetBatch memory batch, IResourceTrading.Signature[] memory signatures)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(exchange.settleNet, (batch, signatures, _none()));
    }

    /// @dev Signed by all, and refused.
    function _refusesBatch(INetSettlement.NetBatch memory batch, bytes memory reason) private {
        _refuses(stranger, _netCall(batch), reason);
    }

    function _shortened(uint256[] memory words) private pure returns (uint256[] memory shorter) {
        shorter = new uint256[](words.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = words[i];
        }
    }

    function _stateHash() internal view override returns (bytes32) {
        bytes memory all = abi.encode(super._stateHash());
        for (uint256 i = 0; i < keys.length; ++i) {
            address account = vm.addr(keys[i]);
            all = abi.encode(all, exchange.accountOf(account, address(token)));
            if (keys[i] < FIRST_KEY + 2) all = abi.encode(all, exchange.listingOf(_idOf(account)));
        }
        return keccak256(all);
    }
}
