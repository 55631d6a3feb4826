// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {Signatures} from "../../src/libraries/Signatures.sol";
import {CHEATS, Vm} from "../base/Vm.sol";
import {AnyAnswer, DearWallet, GasGauge} from "../base/Wallets.sol";

/// @notice Signature recovery against another implementation, and the bounded question to a contract.
contract SignaturesTest {
    Vm private constant vm = CHEATS;
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    bytes32 private constant GENERATOR_X = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798;

    function testFuzz_recoversTheSigner(uint256 key, bytes32 digest) public pure {
        key = key % (ORDER - 1) + 1;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes32 vs = bytes32(uint256(s) | uint256(v - 27) << 255);
        vm.assertEq(Signatures.recover(digest, r, vs), vm.addr(key));
        vm.assertTrue(Signatures.isBy(vm.addr(key), digest, r, vs));
        vm.assertFalse(Signatures.isBy(address(uint160(vm.addr(key)) ^ 1), digest, r, vs));
    }

    /// @dev For any bytes at all, what OpenZeppelin's library recovers or zero.
    function testFuzz_recoversWhatTheOtherImplementationDoes(bytes32 digest, bytes32 r, bytes32 vs) public view {
        (address expected,,) = ECDSA.tryRecover(digest, r, vs);
        vm.assertEq(Signatures.recover(digest, r, vs), expected);
        bytes32 s = bytes32(uint256(vs) & type(uint256).max >> 1);
        uint8 v = uint8(27 + (uint256(vs) >> 255));
        vm.assertEq(this.recover(digest, abi.encodePacked(r, s, v)), expected);
    }

    function testFuzz_recoversNobodyFromOtherLengths(bytes32 digest, bytes calldata signature) public view {
        vm.assume(signature.length != 65);
        vm.assertEq(this.recover(digest, signature), address(0));
    }

    /// @dev Above it, every s has a mirror image that is not refused. No key found by chance signs this close to it.
    function test_theHighestSIsHalfTheOrder() public view {
        bytes32 digest = keccak256("digest");
        for (uint256 s = ORDER / 2 - 1; s < ORDER / 2 + 3; ++s) {
            address signer = vm.addr(_keyThatSigns(digest, s));
            vm.assertEq(ecrecover(digest, 27, GENERATOR_X, bytes32(s)), signer);
            address expected = s <= ORDER / 2 ? signer : address(0);
            vm.assertEq(Signatures.recover(digest, GENERATOR_X, bytes32(s)), expected);
            vm.assertEq(this.recover(digest, abi.encodePacked(GENERATOR_X, s, uint8(27))), expected);
        }
    }

    /// @dev The reference of the assembly: the same question in Solidity, to a contract that answers anything.
    function testFuzz_asksAsPlainSolidityDoes(bytes memory tail, uint8 manner) public {
        AnyAnswer signer = new AnyAnswer();
        bytes4 magic = IERC1271.isValidSignature.selector;
        // A tail alone, after the magic value, or after the magic value padded to a word.
        if (manner % 3 == 1) tail = bytes.concat(magic, tail);
        if (manner % 3 == 2) tail = bytes.concat(bytes32(magic), tail);
        signer.setUp(tail, manner % 5 == 0);
        vm.assertTrue(this.isConfirmedBy(address(signer), "digest", "proof", 0) == _reference(address(signer)));
    }

    function test_confirmsTheMagicValueInAWordOnly() public {
        AnyAnswer signer = new AnyAnswer();
        bytes4 magic = IERC1271.isValidSignature.selector;
        signer.setUp(abi.encode(magic), false);
        vm.assertTrue(this.isConfirmedBy(address(signer), "digest", "proof", 0));
        signer.setUp(abi.encodePacked(magic), false);
        vm.assertFalse(this.isConfirmedBy(address(signer), "digest", "proof", 0));
        signer.setUp(abi.encode(magic), true);
        vm.assertFalse(this.isConfirmedBy(address(signer), "digest", "proof", 0));
        vm.assertFalse(this.isConfirmedBy(vm.addr(1), "digest", "proof", 0));
    }

    /// @dev A relayer that leaves less gas than the contract may use makes the transaction revert; it gets no other answer.
    /// What is asked for is what it gets, but 200,000 at least.
    function test_asksWithAllTheGasOrNotAtAll() public {
        uint256[4] memory asked = [uint256(0), 199_999, 200_000, 300_000];
        for (uint256 i = 0; i < asked.length; ++i) {
            _asksWithAllTheGasOrNotAtAll(asked[i], asked[i] < 200_000 ? 200_000 : asked[i]);
        }
    }

    /// @dev As for a relayed call: a dear check is confirmed exactly if the caller brings enough, whoever asks; below
    /// 200,000 nobody is asked.
    function test_asksWithAllThereIsForTheGreatestNumber() public {
        DearWallet dear = new DearWallet();
        bytes memory question =
            abi.encodeCall(this.isConfirmedBy, (address(dear), "digest", "proof", type(uint256).max));
        bytes memory starved = abi.encodeWithSelector(IAccounts.SignatureCheckStarved.selector, address(dear));
        uint256[3] memory seen;
        for (uint256 gas = 150_000; gas < 400_000; gas += 1000) {
            (bool ok, bytes memory answer) = address(this).staticcall{gas: gas}(question);
            uint256 outcome = !ok ? 0 : abi.decode(answer, (bool)) ? 2 : 1;
            if (!ok) vm.assertEq(answer, starved);
            seen[outcome] += 1;
            // More gas is never worse.
            vm.assertTrue(outcome == 2 || seen[2] == 0);
            vm.assertTrue(outcome != 0 || seen[1] == 0);
        }
        vm.assertTrue(seen[0] != 0 && seen[1] != 0 && seen[2] != 0);
    }

    function test_anAccountWithoutCodeIsNotAsked() public view {
        bytes memory question = abi.encodeCall(this.isConfirmedBy, (vm.addr(1), "digest", "proof", 0));
        (bool ok, bytes memory answer) = address(this).staticcall{gas: 50_000}(question);
        vm.assertTrue(ok);
        vm.assertFalse(abi.decode(answer, (bool)));
    }

    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return Signatures.recover(digest, signature);
    }

    function isConfirmedBy(address signer, bytes32 digest, bytes calldata proof, uint256 checkGas)
        external
        view
        returns (bool)
    {
        return Signatures.isConfirmedBy(signer, digest, proof, checkGas);
    }

    function _asksWithAllTheGasOrNotAtAll(uint256 asked, uint256 expected) private {
        GasGauge gauge = new GasGauge();
        (, bytes memory left) =
            address(gauge).staticcall{gas: expected}(abi.encodeCall(IERC1271.isValidSignature, ("digest", "proof")));
        gauge.expect(abi.decode(left, (uint256)));
        bytes memory question = abi.encodeCall(this.isConfirmedBy, (address(gauge), "digest", "proof", asked));
        bytes memory starved = abi.encodeWithSelector(IAccounts.SignatureCheckStarved.selector, address(gauge));
        bool confirmed = false;
        for (uint256 gas = expected - 4000; gas < expected + 18_000; gas += 20) {
            (bool ok, bytes memory answer) = address(this).staticcall{gas: gas}(question);
            vm.assertEq(answer, ok ? abi.encode(true) : starved);
            // Once there is enough, more is enough too.
            vm.assertTrue(ok || !confirmed);
            confirmed = ok;
        }
        vm.assertTrue(confirmed);
    }

    /// @dev The key whose signature by the nonce 1, of which r is the generator's x, has this s: s = digest + r * key.
    function _keyThatSigns(bytes32 digest, uint256 s) private pure returns (uint256) {
        uint256 difference = addmod(s, ORDER - uint256(digest) % ORDER, ORDER);
        return mulmod(difference, _inverse(uint256(GENERATOR_X)), ORDER);
    }

    /// @dev Modulo the order, by Fermat's little theorem.
    function _inverse(uint256 value) private pure returns (uint256 result) {
        result = 1;
        for (uint256 exponent = ORDER - 2; exponent != 0; exponent >>= 1) {
            if (exponent % 2 == 1) result = mulmod(result, value, ORDER);
            value = mulmod(value, value, ORDER);
        }
    }

    function _reference(address signer) private view returns (bool) {
        (bool ok, bytes memory answer) =
            signer.staticcall(abi.encodeCall(IERC1271.isValidSignature, ("digest", "proof")));
        return ok && answer.length >= 32 && bytes32(answer) == bytes32(IERC1271.isValidSignature.selector);
    }
}
