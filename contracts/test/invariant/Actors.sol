// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ReentrantToken} from "../base/AwkwardTokens.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";
import {HostileWallet, KeyWallet} from "../base/Wallets.sol";

/// @notice Four accounts, each supplier and demander, one of them a contract; two tokens, one of which calls back.
abstract contract Actors is ExchangeBase {
    uint256 internal constant ACTORS = 4;
    uint256 internal constant TOKENS = 2;
    uint64 internal constant SLOT_LENGTH = 5 * 24 * HOUR;

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

    function _seedOf(address account) internal view returns (uint256 seed) {
        while (actor(seed) != account) ++seed;
    }

    function _account(uint256 seed, address paid) internal view returns (IAccounts.Account memory) {
        return exchange.accountOf(actor(seed), paid);
    }

    function _currentSlot() internal view returns (uint64) {
        return (uint64(block.timestamp) - NOW) / SLOT_LENGTH;
    }

    function _currentListing(uint256 seed) internal view returns (bytes32) {
        return exchange.listingId(actor(seed), "m1", _currentSlot());
    }

    function _availableOf(uint256 seed) internal view returns (uint64) {
        return exchange.listingOf(_currentListing(seed)).available;
    }

    function _currentBook(uint256 seed) internal view returns (IResourceVerification.Slot memory) {
        return exchange.slotOf(actor(seed), "m1", _currentSlot());
    }

    function _slotEnd(bytes32 listing) internal pure returns (uint64) {
        return uint64(uint256(listing) % 2 ** 40);
    }

    /// @dev Signatures of as many operators as the current set needs.
    function _decidedNow(bytes32 structHash) internal view returns (IOperators.OperatorSignature[] memory) {
        return _decidedBy(exchange.operatorSet(), structHash);
    }

    /// @dev Signatures of as many operators as the set needs, in ascending order.
    function _decidedBy(uint32 set, bytes32 structHash)
        internal
        view
        returns (IOperators.OperatorSignature[] memory signatures)
    {
        (address[] memory members, uint256 threshold) = exchange.operatorsOf(set);
        signatures = new IOperators.OperatorSignature[](threshold);
        uint256 found = 0;
        for (uint256 i = 0; found < threshold; ++i) {
            for (uint256 j = 0; j < members.length; ++j) {
                if (members[j] != operatorAccounts[i]) continue;
                signatures[found++] = _operatorSignature(operatorKeys[i], structHash);
                break;
            }
        }
    }

    /// @dev An account with a key signs in 64 bytes; the contract's proof lies at `index`, and its check may use 300,000
    /// gas.
    function _signatureOf(uint256 seed, bytes32 digest, uint256 index)
        internal
        view
        returns (IResourceTrading.Signature memory signature, bytes memory proof)
    {
        if (seed % ACTORS != 3) return (_compact(_key(seed), digest), "");
        bytes memory proof = _sign(_key(seed), _confirmation(address(wallet), digest));
        return (IResourceTrading.Signature(0, bytes32(300_000 << 64 | index)), proof);
    }
}
