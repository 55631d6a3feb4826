// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Signatures} from "../../src/libraries/Signatures.sol";
import {CHEATS, Vm} from "../base/Vm.sol";
import {AnyAnswer} from "../base/Wallets.sol";

/// @notice Signature recovery against another implementation, and the bounded question to a contract.
contract SignaturesTest {
    Vm private constant vm = CHEATS;
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

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

    /// @dev The reference of the assembly: the same question in Solidity, to a contract that answers anything.
    function testFuzz_asksAsPlainSolidityDoes(bytes memory tail, uint8 manner) public {
        AnyAnswer signer = new AnyAnswer();
        bytes4 magic = IERC1271.isValidSignature.selector;
        // A tail alone, after the magic value, or after the magic value padded to a word.
        if (manner % 3 == 1) tail = bytes.concat(magic, tail);
        if (manner % 3 == 2) tail = bytes.concat(bytes32(magic), tail);
        signer.setUp(tail, manner % 5 == 0);
        vm.assertTrue(this.isConfirmedBy(address(signer), "digest", "proof") == _reference(address(signer)));
    }

    function test_confirmsTheMagicValueInAWordOnly() public {
        AnyAnswer signer = new AnyAnswer();
        bytes4 magic = IERC1271.isValidSignature.selector;
        signer.setUp(abi.encode(magic), false);
        vm.assertTrue(this.isConfirmedBy(address(signer), "digest", "proof"));
        signer.setUp(abi.encodePacked(magic), false);
        vm.assertFalse(this.isConfirmedBy(address(signer), "digest", "proof"));
        signer.setUp(abi.encode(magic), true);
        vm.assertFalse(this.isConfirmedBy(address(signer), "digest", "proof"));
        vm.assertFalse(this.isConfirmedBy(vm.addr(1), "digest", "proof"));
    }

    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return Signatures.recover(digest, signature);
    }

    function isConfirmedBy(address signer, bytes32 digest, bytes calldata proof) external view returns (bool) {
        return Signatures.isConfirmedBy(signer, digest, proof);
    }

    function _reference(address signer) private view returns (bool) {
        (bool ok, bytes memory answer) =
            signer.staticcall(abi.encodeCall(IERC1271.isValidSignature, ("digest", "proof")));
        return ok && answer.length >= 32 && bytes32(answer) == bytes32(IERC1271.isValidSignature.selector);
    }
}
