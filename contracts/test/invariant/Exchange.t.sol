// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CHEATS} from "../base/Vm.sol";
import {ExchangeHandler} from "./ExchangeHandler.sol";

/// @notice Sums over the whole exchange that hold after every sequence of moves.
contract ExchangeInvariantTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    ExchangeHandler private _handler;

    function setUp() public {
        _handler = new ExchangeHandler();
    }

    /// @dev Forge draws its calls from here.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[28] memory moves = [
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
            _handler.cancel.selector,
            _handler.raiseEpoch.selector,
            _handler.settle.selector,
            _handler.settleBatch.selector,
            _handler.settleBundle.selector,
            _handler.settleBundle.selector,
            _handler.breakBundle.selector,
            _handler.settleEscrow.selector,
            _handler.settleEscrow.selector,
            _handler.step.selector,
            _handler.step.selector,
            _handler.warp.selector,
            _handler.warp.selector,
            _handler.pause.selector,
            _handler.setThreshold.selector,
            _handler.replay.selector,
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

    /// @dev The invariants would say little if the moves never reached a settled trade and a closed escrow.
    function test_handlerReachesEveryKindOfTrade() external {
        (uint256 supplier, uint256 terms) = (0, uint256(12345) << 72 | uint256(1) << 8);
        _handler.sealAndOpen(supplier, 29, "salt");
        for (uint256 i = 1; i < 4; ++i) {
            _handler.deposit(i, 1000, false);
        }
        _handler.settle(supplier, terms, false);
        _handler.settle(supplier, terms, true);
        _handler.settleBatch(supplier, terms, 5);
        _handler.settleEscrow(supplier, terms);
        CHEATS.assertEq(_handler.settledCount(), 4);
        _handler.step(0, 5, 1);
        _handler.step(0, 13, 1);
        _handler.step(0, 6, 5000);
        _handler.settleEscrow(supplier, terms);
        _handler.step(1, 2, 1000);
        _reached("ruling", 1);
        _reached("split", 1);
        _handler.replay(0);
        _handler.intrude(0, 0);
        (uint64 committed, uint64 available,) = _handler.capacity(_handler.listings(0));
        CHEATS.assertEq(committed, available + _handler.sold(_handler.listings(0)));
        CHEATS.assertTrue(_handler.sold(_handler.listings(0)) >= 4);
        this.afterInvariant();
    }

    function test_handlerReachesProductsOfOneAndOfSeveralSuppliers() external {
        uint256 three = uint256(1) << 40;
        _handler.sealAndOpen(0, 29, "salt");
        _handler.depositWithPermit(1, 1000, false, false);
        _handler.depositWithPermit(1, 1000, true, true);
        _handler.depositWithHostilePermit(1, 1000, false);
        _reached("permit", 1);
        _reached("used permit", 1);
        _reached("hostile permit", 1);
        for (uint8 way = 0; way < 4; ++way) {
            _handler.breakBundle(0, three, way);
        }
        _reached("broken bundle", 4);
        _handler.settleBundle(0, 0, false);
        _reached("bundle of two", 1);
        CHEATS.assertTrue(_handler.sold(_handler.listings(0)) >= 2);
        _handler.sealAndOpen(2, 29, "salt");
        _handler.sealAndOpen(3, 29, "salt");
        _handler.settleBundle(0, three, true);
        _reached("bundle of three", 1);
        for (uint256 i = 0; i < 3; ++i) {
            CHEATS.assertTrue(_handler.sold(_handler.listings(i)) > 0);
        }
        _reached("relay", 2);
        _handler.replay(0);
        this.afterInvariant();
    }

    function _reached(bytes32 move, uint256 times) private view {
        CHEATS.assertEq(_handler.reached(move), times);
    }

    function invariant_theExchangeHoldsExactlyWhatItOwes() external view {
        for (uint256 i = 0; i < 2; ++i) {
            (uint256 owed, uint256 holding) = _handler.books(i);
            CHEATS.assertEq(holding, owed);
        }
    }

    function invariant_capacityIsNeverCommittedAboveTheAttested() external view {
        for (uint256 i = 0; i < _handler.listingCount(); ++i) {
            bytes32 listing = _handler.listings(i);
            (uint64 committed,,) = _handler.capacity(listing);
            CHEATS.assertLe(committed, _handler.attestedAtRaise(listing));
        }
    }

    function invariant_nothingAboveTheAttestedIsForSale() external view {
        for (uint256 i = 0; i < _handler.listingCount(); ++i) {
            (uint64 committed, uint64 available, uint64 attested) = _handler.capacity(_handler.listings(i));
            CHEATS.assertTrue(available == 0 || committed <= attested);
        }
    }

    function invariant_committedIsAvailablePlusSold() external view {
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
            (uint256 owed, uint256 holding) = _handler.books(i);
            CHEATS.assertEq(owed, 0);
            CHEATS.assertEq(holding, 0);
        }
    }
}
