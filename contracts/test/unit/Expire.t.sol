// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Anyone ends a waiting state whose deadline has passed; it pays the share signed for that state.
contract ExpireTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_notDeliveredPaysTheLateShare() public {
        _refusesBefore(DELIVER_BY);
        _expectReleased(5, 95);
        _as(stranger, _expireCall());
        _assertClosed(5);
    }

    function test_deliveredAndNoWordPaysTheSilenceShare() public {
        _deliver();
        _refusesBefore(ACCEPT_BY);
        _expectReleased(90, 10);
        _as(stranger, _expireCall());
        _assertClosed(90);
    }

    function test_undecidedPaysTheUndecidedShareRoundedDown() public {
        _deliver();
        _dispute();
        _refusesBefore(DECIDE_BY);
        _expectReleased(33, 67);
        _as(stranger, _expireCall());
        _assertClosed(33);
    }

    function test_refusesTwice() public {
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        _refuses(stranger, _expireCall(), _wrongState(IResourceEscrow.State.Closed));
    }

    function test_refusesWhatWasNeverEscrowed() public {
        IResourceEscrow.Escrow memory other = _escrow();
        other.lateShare = 10_000;
        vm.warp(DELIVER_BY);
        bytes32 unknown = exchange.digestOf(_trade(), other);
        _refuses(
            stranger,
            abi.encodeCall(exchange.expire, (_trade(), other)),
            abi.encodeWithSelector(IResourceEscrow.WrongState.selector, unknown, IResourceEscrow.State.None)
        );
    }

    function test_worksAfterUnlistingAndRaisedEpochs() public {
        _as(supplier, abi.encodeCall(exchange.unlist, ("m1", 0, 6)));
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, (_id("m1", 0))));
        _raiseEpoch(demander);
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        _assertClosed(5);
    }

    function _refusesBefore(uint64 deadline) private {
        vm.warp(deadline - 1);
        _refuses(
            stranger,
            _expireCall(),
            abi.encodeWithSelector(IResourceEscrow.DeadlineAhead.selector, deadline, deadline - 1)
        );
        vm.warp(deadline);
    }
}
