// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CHEATS} from "../base/Vm.sol";
import {ExchangeHandler} from "./ExchangeHandler.sol";

/// @notice Sums over the whole exchange that hold after every sequence of moves. The handler checks more after each move.
contract ExchangeInvariantTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    ExchangeHandler private _handler;

    /// @dev A market at work: everybody has money, two have something for sale.
    function setUp() public {
        _handler = new ExchangeHandler();
        for (uint256 i = 0; i < 4; ++i) {
            _handler.deposit(i, 99_999, false);
        }
        _handler.sealAndOpen(0, 29, "salt", true);
        _handler.sealAndOpen(2, 29, "salt", false);
    }

    /// @dev Forge draws its calls from here; those named twice come twice as often.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[44] memory moves = [
            _handler.attest.selector,
            _handler.sealAndOpen.selector,
            _handler.sealAndOpen.selector,
            _handler.list.selector,
            _handler.unlist.selector,
            _handler.raiseListingEpoch.selector,
            _handler.deposit.selector,
            _handler.deposit.selector,
            _handler.depositWithPermit.selector,
            _handler.depositWithHostilePermit.selector,
            _handler.withdraw.selector,
            _handler.give.selector,
            _handler.cancel.selector,
            _handler.raiseEpoch.selector,
            _handler.voidIntents.selector,
            _handler.settle.selector,
            _handler.settleInside.selector,
            _handler.settleBatch.selector,
            _handler.settleBundle.selector,
            _handler.breakBundle.selector,
            _handler.settleEscrow.selector,
            _handler.settleEscrow.selector,
            _handler.settleEscrow.selector,
            _handler.settleEscrowBatch.selector,
            _handler.settleEscrowBundle.selector,
            _handler.step.selector,
            _handler.step.selector,
            _handler.step.selector,
            _handler.step.selector,
            _handler.step.selector,
            _handler.settleNet.selector,
            _handler.settleNet.selector,
            _handler.breakNet.selector,
            _handler.agree.selector,
            _handler.settleLate.selector,
            _handler.warp.selector,
            _handler.wait.selector,
            _handler.wait.selector,
            _handler.pause.selector,
            _handler.setToken.selector,
            _handler.setOperators.selector,
            _handler.replay.selector,
            _handler.intrude.selector,
            _handler.intrude.selector
        ];
        bytes4[] memory selectors = new bytes4[](moves.length);
        for (uint256 i = 0; i < moves.length; ++i) {
            selectors[i] = moves[i];
        }
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), selectors);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev Money: what the exchange holds is what it owes and was given. Capacity: what is committed is listed, or was sold
    /// and did not come back. In one, because forge runs every invariant for itself.
    function invariant_moneyAndCapacityAddUp() external view {
        for (uint256 i = 0; i < 2; ++i) {
            (uint256 owed, uint256 total, uint256 holding) = _handler.books(i);
            CHEATS.assertEq(total, owed);
            CHEATS.assertEq(holding, owed + _handler.gifts(_handler.paidIn(i)));
        }
        for (uint256 i = 0; i < _handler.listingCount(); ++i) {
            bytes32 listing = _handler.listings(i);
            (uint64 committed, uint64 available,) = _handler.capacity(listing);
            CHEATS.assertEq(committed, uint256(available) + _handler.sold(listing));
        }
    }

    /// @dev After every run: time ends every escrow, and everybody can take everything out.
    function afterInvariant() external {
        _handler.endAll();
        for (uint256 i = 0; i < 2; ++i) {
            (uint256 owed, uint256 total, uint256 holding) = _handler.books(i);
            CHEATS.assertEq(owed, 0);
            CHEATS.assertEq(total, 0);
            CHEATS.assertEq(holding, _handler.gifts(_handler.paidIn(i)));
        }
    }
}
