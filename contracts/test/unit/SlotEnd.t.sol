// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice The end of a slot, which a listing's id ends in, bounds what is signed for the listing.
contract SlotEndTest is SettleBase {
    uint64 private constant SLOTS = 8;
    uint64 private constant ODD_LENGTH = 3601;

    /// @dev The ends are odd and even, and the bit of the id above the end is set and not.
    function test_aTradeIsValidUpToTheEndOfItsSlotWhateverTheListing() public {
        _listSlots();
        IResourceTrading.Trade memory trade = _trade();
        uint256 kinds = 0;
        for (uint64 slot = 0; slot < SLOTS; ++slot) {
            uint64 end = NOW + (slot + 1) * ODD_LENGTH;
            trade.listing = exchange.listingId(supplier, "m2", slot);
            (trade.quantity, trade.nonce, trade.validUntil) = (1, slot, end + 1);
            _refusesTrade(trade, abi.encodeWithSelector(IResourceTrading.ValidPastSlot.selector, end + 1, end));
            trade.validUntil = end;
            _settle(trade);
            kinds |= 1 << (uint256(trade.listing) >> 40) % 2 << 2 * (end % 2);
        }
        vm.assertEq(kinds, 15);
    }

    function _listSlots() private {
        _as(supplier, abi.encodeCall(exchange.registerResource, ("m2", UNIT, NOW, ODD_LENGTH)));
        uint64[] memory quantities = new uint64[](SLOTS);
        IResourceVerification.Report[] memory reports = new IResourceVerification.Report[](SLOTS);
        for (uint64 slot = 0; slot < SLOTS; ++slot) {
            quantities[slot] = 1;
            reports[slot] = IResourceVerification.Report({resource: "m2", slot: slot, quantity: 1});
        }
        IResourceVerification.Attestation memory attestation = _attestation("m2", quantities, 1);
        attestation.slotLength = ODD_LENGTH;
        _attest(attestation);
        _as(supplier, abi.encodeCall(exchange.list, (reports)));
    }
}
