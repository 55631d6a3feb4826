// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

/// @notice Plays random moves of three accounts, each of them supplier and demander, on two resources of one slot each.
/// @dev Every move knows from the rules whether it must pass or which refusal it must meet; anything else reverts the
/// handler, which fails the run.
contract ExchangeHandler is ExchangeBase {
    uint256 private constant ACCOUNTS = 3;
    bytes32[2] private RESOURCES = [bytes32("m1"), bytes32("m2")];
    uint64 private constant SLOTS = 1;

    /// @notice What was attested when `committed` was last raised.
    mapping(bytes32 listing => uint64) public attestedAtRaise;
    /// @notice Units that left a listing through trades.
    mapping(bytes32 listing => uint64) public delivered;
    /// @notice Trades that settled.
    uint256 public settled;
    uint256 private _nextNonce;

    constructor() {
        setUp();
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            for (uint256 j = 0; j < RESOURCES.length; ++j) {
                vm.prank(account(i));
                exchange.registerResource(RESOURCES[j], UNIT, NOW, 30 * 24 * HOUR);
            }
        }
    }

    function attest(uint256 seed, uint64 quantity) external {
        (address owner, bytes32 resource, uint64 slot) = _choose(seed);
        IResourceVerification.Attestation memory attestation =
            _attestation(resource, _quantities(quantity % 100), exchange.slotOf(owner, resource, slot).version + 1);
        (attestation.supplier, attestation.firstSlot) = (owner, slot);
        _attest(attestation);
    }

    function list(uint256 seed, uint64 quantity) external {
        (address owner, bytes32 resource, uint64 slot) = _choose(seed);
        IResourceVerification.Slot memory stored = exchange.slotOf(owner, resource, slot);
        quantity = 1 + quantity % 60;
        bool passes = stored.version > 0 && uint256(stored.committed) + quantity <= stored.attested;
        if (stored.version == 0) {
            vm.expectRevert(
                abi.encodeWithSelector(IResourceVerification.NotAttested.selector, resource, slot, quantity, 0)
            );
        } else if (!passes) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IResourceVerification.OverReported.selector,
                    resource,
                    slot,
                    quantity,
                    stored.attested,
                    stored.committed
                )
            );
        }
        vm.prank(owner);
        exchange.list(_reports(IResourceVerification.Report(resource, slot, quantity)));
        if (passes) attestedAtRaise[exchange.listingId(owner, resource, slot)] = stored.attested;
    }

    function deposit(uint256 seed, uint256 amount) external {
        _fund(account(seed), 1 + amount % 10_000);
    }

    function withdraw(uint256 seed, uint256 amount) external {
        address owner = account(seed);
        uint256 balance = exchange.balanceOf(owner, address(token));
        amount = 1 + amount % (balance + balance / 4 + 1);
        if (amount > balance) vm.expectRevert(_insufficientBalance(owner, balance, amount));
        vm.prank(owner);
        exchange.withdraw(address(token), amount);
    }

    function settle(uint256 seed, uint256 demanderSeed, uint64 quantity, uint128 unitPrice) external {
        (address owner, bytes32 resource, uint64 slot) = _choose(seed);
        bytes32 listing = exchange.listingId(owner, resource, slot);
        uint64 available = exchange.listingOf(listing).available;
        IResourceTrading.Trade memory trade = IResourceTrading.Trade({
            listing: listing,
            demander: account(demanderSeed),
            token: address(token),
            quantity: 1 + quantity % (available + available / 4 + 1),
            unitPrice: 1 + unitPrice % 100,
            validUntil: NOW + 1,
            nonce: _nextNonce++,
            demanderEpoch: 0,
            listingEpoch: 0,
            transcript: "",
            bundle: ""
        });
        bytes32 digest = exchange.digestOf(trade);
        bytes memory demanderSignature = _sign(_key(demanderSeed), digest);
        bytes memory supplierSignature = _sign(_key(seed), digest);
        bytes memory refusal = _refusal(trade, owner);
        if (refusal.length > 0) vm.expectRevert(refusal);
        exchange.settle(trade, demanderSignature, supplierSignature);
        if (refusal.length > 0) return;
        delivered[listing] += trade.quantity;
        ++settled;
    }

    function account(uint256 seed) public pure returns (address) {
        return vm.addr(_key(seed));
    }

    /// @notice Every account that can hold a balance.
    function accounts() external pure returns (address[] memory all) {
        all = new address[](ACCOUNTS);
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            all[i] = account(i);
        }
    }

    /// @notice Every slot that can be attested, as its stored state and its listing.
    function books()
        external
        view
        returns (
            bytes32[] memory ids,
            IResourceVerification.Slot[] memory slots,
            IResourceVerification.Listing[] memory listings
        )
    {
        uint256 count = ACCOUNTS * RESOURCES.length * SLOTS;
        ids = new bytes32[](count);
        slots = new IResourceVerification.Slot[](count);
        listings = new IResourceVerification.Listing[](count);
        for (uint256 i = 0; i < count; ++i) {
            (address owner, bytes32 resource, uint64 slot) = _choose(i);
            ids[i] = exchange.listingId(owner, resource, slot);
            slots[i] = exchange.slotOf(owner, resource, slot);
            listings[i] = exchange.listingOf(ids[i]);
        }
    }

    function balances() external view returns (uint256 booked, uint256 held) {
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            booked += exchange.balanceOf(account(i), address(token));
        }
        held = token.balanceOf(address(exchange));
    }

    /// @dev The first refusal in the documented order, or nothing.
    function _refusal(IResourceTrading.Trade memory trade, address owner) private view returns (bytes memory) {
        IResourceVerification.Listing memory listing = exchange.listingOf(trade.listing);
        uint256 balance = exchange.balanceOf(trade.demander, trade.token);
        uint256 payment = uint256(trade.quantity) * trade.unitPrice;
        if (listing.supplier == address(0)) {
            return abi.encodeWithSelector(IResourceTrading.UnknownListing.selector, trade.listing);
        }
        if (owner == trade.demander) return abi.encodeWithSelector(IResourceTrading.SelfTrade.selector, owner);
        if (listing.available < trade.quantity) {
            return abi.encodeWithSelector(
                IResourceTrading.InsufficientListing.selector, trade.listing, listing.available, trade.quantity
            );
        }
        if (balance < payment) return _insufficientBalance(trade.demander, balance, payment);
        return "";
    }

    function _insufficientBalance(address owner, uint256 available, uint256 needed)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IResourceTrading.InsufficientBalance.selector, owner, address(token), available, needed
        );
    }

    /// @dev Account seed % 3, as `account` takes it; resource and slot from the digits above.
    function _choose(uint256 seed) private view returns (address owner, bytes32 resource, uint64 slot) {
        owner = account(seed);
        resource = RESOURCES[(seed / ACCOUNTS) % RESOURCES.length];
        slot = uint64((seed / ACCOUNTS / RESOURCES.length) % SLOTS);
    }

    function _key(uint256 seed) private pure returns (uint256) {
        return 0xacc0 + seed % ACCOUNTS;
    }
}
