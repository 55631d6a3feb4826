// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {LaterEscrowBase} from "../base/LaterEscrowBase.sol";
import {KeyWallet} from "../base/Wallets.sol";

/// @notice Who rules: the set of the trade's settlement, to its end, without its parties. The first set is of three, two
/// needed; the trade is of a slot 30 hours later, past a change of the set.
contract RulingOperatorsTest is LaterEscrowBase {
    uint256 private constant NEW_KEY = 0x9e3;

    function test_anEscrowKeepsTheSetOfItsSettlement() public {
        _escrowed(_late(0), _laterEscrow(SLOT));
        _setOperators(_addresses(vm.addr(NEW_KEY)), 1);
        _toRuling();
        vm.assertEq(exchange.operatorSet(), 2);
        _refuses(
            stranger, _ruleWith(_only(NEW_KEY)), abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
        _as(stranger, _ruleWith(_decided(_rulingHash(_ruling(0)))));
        vm.assertEq(exchange.rulingOf(held).number, 1);
    }

    function test_theNewSetRulesWhatIsSettledFromItsFirstSecondOn() public {
        _setOperators(_addresses(vm.addr(NEW_KEY)), 1);
        uint64 since = NOW + _parameters().operatorDelay;
        vm.warp(since - 1);
        _escrowed(_late(1), _laterEscrow(SLOT));
        vm.assertEq(exchange.heldOf(held).operatorSet, 1);
        vm.warp(since);
        _escrowed(_late(0), _laterEscrow(SLOT));
        vm.assertEq(exchange.heldOf(held).operatorSet, 2);
        _toRuling();
        _refuses(
            stranger,
            _ruleWith(_decided(_rulingHash(_ruling(0)))),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, operatorAccounts[0])
        );
        _as(stranger, _ruleWith(_only(NEW_KEY)));
    }

    function test_aPartyDoesNotRuleItsOwnCase() public {
        uint256[2] memory keys = [SUPPLIER_KEY, DEMANDER_KEY];
        for (uint256 i = 0; i < 2; ++i) {
            uint256 snapshot = vm.snapshotState();
            address party = vm.addr(keys[i]);
            _disputedUnder(_withOperators(party), 2);
            // Wherever among the signers it stands.
            for (uint256 place = 0; place < 2; ++place) {
                IOperators.OperatorSignature[] memory signatures = _decided(_rulingHash(_ruling(0)));
                signatures[place] = _operatorSignature(keys[i], _rulingHash(_ruling(0)));
                _refuses(
                    stranger, _ruleWith(signatures), abi.encodeWithSelector(IResourceEscrow.PartyRules.selector, party)
                );
            }
            // The others rule without it.
            _as(stranger, _ruleWith(_decided(_rulingHash(_ruling(0)))));
            vm.assertEq(exchange.rulingOf(held).number, 1);
            vm.assertTrue(vm.revertToState(snapshot));
        }
    }

    function test_aContractWalletRules() public {
        address wallet = address(new KeyWallet(vm.addr(NEW_KEY)));
        _disputedUnder(_addresses(wallet), 1);
        IOperators.OperatorSignature[] memory signatures = _only(STRANGER_KEY);
        signatures[0].operator = wallet;
        _refuses(
            stranger, _ruleWith(signatures), abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, wallet)
        );
        signatures[0] = _walletsSignature(NEW_KEY, wallet, _rulingHash(_ruling(0)));
        _as(stranger, _ruleWith(signatures));
        vm.assertEq(exchange.rulingOf(held).number, 1);
    }
}
