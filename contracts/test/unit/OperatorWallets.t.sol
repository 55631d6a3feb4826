// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";
import {DearWallet, HostileWallet, KeyWallet} from "../base/Wallets.sol";

/// @notice Contract accounts as operators: two wallets and one key, two needed.
contract OperatorWalletsTest is ExchangeBase {
    uint256 private constant OWNER_KEY = 0xe;
    uint256 private constant ENOUGH_GAS = 3_000_000;

    KeyWallet private wallet;
    HostileWallet private hostile;

    function setUp() public override {
        super.setUp();
        (wallet, hostile) = (new KeyWallet(vm.addr(OWNER_KEY)), new HostileWallet());
        exchange = _deploy(_three(address(wallet), address(hostile)), 2, address(token));
        _register("m1");
    }

    function test_aWalletConfirmsWithItsOwnersKey() public {
        (bytes memory call,) = _attestCall(address(wallet), true);
        _as(stranger, call);
        vm.assertEq(_slot("m1").attested, 10);
        bytes32 structHash = _pauseHash(NOW + 9, DEADLINE);
        bytes memory signature = _walletsSignature(OWNER_KEY, address(wallet), structHash).signature;
        exchange.pause(NOW + 9, DEADLINE, _signedWith(address(wallet), signature, structHash));
        vm.assertEq(exchange.pausedUntil(), NOW + 9);
    }

    function test_aWalletsOwnerIsNoOperator() public {
        (bytes memory call, uint256 index) = _attestCall(vm.addr(OWNER_KEY), true);
        _refuses(stranger, call, _badSignature(index, vm.addr(OWNER_KEY)));
    }

    function test_refusesWhatTheWalletDoesNotConfirm() public {
        (bytes memory call, uint256 index) = _attestCall(address(wallet), false);
        _refuses(stranger, call, _badSignature(index, address(wallet)));
    }

    /// @dev One signature of an operator that owned another operator's wallet once counted for both.
    function test_refusesAKeysSignatureAsItsWallets() public {
        address own = address(new KeyWallet(operatorAccounts[0]));
        exchange = _deploy(_three(own, address(wallet)), 2, address(token));
        bytes32 structHash = _pauseHash(NOW + 9, DEADLINE);
        bytes memory reason = _badSignature(own < operatorAccounts[0] ? 0 : 1, own);
        bytes memory signature = _sign(operatorKeys[0], _typed(structHash));
        _refuses(stranger, _pauseCall(_signedWith(own, signature, structHash)), reason);
        // Nor does what it confirmed as another wallet.
        signature = _walletsSignature(operatorKeys[0], address(wallet), structHash).signature;
        _refuses(stranger, _pauseCall(_signedWith(own, signature, structHash)), reason);
        signature = _walletsSignature(operatorKeys[0], own, structHash).signature;
        _as(stranger, _pauseCall(_signedWith(own, signature, structHash)));
        vm.assertEq(exchange.pausedUntil(), NOW + 9);
    }

    /// @dev A wallet's word about itself is no key's.
    function test_refusesAConfirmationAsAKeysSignature() public {
        bytes32 structHash = _pauseHash(NOW + 9, DEADLINE);
        bytes memory signature = _walletsSignature(OWNER_KEY, address(wallet), structHash).signature;
        IOperators.OperatorSignature[] memory signatures = _signedWith(address(wallet), signature, structHash);
        uint256 index = signatures[0].operator == operatorAccounts[0] ? 0 : 1;
        signatures[index] = _walletsSignature(operatorKeys[0], operatorAccounts[0], structHash);
        _refuses(stranger, _pauseCall(signatures), _badSignature(index, operatorAccounts[0]));
    }

    /// @dev Whatever a contract answers but the magic value in a word is no signature, and the answer to the submitter
    /// is the same: it names the contract.
    function test_aHostileWalletSignsNothing() public {
        for (uint256 i = 0; i < uint256(type(HostileWallet.Manner).max); ++i) {
            hostile.behave(HostileWallet.Manner(i));
            (bytes memory call, uint256 index) = _attestCall(address(hostile), false);
            bytes32 before = _stateHash();
            (bool ok, bytes memory answer) = address(exchange).call{gas: ENOUGH_GAS}(call);
            vm.assertFalse(ok);
            vm.assertEq(answer, _badSignature(index, address(hostile)));
            vm.assertEq(_stateHash(), before);
        }
    }

    /// @dev The others decide without it.
    function test_aHostileWalletStopsNobody() public {
        hostile.behave(HostileWallet.Manner.BurnsGas);
        (bytes memory call,) = _attestCall(address(wallet), true);
        (bool ok,) = address(exchange).call{gas: ENOUGH_GAS}(call);
        vm.assertTrue(ok);
        vm.assertEq(_slot("m1").attested, 10);
    }

    /// @dev The check gets all the gas there is; less than 200,000 is the submitter's fault, and said so.
    function test_aDearCheckGetsTheGasThereIs() public {
        DearWallet dear = new DearWallet();
        exchange = _deploy(_three(address(dear), address(hostile)), 2, address(token));
        _register("m1");
        (bytes memory call, uint256 index) = _attestCall(address(dear), false);
        (bool ok, bytes memory answer) = address(exchange).call{gas: 190_000}(call);
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSelector(IAccounts.SignatureCheckStarved.selector, address(dear)));
        (ok, answer) = address(exchange).call{gas: 250_000}(call);
        vm.assertFalse(ok);
        vm.assertEq(answer, _badSignature(index, address(dear)));
        _as(stranger, call);
        vm.assertEq(_slot("m1").attested, 10);
    }

    /// @dev An attestation with the signature of the key and of `account`; and where the latter stands.
    function _attestCall(address account, bool signed) private view returns (bytes memory call, uint256 index) {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        bytes32 structHash = this.hashOf(attestation);
        bytes memory signature = "";
        if (signed) signature = _walletsSignature(OWNER_KEY, account, structHash).signature;
        if (signed && account.code.length == 0) signature = _sign(OWNER_KEY, _typed(structHash));
        IOperators.OperatorSignature[] memory signatures = _signedWith(account, signature, structHash);
        return (abi.encodeCall(exchange.attest, (attestation, signatures)), signatures[0].operator == account ? 0 : 1);
    }

    function _pauseCall(IOperators.OperatorSignature[] memory signatures) private view returns (bytes memory) {
        return abi.encodeCall(exchange.pause, (NOW + 9, DEADLINE, signatures));
    }

    function _signedWith(address account, bytes memory signature, bytes32 structHash)
        private
        view
        returns (IOperators.OperatorSignature[] memory signatures)
    {
        signatures = new IOperators.OperatorSignature[](2);
        signatures[0] = _operatorSignature(operatorKeys[0], structHash);
        signatures[1] = IOperators.OperatorSignature(account, signature);
        if (account < operatorAccounts[0]) (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
    }

    function _three(address first, address second) private view returns (address[] memory operators) {
        operators = new address[](3);
        (operators[0], operators[1], operators[2]) = (first, second, operatorAccounts[0]);
    }

    function _badSignature(uint256 index, address operator) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, index, operator);
    }
}
