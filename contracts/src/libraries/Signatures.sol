// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IAccounts} from "../interfaces/IAccounts.sol";

/// @title Who signed a digest
library Signatures {
    /// @dev Highest s that is not the mirror image of a lower one: half the order of secp256k1.
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    /// @dev What a contract's check may use at least. A relayer that leaves less makes the transaction revert.
    uint256 internal constant CHECK_GAS = 200_000;

    /// @notice The account whose key made a compact signature (ERC-2098); zero for a malformed or high-s one.
    function recover(bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (address) {
        uint256 s = uint256(vs) & uint256(type(int256).max);
        if (s > MAX_S) return address(0);
        // casting to 'uint8' is safe because 27 or 28 is left
        // forge-lint: disable-next-line(unsafe-typecast)
        return ecrecover(digest, uint8(27 + (uint256(vs) >> 255)), r, bytes32(s));
    }

    /// @notice The same for 65 bytes r, s, v; zero for another length.
    function recover(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        if (signature.length != 65 || uint256(bytes32(signature[32:64])) > MAX_S) return address(0);
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64]));
    }

    /// @notice Whether a compact signature is by `signer`'s key. For an account with delegated code (EIP-7702) too.
    function isBy(address signer, bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (bool) {
        address recovered = recover(digest, r, vs);
        return recovered == signer && recovered != address(0);
    }

    /// @notice Whether the signature is `signer`'s: its own key first, then, if it has code, what that code says with all
    /// the gas there is.
    function isBy(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        address recovered = recover(digest, signature);
        return
            (recovered == signer && recovered != address(0))
                || isConfirmedBy(signer, digest, signature, type(uint256).max);
    }

    /// @notice Whether `signer` has code that accepts the signature (ERC-1271).
    /// @dev A check that reverts, burns its gas or answers anything but the magic value counts as no.
    /// @param checkGas What the check may use; CHECK_GAS if that is more; all there is for the greatest number.
    function isConfirmedBy(address signer, bytes32 digest, bytes calldata signature, uint256 checkGas)
        internal
        view
        returns (bool)
    {
        if (signer.code.length == 0) return false;
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        // A call gets at most 63/64 of the gas left: less than was asked for would be the relayer's doing.
        uint256 most = gasleft() * 63 / 64;
        most = most > 5000 ? most - 5000 : 0;
        if (checkGas == type(uint256).max) checkGas = most;
        if (checkGas < CHECK_GAS) checkGas = CHECK_GAS;
        if (most < checkGas) revert IAccounts.SignatureCheckStarved(signer);
        bool ok;
        bytes32 answer;
        // Only the first word of the answer is copied, however much the signer returns.
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := staticcall(checkGas, signer, add(question, 32), mload(question), 0, 32)
            ok := and(ok, gt(returndatasize(), 31))
            answer := mload(0)
        }
        return ok && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
