// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Shares agreed by both parties, or ruled by operators.
contract SplitTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_bothMayAgreeInEveryWaitingState() public {
        bytes memory call = _splitCall(2500);
        _expectReleased(25, 75);
        _as(stranger, call);
        _assertClosed(25);
    }

    function test_bothMayAgreeInADispute() public {
        _deliver();
        _dispute();
        _as(stranger, _splitCall(10_000));
        _assertClosed(100);
    }

    function test_refusesASplitSignedByOneOrForAnotherShare() public {
        bytes32 digest = _splitDigest(2500);
        IResourceTrading.Signature memory hers = _compact(DEMANDER_KEY, digest);
        IResourceTrading.Signature memory his = _compact(SUPPLIER_KEY, digest);
        IResourceTrading.Signature memory strangers = _compact(STRANGER_KEY, digest);
        _refuses(stranger, _splitCall(2500, strangers, his), _badSignature(demander, stranger));
        _refuses(stranger, _splitCall(2500, hers, strangers), _badSignature(supplier, stranger));
        address other = _recovered(_splitDigest(2501), hers);
        _refuses(stranger, _splitCall(2501, hers, his), _badSignature(demander, other));
    }

    function test_refusesASplitAboveTheWhole() public {
        bytes memory reason = abi.encodeWithSelector(IResourceEscrow.BadShare.selector, 10_001);
        _refuses(stranger, _splitCall(10_001), reason);
        _deliver();
        _dispute();
        _refuses(stranger, _ruleCall(10_001), reason);
    }

    function test_operatorsRuleOnADispute() public {
        _deliver();
        _dispute();
        vm.warp(DECIDE_BY - 1);
        bytes memory call = _ruleCall(6666);
        _expectReleased(66, 34);
        _as(stranger, call);
        _assertClosed(66);
        vm.assertEq(exchange.decisionNonce(), 0);
    }

    function test_operatorsMayRuleTheWholeToTheSupplier() public {
        _deliver();
        _dispute();
        _as(stranger, _ruleCall(10_000));
        _assertClosed(100);
    }

    function test_refusesARulingWithoutADispute() public {
        _refuses(stranger, _ruleCall(5000), _wrongState(IResourceEscrow.State.Funded));
        _deliver();
        _refuses(stranger, _ruleCall(5000), _wrongState(IResourceEscrow.State.Delivered));
    }

    function test_refusesARulingFromItsDeadlineOn() public {
        _deliver();
        _dispute();
        vm.warp(DECIDE_BY);
        _refuses(
            stranger,
            _ruleCall(5000),
            abi.encodeWithSelector(IResourceEscrow.DeadlinePassed.selector, DECIDE_BY, DECIDE_BY)
        );
    }

    function test_refusesARulingOfTooFewOrOfParties() public {
        _deliver();
        _dispute();
        bytes[] memory signatures = _operatorSignatures(_rulingHash(5000), 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.rule, (_trade(), _escrow(), 5000, signatures)),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
        signatures = _decided(_rulingHash(5000));
        signatures[0] = _sign(SUPPLIER_KEY, _typed(_rulingHash(5000)));
        _refuses(
            supplier,
            abi.encodeCall(exchange.rule, (_trade(), _escrow(), 5000, signatures)),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, supplier)
        );
    }

    function test_refusesARulingOnAnotherTrade() public {
        _deliver();
        _dispute();
        bytes memory call = _ruleCall(5000);
        bytes[] memory signatures = _decided(_rulingHash(5000));
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        bytes32 other = exchange.digestOf(trade, _escrow());
        _refuses(
            stranger,
            abi.encodeCall(exchange.rule, (trade, _escrow(), 5000, signatures)),
            abi.encodeWithSelector(IResourceEscrow.WrongState.selector, other, IResourceEscrow.State.None)
        );
        _as(stranger, call);
    }

    /// @dev Whatever the share, the supplier's part is rounded down and nothing is lost.
    function testFuzz_sharesRoundDownForTheSupplier(uint64 quantity, uint32 unitPrice, uint16 share) public {
        _attested("m2", type(uint64).max);
        _list("m2", type(uint64).max);
        IResourceTrading.Trade memory trade = _trade();
        (trade.listing, trade.nonce) = (_id("m2", 0), 1);
        (trade.quantity, trade.unitPrice) = (quantity / 2 + 1, uint128(unitPrice) + 1);
        share %= 10_001;
        uint256 payment = uint256(trade.quantity) * trade.unitPrice;
        _fund(demander, payment);
        _as(stranger, _escrowCall(trade, _escrow()));
        held = exchange.digestOf(trade, _escrow());
        bytes32 digest = _splitDigest(share);
        IResourceTrading.Signature memory hers = _compact(DEMANDER_KEY, digest);
        exchange.split(trade, _escrow(), share, hers, _compact(SUPPLIER_KEY, digest), _none());
        vm.assertEq(_balance(supplier), payment * share / 10_000);
        vm.assertEq(_balance(demander) + _balance(supplier), FUNDS - 100 + payment);
    }

    function _splitCall(uint16 share, IResourceTrading.Signature memory hers, IResourceTrading.Signature memory his)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(exchange.split, (_trade(), _escrow(), share, hers, his, _none()));
    }
}
