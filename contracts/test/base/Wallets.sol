// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @notice A contract account that one key signs for.
contract KeyWallet is IERC1271 {
    address private immutable _owner;

    constructor(address owner) {
        _owner = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) return 0xffffffff;
        address signer = ecrecover(digest, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64]));
        return signer == _owner ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @notice Passes a call on, so that the wallet can approve and deposit.
    function act(address target, bytes calldata data) external {
        (bool ok, bytes memory answer) = target.call(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }
}

/// @notice A contract account that answers in a chosen hostile way.
contract HostileWallet {
    enum Manner {
        WrongMagic,
        RightMagicDirtyTail,
        ShortAnswer,
        NoAnswer,
        Reverts,
        RevertsWithMagic,
        BurnsGas,
        HugeAnswer,
        NoThenYes
    }

    Manner public manner;

    function behave(Manner manner_) external {
        manner = manner_;
    }

    function isValidSignature(bytes32, bytes calldata) external view {
        bytes4 magic = IERC1271.isValidSignature.selector;
        if (manner == Manner.WrongMagic) _answer(bytes32(bytes4(0xffffffff)), 32);
        if (manner == Manner.RightMagicDirtyTail) _answer(bytes32(magic) | bytes32(uint256(1)), 32);
        if (manner == Manner.ShortAnswer) _answer(magic, 4);
        if (manner == Manner.NoAnswer) _answer(magic, 0);
        if (manner == Manner.Reverts) revert("no");
        if (manner == Manner.RevertsWithMagic) _revertWith(magic);
        if (manner == Manner.BurnsGas) while (true) {}
        if (manner == Manner.HugeAnswer) _answer(bytes32(bytes4(0xffffffff)), 200_000);
        // Asked a second time within a transaction, this account is warm, which is the only difference it can see.
        if (manner == Manner.NoThenYes) _answer(_isWarm() ? bytes32(magic) : bytes32(0), 32);
    }

    function _isWarm() private view returns (bool) {
        uint256 before = gasleft();
        (bool ok,) = address(0xdead).staticcall("");
        return ok && before - gasleft() < 2000;
    }

    function _answer(bytes32 word, uint256 size) private pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, word)
            return(free, size)
        }
    }

    function _revertWith(bytes32 word) private pure {
        assembly ("memory-safe") {
            mstore(0, word)
            revert(0, 32)
        }
    }
}

/// @notice Answers every question with the bytes it was given, or reverts with them.
contract AnyAnswer {
    bytes private _given;
    bool private _reverts;

    function setUp(bytes calldata given, bool reverts) external {
        (_given, _reverts) = (given, reverts);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        bytes memory given = _given;
        if (!_reverts) return given;
        assembly ("memory-safe") {
            revert(add(given, 32), mload(given))
        }
    }
}

/// @notice Tells how much gas it is asked with, or, once it expects an amount, confirms exactly with that.
contract GasGauge {
    uint256 private _expected;

    function expect(uint256 gas) external {
        _expected = gas;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        uint256 left = gasleft();
        if (_expected == 0) return abi.encode(left);
        return abi.encode(left == _expected ? IERC1271.isValidSignature.selector : bytes4(0));
    }
}

/// @notice Confirms everything, for more gas than the least that a check gets: about 250,000.
contract DearWallet {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 start = gasleft();
        while (start - gasleft() < 250_000) {}
        return IERC1271.isValidSignature.selector;
    }
}
