// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice All that is held, 150, divided as both agreed; and agreements withdrawn.
contract SplitTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_bothMayAgreeBeforeDelivery() public {
        bytes memory call = _splitCall(25, 125);
        _expectReleased(IResourceEscrow.Cause.Split, 25, 125);
        _as(stranger, call);
        _assertClosed(25);
    }

    function test_bothMayAgreeAfterDeliveryAndInADispute() public {
        uint256 snapshot = vm.snapshotState();
        _deliver();
        _as(stranger, _splitCall(150, 0));
        _assertClosed(150);
        vm.assertTrue(vm.revertToState(snapshot));
        _deliver();
        _dispute();
        _as(stranger, _splitCall(0, 150));
        _assertClosed(0);
    }

    /// @dev It is both parties' money: they may agree on better than the operators' ruling.
    function test_bothMayAgreeWhileARulingStands() public {
        _deliver();
        _dispute();
        vm.warp(block.timestamp + _parameters().hearing);
        _as(stranger, _ruleCall(_ruling(0)));
        _as(stranger, _splitCall(100, 50));
        _assertClosed(100);
        vm.assertEq(exchange.rulingOf(held).number, 0);
    }

    function test_refusesAnySumButWhatIsHeld() public {
        _refuses(stranger, _splitCall(75, 76), _wrongSplit(150, 151));
        _refuses(stranger, _splitCall(75, 74), _wrongSplit(150, 149));
        uint256 most = uint256(type(uint128).max);
        _refuses(stranger, _splitCall(type(uint128).max, type(uint128).max), _wrongSplit(150, 2 * most));
    }

    function test_amountsAgreedBeforeAMilestoneAreVoidAfterIt() public {
        bytes memory call = _splitCall(75, 75);
        _release(1);
        _refuses(stranger, call, _wrongSplit(149, 150));
    }

    function test_refusesFromItsDeadlineOn() public {
        bytes memory call = _callBy(NOW + 60);
        vm.warp(NOW + 60);
        _refuses(stranger, call, _passed(NOW + 60));
        vm.warp(NOW + 61);
        _refuses(stranger, call, _passed(NOW + 60));
        vm.warp(NOW + 59);
        _as(stranger, call);
    }

    function test_refusesASplitSignedByOne() public {
        bytes32 digest = _splitDigest(75, 75, DEADLINE, 0);
        IResourceTrading.Signature memory hers = _compact(DEMANDER_KEY, digest);
        IResourceTrading.Signature memory his = _compact(SUPPLIER_KEY, digest);
        IResourceTrading.Signature memory strangers = _compact(STRANGER_KEY, digest);
        _refuses(stranger, _callWith(strangers, his), _badSignature(demander, stranger));
        _refuses(stranger, _callWith(hers, strangers), _badSignature(supplier, stranger));
    }

    function test_refusesAmountsThatWereNotSigned() public {
        bytes32 digest = _splitDigest(76, 74, DEADLINE, 0);
        IResourceTrading.Signature memory hers = _compact(DEMANDER_KEY, digest);
        address other = _recovered(_splitDigest(75, 75, DEADLINE, 0), hers);
        _refuses(stranger, _callWith(hers, _compact(SUPPLIER_KEY, digest)), _badSignature(demander, other));
    }

    function test_eitherPartyVoidsWhatWasSigned() public {
        bytes memory first = _splitCall(75, 75);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.SplitsVoided(held, 1);
        _as(demander, _voidCall());
        _refusesVoided(first, 0);
        bytes memory second = _splitCall(75, 75);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.SplitsVoided(held, 2);
        _as(supplier, _voidCall());
        _refusesVoided(second, 1);
        _as(stranger, _splitCall(75, 75));
        _assertClosed(75);
    }

    function test_refusesToVoidForAnother() public {
        _refuses(stranger, _voidCall(), _notParty(stranger));
    }

    function test_refusesToVoidForATradeThatIsNotHeld() public {
        IResourceTrading.Trade memory other = _trade();
        other.nonce = 1;
        held = exchange.escrowDigestOf(other, _escrow());
        bytes memory call = abi.encodeCall(exchange.voidSplits, (other, _escrow()));
        _refuses(demander, call, _wrongState(IResourceEscrow.State.None));
    }

    /// @dev Whatever the state, a split pays what it says, and the exchange keeps nothing.
    function testFuzz_paysWhatItSays(uint128 toSupplier, uint8 state) public {
        if (state % 3 > 0) _deliver();
        if (state % 3 > 1) _dispute();
        toSupplier %= 151;
        _as(stranger, _splitCall(toSupplier, 150 - toSupplier));
        _assertClosed(toSupplier);
    }

    function _voidCall() private view returns (bytes memory) {
        return abi.encodeCall(exchange.voidSplits, (_trade(), _escrow()));
    }

    function _callBy(uint64 deadline) private view returns (bytes memory) {
        bytes32 digest = _splitDigest(75, 75, deadline, 0);
        return _encoded(deadline, _compact(DEMANDER_KEY, digest), _compact(SUPPLIER_KEY, digest));
    }

    function _callWith(IResourceTrading.Signature memory hers, IResourceTrading.Signature memory his)
        private
        view
        returns (bytes memory)
    {
        return _encoded(DEADLINE, hers, his);
    }

    function _encoded(uint64 deadline, IResourceTrading.Signature memory hers, IResourceTrading.Signature memory his)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(exchange.split, (_trade(), _escrow(), 75, 75, deadline, hers, his, _none()));
    }

    /// @dev Signed for `nonce`, the signature is another's for the current one.
    function _refusesVoided(bytes memory call, uint32 nonce) private {
        IResourceTrading.Signature memory hers = _compact(DEMANDER_KEY, _splitDigest(75, 75, DEADLINE, nonce));
        address other = _recovered(_splitDigest(75, 75, DEADLINE, nonce + 1), hers);
        _refuses(stranger, call, _badSignature(demander, other));
    }

    function _wrongSplit(uint256 all, uint256 given) private view returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.WrongSplit.selector, held, all, given);
    }
}
