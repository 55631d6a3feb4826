// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {NetBase} from "../base/NetBase.sol";
import {HostileWallet, KeyWallet} from "../base/Wallets.sol";

/// @notice A contract among the signers of a cycle (ERC-1271): it buys from the supplier.
contract NetWalletsTest is NetBase {
    uint256 private constant OWNER_KEY = 0x0e1;

    KeyWallet private wallet;

    function setUp() public override {
        super.setUp();
        wallet = new KeyWallet(vm.addr(OWNER_KEY));
        token.mint(address(wallet), FUNDS);
        wallet.act(address(token), abi.encodeCall(token.approve, (address(exchange), FUNDS)));
        wallet.act(address(exchange), abi.encodeCall(exchange.deposit, (address(token), FUNDS)));
        demander = address(wallet);
    }

    function test_aWalletSignsForItsRow() public {
        _as(stranger, _callSignedBy(_pair(), OWNER_KEY, 0));
        vm.assertEq(_balance(address(wallet)), FUNDS - 100);
        vm.assertEq(_balance(supplier), 100);
    }

    function test_theRelayerMayGiveItMoreGas() public {
        _as(stranger, _callSignedBy(_pair(), OWNER_KEY, uint256(400_000) << 64));
        vm.assertEq(_balance(address(wallet)), FUNDS - 100);
    }

    function test_refusesWhatTheWalletDoesNotConfirm() public {
        bytes memory call = _callSignedBy(_pair(), STRANGER_KEY, 0);
        _refuses(stranger, call, _badSignature(address(wallet), address(0)));
        // There is no second proof.
        call = _callSignedBy(_pair(), OWNER_KEY, 1);
        _refuses(stranger, call, _badSignature(address(wallet), address(0)));
    }

    /// @dev What the owner signed for a row of its own once passed for its wallet's: whoever put the cycle together could
    /// add that row, and take all that the wallet had.
    function test_refusesTheOwnersSignatureOfItsOwnRow() public {
        _fund(vm.addr(OWNER_KEY), FUNDS);
        INetSettlement.NetBatch memory batch = _shared();
        bytes32 digest = exchange.netDigestOf(batch);
        bytes memory reason = _badSignature(address(wallet), address(0));
        _refuses(stranger, _sharedCall(batch, _sign(OWNER_KEY, digest)), reason);
        // Nor does what it confirmed as another wallet.
        address other = address(new KeyWallet(vm.addr(OWNER_KEY)));
        _refuses(stranger, _sharedCall(batch, _sign(OWNER_KEY, _confirmation(other, digest))), reason);
        _as(stranger, _sharedCall(batch, _sign(OWNER_KEY, _confirmation(address(wallet), digest))));
        vm.assertEq(_balance(address(wallet)), FUNDS - 60);
        vm.assertEq(_balance(vm.addr(OWNER_KEY)), FUNDS - 40);
    }

    function test_refusesAWalletThatBurnsItsGas() public {
        HostileWallet hostile = new HostileWallet();
        hostile.behave(HostileWallet.Manner.BurnsGas);
        demander = address(hostile);
        _refuses(stranger, _callSignedBy(_pair(), OWNER_KEY, 0), _badSignature(demander, address(0)));
    }

    /// @dev A relayer that asks for more gas than it brings reverts the whole, and decides nothing.
    function test_refusesToStarveAWallet() public {
        bytes memory call = _callSignedBy(_pair(), OWNER_KEY, uint256(type(uint64).max) << 64);
        bytes memory reason = abi.encodeWithSelector(IAccounts.SignatureCheckStarved.selector, address(wallet));
        _refuses(stranger, call, reason);
    }

    /// @dev The wallet pays the supplier 60, and its owner 40.
    function _shared() private view returns (INetSettlement.NetBatch memory batch) {
        address[3] memory members = _members();
        (batch.token, batch.trades, batch.validUntil) = (address(token), keccak256("trades"), NOW + 300);
        (batch.rows, batch.sales) = (new uint256[](6), new uint256[](2));
        for (uint256 i = 0; i < 3; ++i) {
            (uint256 who, uint256 what) = _row(members[i], 1, members[i] == address(wallet) ? 60 : 40, 0, 0, 1);
            if (members[i] == supplier) {
                (who, what) = _row(supplier, 1, 100, 0, 1, 0);
                (batch.sales[0], batch.sales[1]) = _sale(_id("m1", 0), 4, 0, i);
            }
            (batch.rows[2 * i], batch.rows[2 * i + 1]) = (who, what);
        }
    }

    function _sharedCall(INetSettlement.NetBatch memory batch, bytes memory proof) private view returns (bytes memory) {
        address[3] memory members = _members();
        IResourceTrading.Signature[] memory signatures = new IResourceTrading.Signature[](3);
        for (uint256 i = 0; i < 3; ++i) {
            // The wallet's is the first proof.
            if (members[i] == address(wallet)) continue;
            signatures[i] = _compact(members[i] == supplier ? SUPPLIER_KEY : OWNER_KEY, exchange.netDigestOf(batch));
        }
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = proof;
        return abi.encodeCall(exchange.settleNet, (batch, signatures, proofs));
    }

    /// @dev Ascending.
    function _members() private view returns (address[3] memory members) {
        members = [supplier, address(wallet), vm.addr(OWNER_KEY)];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                if (members[j] > members[j + 1]) (members[j], members[j + 1]) = (members[j + 1], members[j]);
            }
        }
    }

    /// @dev The supplier signs with its key; the wallet's `vs` is given.
    function _callSignedBy(INetSettlement.NetBatch memory batch, uint256 key, uint256 vs)
        private
        view
        returns (bytes memory)
    {
        bytes32 digest = exchange.netDigestOf(batch);
        IResourceTrading.Signature[] memory signatures = new IResourceTrading.Signature[](2);
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = _sign(key, _confirmation(demander, digest));
        uint256 selling = supplier < demander ? 0 : 1;
        signatures[selling] = _compact(SUPPLIER_KEY, digest);
        signatures[1 - selling] = IResourceTrading.Signature(0, bytes32(vs));
        return abi.encodeCall(exchange.settleNet, (batch, signatures, proofs));
    }
}
