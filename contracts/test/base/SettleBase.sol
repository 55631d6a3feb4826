// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "./ExchangeBase.sol";

/// @notice Ten hours of m1 listed, the demander funded with 1000, and one trade of 4 hours at 25 each.
abstract contract SettleBase is ExchangeBase {
    uint64 internal constant LISTED = 10;
    uint256 internal constant FUNDS = 1000;

    function setUp() public virtual override {
        super.setUp();
        _attested("m1", LISTED);
        _list("m1", LISTED);
        _fund(demander, FUNDS);
    }

    function _trade() internal view returns (IResourceTrading.Trade memory) {
        return IResourceTrading.Trade({
            listing: _id("m1", 0),
            demander: demander,
            token: address(token),
            quantity: 4,
            unitPrice: 25,
            validUntil: NOW + 300,
            nonce: 0,
            supplierNonce: 95,
            listingEpoch: 0,
            transcript: keccak256("transcript"),
            bundle: 0
        });
    }

    /// @dev Signed by demander and supplier.
    function _signed(IResourceTrading.Trade memory trade) internal view returns (IResourceTrading.SignedTrade memory) {
        bytes32 digest = exchange.digestOf(trade);
        return IResourceTrading.SignedTrade(trade, _compact(DEMANDER_KEY, digest), _compact(SUPPLIER_KEY, digest));
    }

    function _none() internal pure returns (bytes[] memory) {
        return new bytes[](0);
    }

    function _settleCall(IResourceTrading.SignedTrade memory signed) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.settle, (signed, _none()));
    }

    function _settle(IResourceTrading.Trade memory trade) internal {
        _as(stranger, _settleCall(_signed(trade)));
    }

    /// @dev Signed by both, and refused for `reason`, alone and in a batch, with no state changed.
    function _refusesTrade(IResourceTrading.Trade memory trade, bytes memory reason) internal {
        _refusesTrade(_signed(trade), reason);
    }

    function _refusesTrade(IResourceTrading.SignedTrade memory signed, bytes memory reason) internal {
        _refuses(stranger, _settleCall(signed), reason);
        bytes32 before = _stateHash();
        IResourceTrading.SignedTrade[] memory batch = new IResourceTrading.SignedTrade[](1);
        batch[0] = signed;
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(
            0, bytes4(reason), exchange.digestOf(signed.trade), signed.trade.listing, signed.trade.demander
        );
        exchange.settleBatch(batch, _none());
        vm.assertEq(_stateHash(), before);
    }

    function _terms(IResourceTrading.Trade memory trade) internal pure returns (uint256) {
        return uint256(trade.quantity) * 2 ** 192 + uint256(trade.unitPrice) * 2 ** 64 + trade.nonce;
    }

    function _expectSettled(IResourceTrading.Trade memory trade, bytes32 digest) internal {
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Settled(trade.listing, trade.demander, digest, trade.token, _terms(trade));
    }

    function _badSignature(address signer, address recovered) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAccounts.BadSignature.selector, signer, recovered);
    }

    function _nonceUsed(uint256 nonce) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, demander, nonce);
    }

    function _suppliersNonceUsed(uint256 nonce) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, supplier, nonce);
    }

    function _wrongEpoch(address account, uint256 signed, uint64 current) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, account, signed, current);
    }

    function _insufficientListing(IResourceTrading.Trade memory trade, uint64 available)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IResourceVerification.InsufficientListing.selector, trade.listing, available, trade.quantity
        );
    }

    function _insufficientBalance(address paidIn, uint256 available, uint256 needed)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeWithSelector(IAccounts.InsufficientBalance.selector, demander, paidIn, available, needed);
    }
}
