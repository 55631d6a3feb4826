// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
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
            listing: exchange.listingId(supplier, "m1", 0),
            demander: demander,
            token: address(token),
            quantity: 4,
            unitPrice: 25,
            validUntil: NOW + 300,
            nonce: 0,
            demanderEpoch: 0,
            listingEpoch: 0,
            transcript: keccak256("transcript"),
            bundle: keccak256("bundle")
        });
    }

    function _settle(IResourceTrading.Trade memory trade) internal {
        bytes32 digest = exchange.digestOf(trade);
        exchange.settle(trade, _sign(DEMANDER_KEY, digest), _sign(SUPPLIER_KEY, digest));
    }

    /// @dev Signed by both, and refused for `reason` with no state changed.
    function _refuses(IResourceTrading.Trade memory trade, bytes memory reason) internal {
        bytes32 digest = exchange.digestOf(trade);
        _refuses(trade, _sign(DEMANDER_KEY, digest), _sign(SUPPLIER_KEY, digest), reason);
    }

    function _refuses(
        IResourceTrading.Trade memory trade,
        bytes memory demanderSignature,
        bytes memory supplierSignature,
        bytes memory reason
    ) internal {
        bytes32 before = _stateHash(trade);
        vm.expectRevert(reason);
        exchange.settle(trade, demanderSignature, supplierSignature);
        vm.assertEq(_stateHash(trade), before);
    }

    function _badSignature(address signer, address recovered) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.BadSignature.selector, signer, recovered);
    }

    function _stateHash(IResourceTrading.Trade memory trade) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                _slot("m1"),
                _listing("m1"),
                exchange.balanceOf(demander, address(token)),
                exchange.balanceOf(supplier, address(token)),
                exchange.nonceUsed(trade.demander, trade.nonce)
            )
        );
    }
}
