// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice A wallet that accepts one proof and no other.
contract OneProofWallet {
    bytes32 private immutable ACCEPTED;

    constructor(bytes32 accepted) {
        ACCEPTED = accepted;
    }

    function isValidSignature(bytes32, bytes memory proof) external view returns (bytes4) {
        return
            proof.length == 32 && abi.decode(proof, (bytes32)) == ACCEPTED ? this.isValidSignature.selector : bytes4(0);
    }
}

/// @notice A batch reads only the proofs it was given, and treats each of its trades as if it came alone.
contract BatchIndex is SymbolicBase {
    /// A proof's index, however large, reads that proof or none: a trade that a wallet signed by two proofs settles only
    /// if the index is 0 or 1 and the proof there is the one the wallet accepts, and is not refused as badly signed then.
    /// The gas that the relayer grants, above the index, changes nothing of that.
    function check_indexReadsThatProofOrNone(
        uint256 time,
        IResourceTrading.SignedTrade memory signed,
        uint64 index,
        uint128 granted,
        bytes32 accepted,
        bytes32[2] calldata proof
    ) public {
        vm.warp(time);
        address wallet = address(new OneProofWallet(accepted));
        signed.trade.demander = wallet;
        signed.demander = IResourceTrading.Signature({r: 0, vs: _placed(index, granted)});
        vm.assume(signed.supplier.r != 0);
        (bool ok, bytes memory answer) = _call(abi.encodeCall(exchange.settle, (signed, _two(proof))));
        bool holds = index < 2 && proof[index] == accepted;
        if (ok) assert(holds);
        else if (_reason(answer) == IAccounts.BadSignature.selector) assert(!holds || _signerOf(answer) != wallet);
    }

    /// Without proofs no index makes a signature, of a wallet or of anybody else, as demander or as supplier.
    function check_noProofNoSignature(uint256 time, IResourceTrading.SignedTrade calldata signed) public {
        vm.warp(time);
        vm.assume(signed.demander.r == 0 || signed.supplier.r == 0);
        assert(!_settles(signed));
    }

    /// No index into two proofs makes an account without code a signer.
    function check_noIndexSignsForAnAccountWithoutCode(
        uint256 time,
        IResourceTrading.SignedTrade memory signed,
        uint64 index,
        uint128 granted,
        bytes32[2] calldata proof
    ) public {
        vm.warp(time);
        vm.assume(signed.trade.demander.code.length == 0 && signed.supplier.r != 0);
        signed.demander = IResourceTrading.Signature({r: 0, vs: _placed(index, granted)});
        (bool ok,) = _call(abi.encodeCall(exchange.settle, (signed, _two(proof))));
        assert(!ok);
    }

    /// A batch never reverts for what is in its trades, signed by keys, by wallets or by nobody: only while trading is
    /// paused, or starved of gas.
    function check_batchNeverRevertsForATrade(
        uint256 time,
        IResourceTrading.SignedTrade memory signed,
        bytes32 accepted,
        bytes32[2] calldata proof
    ) public {
        vm.warp(time);
        new OneProofWallet(accepted);
        signed.demander.vs = _placed(uint64(uint256(signed.demander.vs)), uint256(signed.demander.vs) >> 64);
        signed.supplier.vs = _placed(uint64(uint256(signed.supplier.vs)), uint256(signed.supplier.vs) >> 64);
        (bool ok, bytes memory answer) = _call(abi.encodeCall(exchange.settleBatch, (_batch(signed), _two(proof))));
        bool asked = signed.demander.r == 0 || signed.supplier.r == 0;
        assert(ok || time < exchange.pausedUntil() || (asked && _isStarved(answer)));
    }

    /// A batch of one leaves what its trade alone leaves: the settlement, or nothing if it is refused.
    function check_batchOfOneIsItsTrade(
        uint256 time,
        IResourceTrading.SignedTrade calldata signed,
        address account,
        address token,
        bytes32 listing
    ) public {
        vm.warp(time);
        bytes memory alone = _afterwards(account, token, listing, _alone(signed));
        bytes memory batched = _afterwards(account, token, listing, _batched(_batch(signed)));
        assert(keccak256(alone) == keccak256(batched));
    }

    /// A batch of two leaves what its trades leave one after the other, whether either is refused or not: takes
    /// minutes, see `make fuzz`.
    function checkLong_batchOfTwoIsItsTradesInTurn(
        uint256 time,
        IResourceTrading.SignedTrade calldata first,
        IResourceTrading.SignedTrade calldata second,
        address account,
        address token,
        bytes32 listing
    ) public {
        vm.warp(time);
        bytes[] memory calls = new bytes[](2);
        (calls[0], calls[1]) = (_alone(first)[0], _alone(second)[0]);
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](2);
        (trades[0], trades[1]) = (first, second);
        bytes memory alone = _afterwards(account, token, listing, calls);
        bytes memory batched = _afterwards(account, token, listing, _batched(trades));
        assert(keccak256(alone) == keccak256(batched));
    }

    /// @notice Makes the calls, refused or not, and reverts with what they left, so that nothing stays changed.
    function probe(address account, address token, bytes32 listing, bytes[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            _call(calls[i]);
        }
        bytes memory left = abi.encode(_account(account, token), _listing(listing));
        assembly ("memory-safe") {
            revert(add(left, 32), mload(left))
        }
    }

    function _afterwards(address account, address token, bytes32 listing, bytes[] memory calls)
        private
        returns (bytes memory left)
    {
        bool ok;
        (ok, left) = address(this).call(abi.encodeCall(this.probe, (account, token, listing, calls)));
        assert(!ok);
    }

    function _alone(IResourceTrading.SignedTrade calldata signed) private view returns (bytes[] memory calls) {
        calls = new bytes[](1);
        calls[0] = abi.encodeCall(exchange.settle, (signed, noProofs));
    }

    function _batched(IResourceTrading.SignedTrade[] memory trades) private view returns (bytes[] memory calls) {
        calls = new bytes[](1);
        calls[0] = abi.encodeCall(exchange.settleBatch, (trades, noProofs));
    }

    function _batch(IResourceTrading.SignedTrade memory signed)
        private
        pure
        returns (IResourceTrading.SignedTrade[] memory trades)
    {
        trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = signed;
    }

    /// @dev Index and gas in one word, the index a constant where it is below 2: halmos needs the place of a proof to be
    /// one.
    function _placed(uint64 index, uint256 granted) private pure returns (bytes32) {
        if (index == 0) return bytes32(granted << 64);
        if (index == 1) return bytes32(granted << 64 | 1);
        return bytes32(granted << 64 | index);
    }

    /// @dev Halmos takes the gas left to be any 256-bit number; 63 times more than 2^250 of it would overflow.
    function _isStarved(bytes memory answer) private pure returns (bool) {
        return _reason(answer) == IAccounts.SignatureCheckStarved.selector
            || keccak256(answer) == keccak256(abi.encodeWithSignature("Panic(uint256)", 0x11));
    }

    function _two(bytes32[2] calldata proof) private pure returns (bytes[] memory proofs) {
        proofs = new bytes[](2);
        (proofs[0], proofs[1]) = (abi.encode(proof[0]), abi.encode(proof[1]));
    }

    /// @dev The account that an error BadSignature names.
    function _signerOf(bytes memory answer) private pure returns (address signer) {
        assembly ("memory-safe") {
            signer := mload(add(answer, 36))
        }
    }
}
