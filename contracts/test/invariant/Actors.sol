// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
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

    /// @dev One signed trade as it was submitted; `escrow` is all zero for an instant one.
    struct Deal {
        IResourceTrading.SignedTrade signed;
        IResourceEscrow.Escrow escrow;
        bytes[] proofs;
        bytes32 digest;
    }

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

    function _deal(
        IResourceTrading.Trade memory trade,
        IResourceEscrow.Escrow memory escrow,
        uint256 demanderSeed,
        uint256 supplierSeed
    ) internal view returns (Deal memory deal) {
        deal.digest = exchange.digestOf(trade, escrow);
        deal.escrow = escrow;
        deal.signed.trade = trade;
        deal.proofs = new bytes[](2);
        (deal.signed.demander, deal.proofs[0]) = _signatureOf(demanderSeed, deal.digest, 0);
        (deal.signed.supplier, deal.proofs[1]) = _signatureOf(supplierSeed, deal.digest, 1);
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

    /// @dev The lowest free nonce and its epoch: of the next epoch when all are used.
    function _free(IAccounts.Account memory account) internal pure returns (uint64 epoch, uint256 nonce) {
        if (account.used == type(uint96).max) return (uint64(account.epoch) + 1, 0);
        while (account.used >> nonce & 1 != 0) ++nonce;
        return (account.epoch, nonce);
    }
}
