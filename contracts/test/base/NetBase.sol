// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "./SettleBase.sol";

/// @notice A cycle of accounts with 1000 each, of which the first sell 40 units of 1000 listed for 1000 in all, and the
/// others pay in equal parts.
abstract contract NetBase is SettleBase {
    uint256 internal constant FIRST_KEY = 0x1000;

    /// @dev Ascending by address.
    uint256[] internal keys;
    uint256 internal sellers;

    function _cycle(uint256 accounts, uint256 selling) internal {
        sellers = selling;
        for (uint256 i = 0; i < accounts; ++i) {
            uint256 key = FIRST_KEY + i;
            keys.push(key);
            for (uint256 j = keys.length - 1; j > 0 && vm.addr(keys[j - 1]) > vm.addr(keys[j]); --j) {
                (keys[j - 1], keys[j]) = (keys[j], keys[j - 1]);
            }
            _fund(vm.addr(key), 1_000_000);
            if (i >= selling) continue;
            supplier = vm.addr(key);
            _attested("m1", 1000);
            _list("m1", 1000);
        }
    }

    function _batch() internal view returns (INetSettlement.NetBatch memory batch) {
        uint256 count = keys.length;
        (batch.token, batch.trades, batch.validUntil) = (address(token), keccak256("trades"), NOW + 300);
        batch.rows = new uint256[](2 * count);
        batch.sales = new uint256[](2 * sellers);
        (uint256 due, uint256 payers, uint256 seen, uint256 sale) = (sellers * 1000, count - sellers, 0, 0);
        bytes32[] memory ids = new bytes32[](sellers);
        uint256[] memory rowOf = new uint256[](sellers);
        for (uint256 i = 0; i < count; ++i) {
            batch.rows[2 * i] = uint160(vm.addr(keys[i])) | uint256(0x1f) << 160;
            uint256 salt = uint256(keccak256(abi.encode("salt", i))) >> 184 << 184;
            if (keys[i] < FIRST_KEY + sellers) {
                batch.rows[2 * i + 1] = 1000 | uint256(1) << 160 | salt;
                (ids[sale], rowOf[sale]) = (_idOf(vm.addr(keys[i])), i);
                for (uint256 j = sale; j > 0 && ids[j - 1] > ids[j]; --j) {
                    (ids[j - 1], ids[j]) = (ids[j], ids[j - 1]);
                    (rowOf[j - 1], rowOf[j]) = (rowOf[j], rowOf[j - 1]);
                }
                ++sale;
            } else {
                ++seen;
                uint256 part = seen == payers ? due - due / payers * (payers - 1) : due / payers;
                batch.rows[2 * i + 1] = part | uint256(1) << 176 | salt;
            }
        }
        for (uint256 i = 0; i < sellers; ++i) {
            batch.sales[2 * i] = uint256(ids[i]);
            uint256 salt = uint256(keccak256(abi.encode("sale", i))) >> 128 << 128;
            batch.sales[2 * i + 1] = 40 | rowOf[i] << 96 | salt;
        }
    }

    function _signatures(INetSettlement.NetBatch memory batch)
        internal
        view
        returns (IResourceTrading.Signature[] memory signatures)
    {
        bytes32 digest = exchange.netDigestOf(batch);
        signatures = new IResourceTrading.Signature[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            signatures[i] = _compact(keys[i], digest);
        }
    }

    function _netCall(INetSettlement.NetBatch memory batch) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.settleNet, (batch, _signatures(batch), _none()));
    }

    /// @dev The demander pays the supplier 100 for four hours of m1; each uses up its first nonce.
    function _pair() internal view returns (INetSettlement.NetBatch memory batch) {
        (batch.token, batch.trades, batch.validUntil) = (address(token), keccak256("trades"), NOW + 300);
        (batch.rows, batch.sales) = (new uint256[](4), new uint256[](2));
        uint256 selling = supplier < demander ? 0 : 1;
        (batch.rows[2 * selling], batch.rows[2 * selling + 1]) = _row(supplier, 1, 100, 0, 1, 0);
        (batch.rows[2 - 2 * selling], batch.rows[3 - 2 * selling]) = _row(demander, 1, 100, 0, 0, 1);
        (batch.sales[0], batch.sales[1]) = _sale(_id("m1", 0), 4, 0, selling);
    }

    function _pairCall(INetSettlement.NetBatch memory batch) internal view returns (bytes memory) {
        bytes32 digest = exchange.netDigestOf(batch);
        IResourceTrading.Signature[] memory signatures = new IResourceTrading.Signature[](2);
        (signatures[0], signatures[1]) = (_compact(SUPPLIER_KEY, digest), _compact(DEMANDER_KEY, digest));
        if (demander < supplier) (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        return abi.encodeCall(exchange.settleNet, (batch, signatures, _none()));
    }

    /// @dev The two words of a row, without salt.
    function _row(address account, uint96 mask, uint128 amount, uint32 epoch, uint16 sales, uint8 direction)
        internal
        pure
        returns (uint256, uint256)
    {
        uint256 what = uint256(direction) << 176 | uint256(sales) << 160 | uint256(epoch) << 128 | amount;
        return (uint256(mask) << 160 | uint160(account), what);
    }

    /// @dev The two words of a sale, without salt.
    function _sale(bytes32 id, uint64 quantity, uint32 epoch, uint256 row) internal pure returns (uint256, uint256) {
        return (uint256(id), row << 96 | uint256(epoch) << 64 | quantity);
    }

    function _idOf(address account) internal view returns (bytes32) {
        return exchange.listingId(account, "m1", 0);
    }
}
