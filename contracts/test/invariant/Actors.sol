// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ReentrantToken} from "../base/AwkwardTokens.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";
import {HostileWallet, KeyWallet} from "../base/Wallets.sol";

/// @notice Four accounts, each supplier and demander, one of them a contract; two tokens, one of which calls back.
abstract contract Actors is ExchangeBase {
    uint256 internal constant ACTORS = 4;
    uint256 internal constant TOKENS = 2;
    uint64 internal constant SLOT_LENGTH = 30 * 24 * HOUR;

    KeyWallet internal wallet;
    HostileWallet internal hostileWallet;
    ReentrantToken internal reentrant;

    constructor() {
        setUp();
        wallet = new KeyWallet(vm.addr(_key(3)));
        hostileWallet = new HostileWallet();
        reentrant = new ReentrantToken();
        _setToken(address(reentrant), true);
        for (uint256 i = 0; i < ACTORS; ++i) {
            _as(actor(i), abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, SLOT_LENGTH)));
        }
    }

    function actor(uint256 seed) public view returns (address) {
        return seed % ACTORS == 3 ? address(wallet) : vm.addr(_key(seed));
    }

    function paidIn(uint256 seed) public view returns (address) {
        return seed % TOKENS == 0 ? address(token) : address(reentrant);
    }

    function _key(uint256 seed) internal pure returns (uint256) {
        return 0xacc0 + seed % ACTORS;
    }

    function _currentSlot() internal view returns (uint64) {
        return (uint64(block.timestamp) - NOW) / SLOT_LENGTH;
    }

    function _currentListing(uint256 seed) internal view returns (bytes32) {
        return exchange.listingId(actor(seed), "m1", _currentSlot());
    }

    function _currentBook(uint256 seed) internal view returns (IResourceVerification.Slot memory) {
        return exchange.slotOf(actor(seed), "m1", _currentSlot());
    }

    /// @dev As many operators' signatures as are needed at the moment.
    function _ruled(bytes32 structHash) internal view returns (bytes[] memory) {
        return _operatorSignatures(structHash, exchange.threshold());
    }

    /// @dev An account with a key signs in 64 bytes; the contract's proof lies at `index`.
    function _signatureOf(uint256 seed, bytes32 digest, uint256 index)
        internal
        pure
        returns (IResourceTrading.Signature memory signature, bytes memory proof)
    {
        if (seed % ACTORS != 3) return (_compact(_key(seed), digest), "");
        return (IResourceTrading.Signature(0, bytes32(index)), _sign(_key(seed), digest));
    }
}
