// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Neither disputing nor claiming delivery is free: each side has locked a deposit of 5.
contract DisputeDepositsTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
        _deliver();
    }

    function test_withoutADisputeEachHasItsOwn() public {
        _release(100);
        _assertClosed(100 + BOND + DEPOSIT);
    }

    function test_aDemanderThatGivesInLosesItsOwn() public {
        _dispute();
        _expectReleased(IResourceEscrow.Cause.Accepted, 150, 0);
        _release(100);
        _assertClosed(100 + BOND + 2 * DEPOSIT);
    }

    function test_aSupplierThatGivesInLosesItsOwn() public {
        _dispute();
        _expectReleased(IResourceEscrow.Cause.Refunded, 20, 130);
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        _assertClosed(20);
    }

    function test_undecidedEachHasItsOwn() public {
        _dispute();
        _expire(DECIDE_BY);
        _assertClosed(33 + BOND + DEPOSIT);
    }

    function test_aRulingDividesThemByItsOwnShare() public {
        _dispute();
        uint256 snapshot = vm.snapshotState();
        uint16[3] memory shares = [uint16(0), 3999, 10_000];
        uint256[3] memory paid = [uint256(0), 3, 10];
        for (uint256 i = 0; i < 3; ++i) {
            _ruled(IResourceEscrow.Ruling(1, 5000, 10_000, shares[i], DEADLINE));
            _assertClosed(50 + BOND + paid[i]);
            vm.assertTrue(vm.revertToState(snapshot));
        }
    }

    /// @dev Once a ruling is known, giving in is no way round what it says of the deposits.
    function test_nobodyGivesInAfterARuling() public {
        _dispute();
        vm.warp(block.timestamp + _parameters().hearing);
        _as(stranger, _ruleCall(_ruling(5000)));
        _refuses(demander, abi.encodeCall(exchange.release, (_trade(), _escrow(), 100)), _stands(1));
        _refuses(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())), _stands(1));
        _refuses(stranger, _expireCall(), _stands(1));
    }
}
