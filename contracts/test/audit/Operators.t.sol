// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {LaterEscrowBase} from "../base/LaterEscrowBase.sol";
import {KeyWallet} from "../base/Wallets.sol";

/// @notice Harms of an audit of the second version, by its numbers: what operators decide, and who they are.
contract AuditOperatorsTest is LaterEscrowBase {
    uint256 private constant NEW_KEY = 0x9e3;

    /// @dev F09: what an operator had signed before it was removed came back to life with it.
    function test_whatARemovedOperatorSignedStaysVoid() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(1000), 2);
        bytes memory call = abi.encodeCall(exchange.attest, (attestation, _decided(this.hashOf(attestation))));
        address[] memory without = new address[](2);
        (without[0], without[1]) = (operatorAccounts[1], operatorAccounts[2]);
        _setOperators(without, 2);
        vm.warp(NOW + _parameters().operatorDelay);
        _refuses(supplier, call, abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, 1, 2));
        bytes32 back = _operatorsHash(operatorAccounts, 2, DEADLINE);
        exchange.setOperators(operatorAccounts, 2, DEADLINE, _two(1, 2, back));
        vm.warp(block.timestamp + _parameters().operatorDelay);
        vm.assertEq(exchange.operators(), operatorAccounts);
        _refuses(supplier, call, abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, 1, 3));
    }

    /// @dev F10: of two rulings that an operator had signed one after the other, the party that came first chose. The
    /// later one has a higher number and replaces the other in its window.
    function test_correctedRulingIsTheOneCarriedOut() public {
        _escrowed();
        _deliver();
        _dispute();
        IResourceEscrow.Ruling memory all = _ruling(10_000);
        IResourceEscrow.Ruling memory none = _ruling(0);
        none.number = 2;
        bytes memory first = _ruleBy(all, _two(0, 1, _rulingHash(all)));
        bytes memory second = _ruleBy(none, _two(1, 2, _rulingHash(none)));
        vm.warp(block.timestamp + _parameters().hearing);
        _as(supplier, first);
        _as(demander, second);
        bytes memory stale = abi.encodeWithSelector(IResourceEscrow.StaleRuling.selector, held, 1, 2);
        _refuses(supplier, first, stale);
        _waitRuling();
        _as(stranger, _executeCall());
        _assertClosed(0);
    }

    /// @dev F10 again, where a standstill of the chain lasts past the time for deciding: whoever posts the old ruling first
    /// thereafter does not win by it. The time for replacing it counted from `decideBy` and was over.
    function test_correctedRulingReplacesOneThatWasPostedLate() public {
        _escrowed();
        _deliver();
        _dispute();
        IResourceEscrow.Ruling memory all = _ruling(10_000);
        IResourceEscrow.Ruling memory none = _ruling(0);
        none.number = 2;
        vm.warp(DECIDE_BY + 7 * 24 * HOUR);
        _as(supplier, _ruleBy(all, _two(0, 1, _rulingHash(all))));
        _as(demander, _ruleBy(none, _two(1, 2, _rulingHash(none))));
        _waitRuling();
        _as(stranger, _executeCall());
        _assertClosed(0);
    }

    /// @dev F10 once more, where the chain stands still after the old ruling was posted: its window is of blocks too.
    function test_standstillDoesNotUseUpTheWindowOfARuling() public {
        _escrowed();
        _deliver();
        _dispute();
        IResourceEscrow.Ruling memory all = _ruling(10_000);
        IResourceEscrow.Ruling memory none = _ruling(0);
        none.number = 2;
        vm.warp(block.timestamp + _parameters().hearing);
        _as(supplier, _ruleBy(all, _two(0, 1, _rulingHash(all))));
        vm.warp(block.timestamp + 7 * 24 * HOUR);
        vm.roll(block.number + 1);
        _refuses(supplier, _executeCall(), _graceRunning());
        _as(demander, _ruleBy(none, _two(1, 2, _rulingHash(none))));
    }

    /// @dev F11: one of three was a threshold, so that each operator alone attested, ruled and replaced the others.
    function test_thresholdIsAMajority() public {
        uint256[3] memory bad = [uint256(0), 1, 4];
        for (uint256 i = 0; i < 3; ++i) {
            (bool ok, bytes memory answer) = address(this).call(abi.encodeCall(this.deployWith, (bad[i])));
            vm.assertFalse(ok);
            vm.assertEq(answer, abi.encodeWithSelector(IOperators.BadThreshold.selector, bad[i], 3));
        }
        this.deployWith(2);
        this.deployWith(3);
    }

    /// @dev External so that a refusal reaches the test as an error.
    function deployWith(uint256 threshold) external {
        _deploy(operatorAccounts, threshold, address(token));
    }

    /// @dev F17, right as it is: who wants all of n to agree gives each of them a veto. What then happens without a
    /// decision the parties agree themselves, in `undecidedShare`; operators choose a threshold below their number.
    function test_oneSilentOperatorOfAllLeavesItUndecided() public {
        _disputedUnder(operatorAccounts, 3);
        _refuses(
            supplier,
            _ruleWith(_decided(_rulingHash(_ruling(0)))),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 2, 3)
        );
        vm.warp(DECIDE_BY + SLOT * HOUR);
        exchange.expire(_late(0), _laterEscrow(SLOT));
        _waitGrace();
        _expectReleased(IResourceEscrow.Cause.Undecided, 33 + 40 + 5, 67 + 5);
        exchange.expire(_late(0), _laterEscrow(SLOT));
    }

    /// @dev New operators were in office in the block of the decision, before anyone could leave.
    function test_changeOfOperatorsLeavesTimeToLeave() public {
        _setOperators(_addresses(vm.addr(NEW_KEY)), 1);
        uint64 since = NOW + _parameters().operatorDelay;
        bytes32 structHash = _pauseHash(NOW + 1, DEADLINE);
        IOperators.OperatorSignature[] memory signatures = new IOperators.OperatorSignature[](1);
        signatures[0] = _operatorSignature(NEW_KEY, structHash);
        bytes memory early = abi.encodeCall(exchange.pause, (NOW + 1, DEADLINE, signatures));
        vm.warp(since - 1);
        _refuses(stranger, early, abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2));
        _as(demander, _withdrawCall(FUNDS, demander));
        vm.assertEq(token.balanceOf(demander), FUNDS);
        vm.warp(since);
        vm.assertEq(exchange.operators(), _addresses(vm.addr(NEW_KEY)));
    }

    /// @dev What the old set signed is good as long as that is in office, and not a second longer.
    function test_oldDecisionsCountUntilTheChange() public {
        _setOperators(_addresses(vm.addr(NEW_KEY)), 1);
        uint64 since = NOW + _parameters().operatorDelay;
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(20), 2);
        bytes memory call = abi.encodeCall(exchange.attest, (attestation, _decided(this.hashOf(attestation))));
        vm.warp(since);
        _refuses(supplier, call, abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, 1, 2));
        vm.warp(since - 1);
        _as(supplier, call);
    }

    /// @dev A change of operators changed the judges of what was already in escrow.
    function test_escrowKeepsItsJudges() public {
        _escrowed(_late(0), _laterEscrow(SLOT));
        _setOperators(_addresses(vm.addr(NEW_KEY)), 1);
        _toRuling();
        bytes memory reason = abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2);
        _refuses(stranger, _ruleWith(_only(NEW_KEY)), reason);
        _as(stranger, _ruleWith(_decided(_rulingHash(_ruling(0)))));
    }

    /// @dev An operator who sold or bought was judge in its own case.
    function test_operatorDoesNotRuleItsOwnCase() public {
        _disputedUnder(_withOperators(demander), 2);
        IOperators.OperatorSignature[] memory signatures = _decided(_rulingHash(_ruling(0)));
        signatures[1] = _operatorSignature(DEMANDER_KEY, _rulingHash(_ruling(0)));
        bytes memory reason = abi.encodeWithSelector(IResourceEscrow.PartyRules.selector, demander);
        _refuses(demander, _ruleWith(signatures), reason);
    }

    /// @dev A contract wallet, of several keys as a rule, could not be an operator.
    function test_contractWalletIsAnOperator() public {
        address wallet = address(new KeyWallet(vm.addr(NEW_KEY)));
        _setOperators(_addresses(wallet), 1);
        vm.warp(NOW + _parameters().operatorDelay);
        uint64 until = uint64(block.timestamp) + 10;
        IOperators.OperatorSignature[] memory signatures = new IOperators.OperatorSignature[](1);
        signatures[0] = _walletsSignature(NEW_KEY, wallet, _pauseHash(until, DEADLINE));
        exchange.pause(until, DEADLINE, signatures);
        vm.assertEq(exchange.pausedUntil(), until);
    }

    /// @dev Signatures of two operators, by their place among the three.
    function _two(uint256 one, uint256 other, bytes32 structHash)
        private
        view
        returns (IOperators.OperatorSignature[] memory signatures)
    {
        signatures = new IOperators.OperatorSignature[](2);
        signatures[0] = _operatorSignature(operatorKeys[one], structHash);
        signatures[1] = _operatorSignature(operatorKeys[other], structHash);
    }

    function _ruleBy(IResourceEscrow.Ruling memory ruling, IOperators.OperatorSignature[] memory signatures)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(exchange.rule, (_trade(), _escrow(), ruling, signatures));
    }
}
