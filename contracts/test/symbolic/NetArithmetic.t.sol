// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice A cycle moves money between its accounts, and makes or loses none.
contract NetArithmetic is SymbolicBase {
    /// What two accounts have together stays the same, and each row changes its account by what it says.
    function checkLong_twoRowsConserve(
        uint256 time,
        address token,
        uint64 validUntil,
        uint256[4] calldata rows,
        IResourceTrading.Signature[2] calldata signatures
    ) public {
        vm.warp(time);
        INetSettlement.NetBatch memory batch = _batch(token, validUntil, 2);
        IAccounts.Account[] memory before = new IAccounts.Account[](2);
        for (uint256 i = 0; i < 2; ++i) {
            (batch.rows[2 * i], batch.rows[2 * i + 1]) = (rows[2 * i], rows[2 * i + 1]);
            before[i] = _account(_who(rows[2 * i]), token);
        }
        IResourceTrading.Signature[] memory all = new IResourceTrading.Signature[](2);
        (all[0], all[1]) = (signatures[0], signatures[1]);
        if (!_nets(batch, all)) return;
        uint256 sum = 0;
        for (uint256 i = 0; i < 2; ++i) {
            IAccounts.Account memory left = _account(_who(rows[2 * i]), token);
            _assertRow(rows[2 * i], rows[2 * i + 1], before[i], left);
            sum += left.balance;
        }
        assert(_who(rows[0]) < _who(rows[2]));
        assert(sum == uint256(before[0].balance) + before[1].balance);
    }

    /// The same for three: takes minutes, see `make fuzz`.
    function checkLong_threeRowsConserve(
        uint256 time,
        address token,
        uint64 validUntil,
        uint256[6] calldata rows,
        IResourceTrading.Signature[3] calldata signatures
    ) public {
        vm.warp(time);
        INetSettlement.NetBatch memory batch = _batch(token, validUntil, 3);
        uint256 sum = 0;
        for (uint256 i = 0; i < 3; ++i) {
            (batch.rows[2 * i], batch.rows[2 * i + 1]) = (rows[2 * i], rows[2 * i + 1]);
            sum += exchange.balanceOf(_who(rows[2 * i]), token);
        }
        IResourceTrading.Signature[] memory all = new IResourceTrading.Signature[](3);
        (all[0], all[1], all[2]) = (signatures[0], signatures[1], signatures[2]);
        if (!_nets(batch, all)) return;
        assert(_who(rows[0]) < _who(rows[2]) && _who(rows[2]) < _who(rows[4]));
        for (uint256 i = 0; i < 3; ++i) {
            sum -= exchange.balanceOf(_who(rows[2 * i]), token);
        }
        assert(sum == 0);
    }

    /// No account without a row changes.
    function check_nettingTouchesNoOtherAccount(
        uint256 time,
        address token,
        uint64 validUntil,
        uint256[2] calldata row,
        IResourceTrading.Signature calldata signature,
        address account,
        address other
    ) public {
        vm.warp(time);
        vm.assume(other != token || account != _who(row[0]));
        INetSettlement.NetBatch memory batch = _batch(token, validUntil, 1);
        (batch.rows[0], batch.rows[1]) = (row[0], row[1]);
        IResourceTrading.Signature[] memory all = new IResourceTrading.Signature[](1);
        all[0] = signature;
        IAccounts.Account memory before = _account(account, other);
        if (_nets(batch, all)) assert(_same(_account(account, other), before));
    }

    /// A sale takes its quantity off a listing of the account of its row, and leaves supplier and epoch.
    function check_aSaleTakesItsQuantityOffItsSuppliersListing(
        uint256 time,
        address token,
        uint64 validUntil,
        uint256[2] calldata row,
        bytes32 listing,
        uint64 quantity,
        uint32 epoch,
        uint128 salt,
        IResourceTrading.Signature calldata signature
    ) public {
        vm.warp(time);
        INetSettlement.NetBatch memory batch = _batch(token, validUntil, 1);
        (batch.rows[0], batch.rows[1]) = (row[0], row[1]);
        batch.sales = new uint256[](2);
        batch.sales[0] = uint256(listing);
        // In bytes, so that halmos sees that the row is the first.
        batch.sales[1] = uint256(bytes32(abi.encodePacked(salt, uint32(0), epoch, quantity)));
        IResourceTrading.Signature[] memory all = new IResourceTrading.Signature[](1);
        all[0] = signature;
        IResourceVerification.Listing memory before = _listing(listing);
        if (!_nets(batch, all)) return;
        IResourceVerification.Listing memory left = _listing(listing);
        assert(quantity != 0 && quantity <= before.available && left.available == before.available - quantity);
        assert(left.supplier == _who(row[0]) && left.supplier == before.supplier && left.epoch == before.epoch);
        assert(epoch == before.epoch && uint16(row[1] >> 160) == 1);
        assert(time < validUntil && validUntil <= uint256(listing) % 2 ** 40);
    }

    /// @dev The balance changes by the amount, in the direction that the row says; the mask, not empty, was unused and is
    /// used, of the epoch that the row names.
    function _assertRow(uint256 who, uint256 what, IAccounts.Account memory before, IAccounts.Account memory left)
        private
        pure
    {
        uint96 mask = uint96(who >> 160);
        uint256 amount = uint128(what);
        uint256 direction = uint8(what >> 176);
        assert(direction < 2 && mask != 0);
        if (direction == 0) assert(left.balance == before.balance + amount);
        else assert(left.balance == before.balance - amount);
        bool opened = left.epoch != before.epoch;
        assert(left.epoch == uint32(what >> 128));
        assert(!opened || (left.epoch == uint256(before.epoch) + 1 && before.used == type(uint96).max));
        assert(opened ? left.used == mask : left.used == before.used | mask && before.used & mask == 0);
    }

    function _nets(INetSettlement.NetBatch memory batch, IResourceTrading.Signature[] memory signatures)
        private
        returns (bool ok)
    {
        (ok,) = _call(abi.encodeCall(exchange.settleNet, (batch, signatures, noProofs)));
    }

    function _batch(address token, uint64 validUntil, uint256 count)
        private
        pure
        returns (INetSettlement.NetBatch memory batch)
    {
        (batch.token, batch.trades, batch.validUntil) = (token, "trades", validUntil);
        batch.rows = new uint256[](2 * count);
    }

    function _who(uint256 word) private pure returns (address) {
        return address(uint160(word));
    }
}
