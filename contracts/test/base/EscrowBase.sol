// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SettleBase} from "./SettleBase.sol";

/// @notice The trade of SettleBase (payment 100) with terms of escrow that pay a different share at each deadline; the
/// supplier has 1000 too, for its bond of 40. Each side deposits 5.
abstract contract EscrowBase is SettleBase {
    uint64 internal constant DELIVER_BY = NOW + HOUR;
    uint64 internal constant DISPUTE_BY = NOW + 2 * HOUR;
    uint64 internal constant DECIDE_BY = NOW + 3 * HOUR;
    uint128 internal constant BOND = 40;
    uint256 internal constant DEPOSIT = 5;
    /// @dev Payment, bond and both deposits.
    uint256 internal constant ALL = 150;

    /// @dev The escrowed trade of the test, once `_escrowed` made it.
    bytes32 internal held;

    function setUp() public virtual override {
        super.setUp();
        _fund(supplier, FUNDS);
    }

    function _escrow() internal pure returns (IResourceEscrow.Escrow memory) {
        return IResourceEscrow.Escrow({
            resource: "m1",
            slot: 0,
            deliverFrom: NOW,
            deliverBy: DELIVER_BY,
            disputeBy: DISPUTE_BY,
            decideBy: DECIDE_BY,
            lateShare: 500,
            silenceShare: 9000,
            undecidedShare: 3333,
            bond: BOND,
            latePenalty: 2500,
            exitPenalty: 5000
        });
    }

    /// @dev Lists ten units of m2 in a slot to come.
    function _listLater(uint64 slot) internal {
        _register("m2");
        IResourceVerification.Attestation memory attestation = _attestation("m2", _quantities(LISTED), 1);
        attestation.firstSlot = slot;
        _attest(attestation);
        IResourceVerification.Report[] memory reports = _reports(_report("m2", LISTED));
        reports[0].slot = slot;
        _as(supplier, abi.encodeCall(exchange.list, (reports)));
    }

    /// @dev The same trade of that slot, and
    function _laterTrade(uint64 slot) internal view returns (IResourceTrading.Trade memory trade) {
        trade = _trade();
        (trade.listing, trade.nonce) = (_id("m2", slot), 7);
    }

    /// @dev the same terms, as much later.
    function _laterEscrow(uint64 slot) internal pure returns (IResourceEscrow.Escrow memory escrow) {
        escrow = _escrow();
        uint64 later = slot * HOUR;
        (escrow.resource, escrow.slot, escrow.deliverFrom) = ("m2", slot, NOW + later);
        escrow.deliverBy += later;
        escrow.disputeBy += later;
        escrow.decideBy += later;
    }

    function _escrowedTrade(IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow)
        internal
        view
        returns (IResourceEscrow.EscrowedTrade memory)
    {
        bytes32 digest = exchange.escrowDigestOf(trade, escrow);
        return IResourceEscrow.EscrowedTrade(
            IResourceTrading.SignedTrade(trade, _compact(DEMANDER_KEY, digest), _compact(SUPPLIER_KEY, digest)), escrow
        );
    }

    function _escrowCall(IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(exchange.settleEscrow, (_escrowedTrade(trade, escrow), _none()));
    }

    /// @dev Puts the trade into escrow.
    function _escrowed() internal {
        _escrowed(_trade(), _escrow());
    }

    function _escrowed(IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) internal {
        held = exchange.escrowDigestOf(trade, escrow);
        _as(stranger, _escrowCall(trade, escrow));
    }

    function _deliver() internal {
        _deliver(4);
    }

    function _deliver(uint64 quantity) internal {
        _as(supplier, abi.encodeCall(exchange.deliver, (_trade(), _escrow(), quantity)));
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

    /// @dev At a time after the deadline: opens the grace period, waits, and ends the state.
    function _expire(uint64 time) internal {
        vm.warp(time);
        _as(stranger, _expireCall());
        _waitGrace();
        _as(stranger, _expireCall());
    }

    function _waitGrace() internal {
        vm.warp(block.timestamp + _parameters().graceTime);
        vm.roll(block.number + _parameters().graceBlocks);
    }

    /// @dev Number 1, all shares the same.
    function _ruling(uint16 share) internal pure returns (IResourceEscrow.Ruling memory) {
        return IResourceEscrow.Ruling(1, share, share, share, DEADLINE);
    }

    function _ruleCall(IResourceEscrow.Ruling memory ruling) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.rule, (_trade(), _escrow(), ruling, _decided(_rulingHash(ruling))));
    }

    function _executeCall() internal view returns (bytes memory) {
        return abi.encodeCall(exchange.execute, (_trade(), _escrow()));
    }

    /// @dev Waits for the hearing, posts a ruling, waits for its window, executes it.
    function _ruled(IResourceEscrow.Ruling memory ruling) internal {
        vm.warp(block.timestamp + _parameters().hearing);
        _as(stranger, _ruleCall(ruling));
        _waitRuling();
        _as(stranger, _executeCall());
    }

    function _waitRuling() internal {
        vm.warp(block.timestamp + _parameters().rulingWindow);
        vm.roll(block.number + _parameters().graceBlocks);
    }

    function _rulingHash(IResourceEscrow.Ruling memory ruling) internal view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Ruling(bytes32 trade,uint32 number,uint16 paymentShare,uint16 bondShare,uint16 depositShare,uint64 deadline)"
        );
        return keccak256(abi.encode(typeHash, held, ruling));
    }

    function _splitDigest(uint128 toSupplier, uint128 toDemander, uint64 deadline, uint32 nonce)
        internal
        view
        returns (bytes32)
    {
        bytes32 typeHash =
            keccak256("Split(bytes32 trade,uint128 toSupplier,uint128 toDemander,uint64 deadline,uint32 nonce)");
        return _typed(keccak256(abi.encode(typeHash, held, toSupplier, toDemander, deadline, nonce)));
    }

    function _splitCall(uint128 toSupplier, uint128 toDemander) internal view returns (bytes memory) {
        bytes32 digest = _splitDigest(toSupplier, toDemander, DEADLINE, exchange.heldOf(held).splitNonce);
        return abi.encodeCall(
            exchange.split,
            (
                _trade(),
                _escrow(),
                toSupplier,
                toDemander,
                DEADLINE,
                _compact(DEMANDER_KEY, digest),
                _compact(SUPPLIER_KEY, digest),
                _none()
            )
        );
    }

    function _expectReleased(IResourceEscrow.Cause cause, uint128 toSupplier, uint128 toDemander) internal {
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Released(held, cause, toSupplier, toDemander, true);
    }

    /// @dev Nothing is held any more; of all that was, the supplier got `toSupplier` and the demander the rest.
    function _assertClosed(uint256 toSupplier) internal view {
        _assertHeld(0, IResourceEscrow.State.Closed);
        vm.assertEq(_balance(supplier), FUNDS - BOND - DEPOSIT + toSupplier);
        vm.assertEq(_balance(demander), FUNDS - 100 - DEPOSIT + ALL - toSupplier);
    }

    function _assertHeld(uint128 payment, IResourceEscrow.State state) internal view {
        IResourceEscrow.Held memory now_ = exchange.heldOf(held);
        vm.assertEq(now_.payment, payment);
        vm.assertEq(uint256(now_.state), uint256(state));
    }

    function _notParty(address account) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.NotParty.selector, account);
    }

    function _passed(uint256 deadline) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.DeadlinePassed.selector, deadline, block.timestamp);
    }

    function _ahead(uint256 deadline) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.DeadlineAhead.selector, deadline, block.timestamp);
    }

    function _tooEarly(uint256 from) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.TooEarly.selector, from, block.timestamp);
    }

    function _graceRunning() internal view returns (bytes memory) {
        IResourceEscrow.Held memory now_ = exchange.heldOf(held);
        return abi.encodeWithSelector(IResourceEscrow.GraceRunning.selector, now_.graceUntil, now_.graceBlock);
    }

    function _stands(uint32 number) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.RulingStands.selector, held, number);
    }

    function _wrongState(IResourceEscrow.State state) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.WrongState.selector, held, state);
    }

    function _stateHash() internal view virtual override returns (bytes32) {
        return keccak256(abi.encode(super._stateHash(), exchange.heldOf(held), exchange.rulingOf(held)));
    }
}
