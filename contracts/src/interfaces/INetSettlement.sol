// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "./IResourceTrading.sol";

/// @title Net settlement: one signed sum for an account instead of its trades
/// @notice A cycle settles what each of its accounts owes or is owed, net, and what each listing sold. Everyone concerned
/// signs one digest, and shows the chain no trade.
/// @dev A trade agreed for a cycle carries `bundle = keccak256(abi.encode(NET_TAG, notBefore, product))`, `product` the hash
/// of `settleBundle` over all trades of the product. No other path takes it; from `notBefore` on `settleLate` does,
/// unless a cycle used up its nonces. Signers see to it that `validUntil` of a batch is at most `notBefore`, and that
/// of a trade later.
interface INetSettlement {
    /// @notice EIP-712: `NetBatch(address token,bytes32 trades,bytes32 rows,bytes32 sales,uint64 validUntil)`, `rows` and
    /// `sales` Merkle roots of what is sent in full, so that a signer need see its own alone. A leaf is
    /// keccak256(abi.encode(1, word, word)), a node the keccak256 of its two children, an odd one goes up as it is.
    /// @param trades Root of the salted trades, which the chain cannot check.
    /// @param validUntil First second at which the batch can no longer settle; at most the end of every slot sold.
    /// @param rows Two words for each account, ascending by account: account in the lowest 160 bits, then the mask of the
    /// nonces it uses up (96, not empty); amount in the lowest 128 bits, epoch (32), number of its sales (16), direction
    /// (8: 0 it is paid, 1 it pays), salt (72).
    /// @param sales Two words for each listing, ascending by listing: its id; quantity in the lowest 64 bits, the listing's
    /// epoch (32), the row of its supplier (32), salt (128).
    struct NetBatch {
        address token;
        bytes32 trades;
        uint64 validUntil;
        uint256[] rows;
        uint256[] sales;
    }

    /// @notice A cycle was settled; `batch` is the digest that all its accounts signed.
    event NetSettled(bytes32 indexed batch, address indexed token, bytes32 trades, uint256[] rows, uint256[] sales);

    /// @notice There is no row, a word is missing, or there is not one signature for each row.
    error MalformedBatch();
    error UnsortedRow(uint256 row);
    error UnsortedSale(uint256 sale);
    error NoNonce(uint256 row);
    error BadDirection(uint256 row);
    /// @notice The changes do not sum to zero.
    error Unbalanced(int256 sum);
    /// @notice The row named by a sale is not of the listing's supplier.
    error NotTheSupplier(uint256 sale);
    /// @notice The sales of an account are not as many as its row says.
    error WrongSales(uint256 row);
    error LateOnly(uint64 notBefore, uint256 timestamp);

    /// @notice Settles a cycle, all or nothing. `signatures`, compact, are in the order of the rows. A key signs the digest of the
    /// batch; a contract confirms `Confirmation(address wallet,bytes32 digest)` of it, as operators' wallets do.
    function settleNet(
        NetBatch calldata batch,
        IResourceTrading.Signature[] calldata signatures,
        bytes[] calldata proofs
    ) external;

    /// @notice Settles all trades of a product that no cycle took, from `notBefore` on, or none.
    function settleLate(IResourceTrading.SignedTrade[] calldata trades, uint64 notBefore, bytes[] calldata proofs)
        external;

    function netDigestOf(NetBatch calldata batch) external view returns (bytes32);
    // solhint-disable-next-line func-name-mixedcase
    function NET_TAG() external view returns (bytes32);
}
