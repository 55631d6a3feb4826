// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {ICapacityExchange} from "../../src/interfaces/ICapacityExchange.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";
import {KeyWallet} from "../base/Wallets.sol";

/// @notice Adversarial cases 51 to 66: who tries to steal from an escrow, to lock it, or to have it decided unfairly.
contract AdversarialEscrowTest is EscrowBase {
    /// @dev All-zero terms have the digest of instant settlement, and a resource named zero, of a slot since 1970, is their
    /// place: signatures and place are right, and the terms still are not.
    function test_case51_instant_trade_taken_into_escrow_with_zero_terms() public {
        uint64 length = 2_000_000_000;
        _as(supplier, abi.encodeCall(exchange.registerResource, (0, UNIT, 0, length)));
        IResourceVerification.Attestation memory attestation = _attestation(0, _quantities(10), 1);
        (attestation.origin, attestation.slotLength) = (0, length);
        _attest(attestation);
        _list(0, 10);
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = exchange.listingId(supplier, 0, 0);
        IResourceEscrow.Escrow memory zero;
        vm.assertEq(exchange.escrowDigestOf(trade, zero), exchange.digestOf(trade));
        bytes memory call =
            abi.encodeCall(exchange.settleEscrow, (IResourceEscrow.EscrowedTrade(_signed(trade), zero), _none()));
        bytes memory reason = abi.encodeWithSelector(
            IResourceEscrow.BadTerm.selector, bytes32("deliverBy"), 0, NOW + _parameters().deliveryWindow
        );
        _refuses(supplier, call, reason);
    }

    /// @dev Whoever calls with terms of its own liking finds no such trade.
    function test_case52_other_terms_at_a_later_call() public {
        _escrowed();
        IResourceEscrow.Escrow memory better = _escrow();
        (better.lateShare, better.deliverBy) = (10_000, NOW + 600);
        vm.warp(NOW + 600);
        bytes memory reason = abi.encodeWithSelector(
            IResourceEscrow.WrongState.selector, exchange.escrowDigestOf(_trade(), better), IResourceEscrow.State.None
        );
        _refuses(supplier, abi.encodeCall(exchange.expire, (_trade(), better)), reason);
        _refuses(supplier, abi.encodeCall(exchange.refund, (_trade(), better)), reason);
        IResourceTrading.Trade memory dearer = _trade();
        dearer.unitPrice = 1000;
        reason = abi.encodeWithSelector(
            IResourceEscrow.WrongState.selector, exchange.escrowDigestOf(dearer, _escrow()), IResourceEscrow.State.None
        );
        _refuses(demander, abi.encodeCall(exchange.release, (dearer, _escrow(), 1)), reason);
    }

    function test_case53_the_same_escrow_twice() public {
        bytes memory call = _escrowCall(_trade(), _escrow());
        _escrowed();
        _refuses(stranger, call, _nonceUsed(0));
        _release(100);
        _refuses(stranger, call, _nonceUsed(0));
        _raiseEpoch(demander);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.WrongEpoch.selector, demander, 0, uint32(NOW)));
    }

    /// @dev A demander that pays all but a unit does not by that win back the deposit that giving in would cost it.
    function test_case54_giving_in_all_but_a_unit() public {
        _escrowed();
        _deliver();
        _dispute();
        _release(99);
        _assertHeld(1, IResourceEscrow.State.Disputed);
        _ruled(_ruling(10_000));
        _assertClosed(ALL);
    }

    /// @dev Nor does a party that sees a ruling coming give in before it.
    function test_case55_giving_in_ahead_of_a_ruling() public {
        _escrowed();
        _deliver();
        _dispute();
        vm.warp(block.timestamp + _parameters().hearing);
        _as(stranger, _ruleCall(_ruling(5000)));
        _refuses(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())), _stands(1));
        _refuses(demander, abi.encodeCall(exchange.release, (_trade(), _escrow(), 100)), _stands(1));
        _waitRuling();
        _as(stranger, _executeCall());
        _refuses(stranger, _executeCall(), _wrongState(IResourceEscrow.State.Closed));
        _assertClosed(75);
    }

    /// @dev The same trade, operators and ruling in another exchange.
    function test_case56_ruling_of_another_exchange() public {
        _escrowed();
        _deliver();
        _dispute();
        ICapacityExchange here = exchange;
        exchange = _deploy(operatorAccounts, 2, address(token));
        IOperators.OperatorSignature[] memory foreign = _decided(_rulingHash(_ruling(0)));
        exchange = here;
        vm.warp(block.timestamp + _parameters().hearing);
        _refuses(
            demander,
            abi.encodeCall(exchange.rule, (_trade(), _escrow(), _ruling(0), foreign)),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, operatorAccounts[0])
        );
    }

    /// @dev An operator that signs two rulings of one number decides by it at most until the next number.
    function test_case57_two_rulings_of_one_number() public {
        _escrowed();
        _deliver();
        _dispute();
        bytes memory other = _ruleCall(_ruling(0));
        vm.warp(block.timestamp + _parameters().hearing);
        _as(supplier, _ruleCall(_ruling(10_000)));
        _refuses(demander, other, abi.encodeWithSelector(IResourceEscrow.StaleRuling.selector, held, 1, 1));
        IResourceEscrow.Ruling memory next = _ruling(0);
        next.number = 2;
        _as(demander, _ruleCall(next));
        _waitRuling();
        _as(stranger, _executeCall());
        _assertClosed(0);
    }

    /// @dev A signature counts once, and one of a party never, in whatever place.
    function test_case58_ruling_filled_up_with_other_signatures() public {
        _escrowed();
        _deliver();
        _dispute();
        vm.warp(block.timestamp + _parameters().hearing);
        bytes32 hash = _rulingHash(_ruling(10_000));
        IOperators.OperatorSignature[] memory signatures = _decided(hash);
        signatures[1] = signatures[0];
        _refuses(
            supplier,
            _ruleWith(signatures),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 1, operatorAccounts[0])
        );
        signatures[1] = _operatorSignature(SUPPLIER_KEY, hash);
        _refuses(supplier, _ruleWith(signatures), abi.encodeWithSelector(IResourceEscrow.PartyRules.selector, supplier));
    }

    /// @dev A false statement of delivery, made because an attestation was lowered, stops the refund at once and no more.
    function test_case59_false_delivery_ahead_of_an_uncovered_refund() public {
        _escrowed();
        _attest(_attestation("m1", _quantities(0), 2));
        _deliver();
        _refuses(
            demander,
            abi.encodeCall(exchange.refundUncovered, (_trade(), _escrow())),
            _wrongState(IResourceEscrow.State.Delivered)
        );
        _dispute();
        _ruled(IResourceEscrow.Ruling(1, 0, 5000, 0, DEADLINE));
        _assertClosed(20);
    }

    /// @dev Eight are sold in two trades and six attested: no order of ends gives back what may not be sold.
    function test_case60_capacity_given_back_twice() public {
        _escrowed();
        IResourceTrading.Trade memory second = _trade();
        second.nonce = 1;
        _as(stranger, _escrowCall(second, _escrow()));
        _attest(_attestation("m1", _quantities(6), 2));
        _as(demander, abi.encodeCall(exchange.refundUncovered, (_trade(), _escrow())));
        vm.assertEq(_slot("m1").committed, 4);
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        vm.assertEq(_slot("m1").committed, 4);
        _as(supplier, abi.encodeCall(exchange.refund, (second, _escrow())));
        vm.assertEq(_slot("m1").committed, 0);
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 5)))),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 5, 4, 0)
        );
    }

    /// @dev A batch holds one trade that is good and others with the greatest numbers in every place.
    function test_case61_numbers_that_overflow_in_a_batch() public {
        _as(supplier, abi.encodeCall(exchange.registerResource, ("m4", UNIT, NOW, HOUR)));
        _attest(_attestation("m4", _quantities(type(uint64).max), 1));
        _list("m4", type(uint64).max);
        IResourceEscrow.EscrowedTrade[] memory trades = new IResourceEscrow.EscrowedTrade[](4);
        for (uint256 i = 0; i < 4; ++i) {
            IResourceTrading.Trade memory trade = _trade();
            IResourceEscrow.Escrow memory escrow = _escrow();
            if (i == 0) {
                (trade.listing, escrow.resource) = (_id("m4", 0), "m4");
                (trade.quantity, trade.unitPrice) = (type(uint64).max, type(uint128).max);
            }
            if (i == 1) escrow.bond = type(uint128).max;
            if (i == 2) {
                (escrow.deliverFrom, escrow.deliverBy) = (type(uint64).max, type(uint64).max);
                (escrow.disputeBy, escrow.decideBy) = (type(uint64).max, type(uint64).max);
            }
            trades[i] = _escrowedTrade(trade, escrow);
        }
        vm.recordLogs();
        exchange.settleEscrowBatch(trades, _none());
        vm.assertEq(vm.getRecordedLogs().length, 3 + 2);
        vm.assertEq(exchange.heldOf(exchange.escrowDigestOf(_trade(), _escrow())).payment, 100);
    }

    /// @dev A party whose balance is as full as can be is paid what is its own all the same.
    function test_case62_full_balance_blocks_no_end() public {
        _escrowed();
        uint256 room = type(uint128).max - 2 * FUNDS;
        _fund(supplier, room);
        token.mint(stranger, 1);
        vm.prank(stranger);
        token.approve(address(exchange), 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.deposit, (address(token), 1)),
            abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, 1)
        );
        _as(stranger, _splitCall(150, 0));
        vm.assertEq(_balance(supplier), room + FUNDS - BOND - DEPOSIT + 150);
        vm.assertEq(exchange.accountOf(supplier, address(token)).epoch, 0);
    }

    /// @dev Whoever relays a party's call is no party by it, in the modules as elsewhere.
    function test_case63_relayer_is_not_the_party() public {
        _escrowed();
        bytes memory refund = abi.encodeCall(exchange.refund, (_trade(), _escrow()));
        IAccounts.Intent memory intent = _intent(stranger, refund);
        bytes memory relayed = abi.encodeCall(exchange.relay, (intent, _sign(STRANGER_KEY, _digest(intent))));
        _refuses(supplier, relayed, _notParty(stranger));
        intent = _intent(supplier, abi.encodeCall(exchange.heldOf, (held)));
        _as(stranger, abi.encodeCall(exchange.relay, (intent, _sign(SUPPLIER_KEY, _digest(intent)))));
        _refuses(stranger, refund, _notParty(stranger));
        intent = _intent(supplier, refund);
        _as(stranger, abi.encodeCall(exchange.relay, (intent, _sign(SUPPLIER_KEY, _digest(intent)))));
        _assertClosed(25);
    }

    /// @dev Between the end of a grace period and the call that pays nobody acts, and nobody can stop that call.
    function test_case64_acts_ahead_of_the_second_expiry() public {
        _escrowed();
        vm.warp(DELIVER_BY);
        _as(demander, _expireCall());
        _waitGrace();
        bytes memory deliver = abi.encodeCall(exchange.deliver, (_trade(), _escrow(), 4));
        _refuses(supplier, deliver, _passed(DELIVER_BY + _parameters().graceTime));
        _cancel(supplier, type(uint96).max);
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        _as(supplier, _withdrawCall(_balance(supplier), supplier));
        _as(demander, _expireCall());
        vm.assertEq(_balance(supplier), 40);
    }

    /// @dev Without a call nothing is decided: a grace period is not opened by the time alone.
    function test_case65_expiry_without_its_first_step() public {
        _escrowed();
        vm.warp(DECIDE_BY + 365 * 24 * HOUR);
        vm.roll(block.number + 1_000_000);
        _as(stranger, _expireCall());
        _assertHeld(100, IResourceEscrow.State.Funded);
        _refuses(stranger, _expireCall(), _graceRunning());
    }

    /// @dev A wallet (ERC-1271) is bound by its own word alone: to a trade, and to a split.
    function test_case66_split_that_a_wallet_did_not_confirm() public {
        KeyWallet wallet = new KeyWallet(vm.addr(0x0e1));
        _fund(address(wallet), FUNDS);
        IResourceTrading.Trade memory trade = _trade();
        trade.demander = address(wallet);
        held = exchange.escrowDigestOf(trade, _escrow());
        IResourceEscrow.EscrowedTrade memory escrowed = _escrowedTrade(trade, _escrow());
        escrowed.signed.demander = IResourceTrading.Signature(0, 0);
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = _sign(DEMANDER_KEY, held);
        bytes memory refused = _badSignature(address(wallet), address(0));
        _refuses(stranger, abi.encodeCall(exchange.settleEscrow, (escrowed, proofs)), refused);
        // The key of its owner alone is not its word.
        proofs[0] = _sign(0x0e1, held);
        _refuses(stranger, abi.encodeCall(exchange.settleEscrow, (escrowed, proofs)), refused);
        proofs[0] = _sign(0x0e1, _confirmation(address(wallet), held));
        _as(stranger, abi.encodeCall(exchange.settleEscrow, (escrowed, proofs)));
        bytes32 digest = _splitDigest(150, 0, DEADLINE, 0);
        IResourceTrading.Signature memory his = _compact(SUPPLIER_KEY, digest);
        proofs[0] = _sign(SUPPLIER_KEY, digest);
        IResourceTrading.Signature memory its = IResourceTrading.Signature(0, 0);
        _refuses(
            supplier, abi.encodeCall(exchange.split, (trade, _escrow(), 150, 0, DEADLINE, its, his, proofs)), refused
        );
        proofs[0] = _sign(0x0e1, digest);
        _refuses(
            supplier, abi.encodeCall(exchange.split, (trade, _escrow(), 150, 0, DEADLINE, its, his, proofs)), refused
        );
        proofs[0] = _sign(0x0e1, _confirmation(address(wallet), digest));
        _as(supplier, abi.encodeCall(exchange.split, (trade, _escrow(), 150, 0, DEADLINE, its, his, proofs)));
        vm.assertEq(_balance(supplier), FUNDS - BOND - DEPOSIT + 150);
    }

    function _ruleWith(IOperators.OperatorSignature[] memory signatures) private view returns (bytes memory) {
        return abi.encodeCall(exchange.rule, (_trade(), _escrow(), _ruling(10_000), signatures));
    }
}
