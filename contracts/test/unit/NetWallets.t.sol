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

    /// @dev The supplier signs with its key; the wallet's `vs` is given.
    function _callSignedBy(INetSettlement.NetBatch memory batch, uint256 key, uint256 vs)
        private
        view
        returns (bytes memory)
    {
        bytes32 digest = exchange.netDigestOf(batch);
        IResourceTrading.Signature[] memory signatures = new IResourceTrading.Signature[](2);
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = _sign(key, digest);
        uint256 selling = supplier < demander ? 0 : 1;
        signatures[selling] = _compact(SUPPLIER_KEY, digest);
        signatures[1 - selling] = IResourceTrading.Signature(0, bytes32(vs));
        return abi.encodeCall(exchange.settleNet, (batch, signatures, proofs));
    }
}
