// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IParameters} from "../../src/interfaces/IParameters.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Each bound of the terms of escrow: refused by name, value and bound one beyond it, accepted at it.
contract TermsTest is EscrowBase {
    uint64 private constant SLOT = 5;
    uint64 private constant BEGINS = NOW + SLOT * HOUR;

    function test_noDeliveryBeforeTheSlotBegins() public {
        _listLater(SLOT);
        IResourceEscrow.Escrow memory escrow = _laterEscrow(SLOT);
        escrow.deliverFrom = BEGINS - 1;
        _refusesTerm(_laterTrade(SLOT), escrow, "deliverFrom", BEGINS - 1, BEGINS);
        escrow.deliverFrom = BEGINS;
        _escrowed(_laterTrade(SLOT), escrow);
    }

    /// @dev Of a slot that has begun: from settlement.
    function test_theSupplierHasTheDeliveryWindow() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        vm.warp(NOW + 200);
        escrow.deliverBy = NOW + 200 + _parameters().deliveryWindow - 1;
        _refusesTerm(_trade(), escrow, "deliverBy", escrow.deliverBy, escrow.deliverBy + 1);
        escrow.deliverBy += 1;
        _escrowed(_trade(), escrow);
    }

    /// @dev Of a slot to come: from the time at which delivery may be stated.
    function test_theDeliveryWindowIsCountedFromDeliverFrom() public {
        _listLater(SLOT);
        IResourceEscrow.Escrow memory escrow = _laterEscrow(SLOT);
        escrow.deliverFrom = BEGINS + 10;
        escrow.deliverBy = BEGINS + 10 + _parameters().deliveryWindow - 1;
        _refusesTerm(_laterTrade(SLOT), escrow, "deliverBy", escrow.deliverBy, escrow.deliverBy + 1);
        escrow.deliverBy += 1;
        _escrowed(_laterTrade(SLOT), escrow);
    }

    function test_theDemanderHasTheDisputeWindow() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.disputeBy = DELIVER_BY + _parameters().disputeWindow - 1;
        _refusesTerm(_trade(), escrow, "disputeBy", escrow.disputeBy, escrow.disputeBy + 1);
        escrow.disputeBy += 1;
        _escrowed(_trade(), escrow);
    }

    function test_operatorsHaveHearingAndDecisionWindow() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.decideBy = DISPUTE_BY + _parameters().hearing + _parameters().decisionWindow - 1;
        _refusesTerm(_trade(), escrow, "decideBy", escrow.decideBy, escrow.decideBy + 1);
        escrow.decideBy += 1;
        _escrowed(_trade(), escrow);
    }

    function test_noEscrowOutlivesTheLongestLife() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        uint64 longest = NOW + _parameters().longestLife;
        escrow.decideBy = longest + 1;
        _refusesTerm(_trade(), escrow, "longestLife", longest + 1, longest);
        escrow.decideBy = type(uint64).max;
        _refusesTerm(_trade(), escrow, "longestLife", type(uint64).max, longest);
        escrow.decideBy = longest;
        _escrowed(_trade(), escrow);
    }

    /// @dev Times near the end of 64 bits do not wrap round to small bounds.
    function test_noTimeWraps() public {
        uint256 max = type(uint64).max;
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.deliverFrom = type(uint64).max;
        _refusesTerm(_trade(), escrow, "deliverBy", DELIVER_BY, max + _parameters().deliveryWindow);
        escrow = _escrow();
        escrow.deliverBy = type(uint64).max;
        _refusesTerm(_trade(), escrow, "disputeBy", DISPUTE_BY, max + _parameters().disputeWindow);
        escrow = _escrow();
        escrow.disputeBy = type(uint64).max;
        uint256 deciding = uint256(_parameters().hearing) + _parameters().decisionWindow;
        _refusesTerm(_trade(), escrow, "decideBy", DECIDE_BY, max + deciding);
    }

    function test_sharesAreAtMostTheWhole() public {
        bytes32[5] memory names = [bytes32("lateShare"), "silenceShare", "undecidedShare", "latePenalty", "exitPenalty"];
        for (uint256 i = 0; i < names.length; ++i) {
            _refusesTerm(_trade(), _withShare(_escrow(), i, 10_001), names[i], 10_001, 10_000);
        }
        IResourceEscrow.Escrow memory whole = _escrow();
        for (uint256 i = 0; i < names.length; ++i) {
            whole = _withShare(whole, i, 10_000);
        }
        _escrowed(_trade(), whole);
    }

    function test_refusesAnotherResourceOrSlot() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.resource = "m2";
        _refusesPlace(escrow);
        (escrow.resource, escrow.slot) = ("m1", 1);
        _refusesPlace(escrow);
    }

    /// @dev The place comes before the terms: they have no meaning without it.
    function test_refusesTheAllZeroTermsOfInstantSettlement() public {
        IResourceEscrow.Escrow memory zero;
        _refusesPlace(zero);
    }

    function test_theDeploymentTellsItsParameters() public view {
        vm.assertEq(keccak256(abi.encode(exchange.parameters())), keccak256(abi.encode(_parameters())));
    }

    /// @dev Each in turn zero, or out of bounds.
    function test_refusesParametersWithoutAWindow() public {
        bytes memory good = abi.encode(_parameters());
        for (uint256 word = 0; word < 9; ++word) {
            _refusesParameters(_withWord(good, word, 0));
        }
        _refusesParameters(_withWord(good, 9, 10_001));
        uint256 least = 600 + 700 + 900 + 800;
        _refusesParameters(_withWord(good, 8, least - 1));
        this.deployEscrow(_withWord(good, 8, least));
        this.deployEscrow(_withWord(good, 9, 10_000));
        this.deployEscrow(_withWord(good, 9, 0));
    }

    /// @dev External so that a refusal reaches the test as an error.
    function deployEscrow(bytes calldata parameters) external returns (address) {
        return vm.deployCode("ResourceEscrow.sol:ResourceEscrow", parameters);
    }

    function _refusesTerm(
        IResourceTrading.Trade memory trade,
        IResourceEscrow.Escrow memory escrow,
        bytes32 term,
        uint256 given,
        uint256 bound
    ) private {
        bytes memory reason = abi.encodeWithSelector(IResourceEscrow.BadTerm.selector, term, given, bound);
        _refuses(stranger, _escrowCall(trade, escrow), reason);
    }

    function _refusesPlace(IResourceEscrow.Escrow memory escrow) private {
        bytes memory reason =
            abi.encodeWithSelector(IResourceEscrow.WrongPlace.selector, _id("m1", 0), escrow.resource, escrow.slot);
        _refuses(stranger, _escrowCall(_trade(), escrow), reason);
    }

    function _withShare(IResourceEscrow.Escrow memory escrow, uint256 index, uint16 share)
        private
        pure
        returns (IResourceEscrow.Escrow memory)
    {
        if (index == 0) escrow.lateShare = share;
        if (index == 1) escrow.silenceShare = share;
        if (index == 2) escrow.undecidedShare = share;
        if (index == 3) escrow.latePenalty = share;
        if (index == 4) escrow.exitPenalty = share;
        return escrow;
    }

    function _withWord(bytes memory parameters, uint256 word, uint256 value) private pure returns (bytes memory) {
        parameters = bytes.concat(parameters);
        assembly ("memory-safe") {
            mstore(add(add(parameters, 32), mul(word, 32)), value)
        }
        return parameters;
    }

    function _refusesParameters(bytes memory parameters) private {
        (bool ok, bytes memory answer) = address(this).call(abi.encodeCall(this.deployEscrow, (parameters)));
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(IParameters.BadParameters.selector));
    }
}
