// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "./SettleBase.sol";

/// @notice The trade of SettleBase (payment 100) with terms of escrow that pay a different share at each deadline.
abstract contract EscrowBase is SettleBase {
    uint64 internal constant DELIVER_BY = NOW + HOUR;
    uint64 internal constant ACCEPT_BY = NOW + 2 * HOUR;
    uint64 internal constant DECIDE_BY = NOW + 3 * HOUR;

    /// @dev The escrowed trade of the test, once `_escrowed` made it.
    bytes32 internal held;

    function _escrow() internal pure returns (IResourceEscrow.Escrow memory) {
        return IResourceEscrow.Escrow({
            deliverBy: DELIVER_BY,
            acceptBy: ACCEPT_BY,
            decideBy: DECIDE_BY,
            lateShare: 500,
            silenceShare: 9000,
            undecidedShare: 3333
        });
    }

    function _signedEscrow(IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow)
        internal
        view
        returns (IResourceTrading.SignedTrade memory)
    {
        bytes32 digest = exchange.digestOf(trade, escrow);
        return IResourceTrading.SignedTrade(trade, _compact(DEMANDER_KEY, digest), _compact(SUPPLIER_KEY, digest));
    }

    function _escrowCall(IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(exchange.settleEscrow, (_signedEscrow(trade, escrow), escrow, _none()));
    }

    /// @dev Puts the trade into escrow.
    function _escrowed() internal {
        held = exchange.digestOf(_trade(), _escrow());
        _as(stranger, _escrowCall(_trade(), _escrow()));
    }

    function _deliver() internal {
        _as(supplier, abi.encodeCall(exchange.deliver, (_trade(), _escrow())));
    }

    function _dispute() internal {
        _as(demander, abi.encodeCall(exchange.dispute, (_trade(), _escrow(), "evidence")));
    }

    function _release(uint128 amount) internal {
        _as(demander, abi.encodeCall(exchange.release, (_trade(), _escrow(), amount)));
    }

    function _expireCall() internal view returns (bytes memory) {
        return abi.encodeCall(exchange.expire, (_trade(), _escrow()));
    }

    function _ruleCall(uint16 share) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.rule, (_trade(), _escrow(), share, _decided(_rulingHash(share))));
    }

    function _rulingHash(uint16 share) internal view returns (bytes32) {
        return keccak256(abi.encode(keccak256("Ruling(bytes32 trade,uint16 supplierShare)"), held, share));
    }

    function _splitDigest(uint16 share) internal view returns (bytes32) {
        return _typed(keccak256(abi.encode(keccak256("Split(bytes32 trade,uint16 supplierShare)"), held, share)));
    }

    function _splitCall(uint16 share) internal view returns (bytes memory) {
        bytes32 digest = _splitDigest(share);
        return abi.encodeCall(
            exchange.split,
            (_trade(), _escrow(), share, _compact(DEMANDER_KEY, digest), _compact(SUPPLIER_KEY, digest), _none())
        );
    }

    function _expectReleased(uint128 toSupplier, uint128 toDemander) internal {
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Released(held, toSupplier, toDemander);
    }

    /// @dev Nothing is held any more; of the payment, the supplier has `toSupplier` and the demander the rest.
    function _assertClosed(uint256 toSupplier) internal view {
        _assertHeld(0, IResourceEscrow.State.Closed);
        vm.assertEq(_balance(supplier), toSupplier);
        vm.assertEq(_balance(demander), FUNDS - toSupplier);
    }

    function _assertHeld(uint128 amount, IResourceEscrow.State state) internal view {
        IResourceEscrow.Held memory now_ = exchange.heldOf(held);
        vm.assertEq(now_.amount, amount);
        vm.assertEq(uint256(now_.state), uint256(state));
    }

    function _wrongState(IResourceEscrow.State state) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.WrongState.selector, held, state);
    }

    function _stateHash() internal view override returns (bytes32) {
        return keccak256(abi.encode(super._stateHash(), exchange.heldOf(held)));
    }
}
