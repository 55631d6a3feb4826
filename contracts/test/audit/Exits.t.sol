// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice A token whose issuer blocks accounts.
contract BlockingToken is ERC20("Blocking", "BLOCK") {
    mapping(address account => bool) public blocked;

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function setBlocked(address account, bool isBlocked) external {
        blocked[account] = isBlocked;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blocked[from] && !blocked[to], "blocked");
        super._update(from, to, amount);
    }
}

/// @notice A wallet whose check costs about 250,000 gas, as one of a P-256 signature without a precompile.
contract DearWallet is IERC1271 {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 start = gasleft();
        while (start - gasleft() < 250_000) {}
        return IERC1271.isValidSignature.selector;
    }
}

/// @notice Harms of an audit of the second version, by its numbers: who could not get in or out.
contract AuditExitsTest is SettleBase {
    /// @dev F23: an account that its token's issuer had blocked could not withdraw to another.
    function test_accountItsTokenRefusesTakesItsMoneyElsewhere() public {
        BlockingToken blocking = new BlockingToken();
        _setToken(address(blocking), true);
        blocking.mint(demander, 100);
        vm.prank(demander);
        blocking.approve(address(exchange), 100);
        _as(demander, abi.encodeCall(exchange.deposit, (address(blocking), 100)));
        blocking.setBlocked(demander, true);
        _as(demander, abi.encodeCall(exchange.withdraw, (address(blocking), 100, stranger)));
        vm.assertEq(blocking.balanceOf(stranger), 100);
    }

    /// @dev F24: whoever gave the exchange enough of a token stopped all deposits in it.
    function test_giftStopsNoDeposits() public {
        token.mint(address(exchange), type(uint128).max);
        _fund(stranger, 1);
        vm.assertEq(_balance(stranger), 1);
        vm.assertEq(exchange.totalOf(address(token)), FUNDS + 1);
    }

    /// @dev F25: a wallet whose check needs more than 200,000 gas could not trade, whatever its relayer paid.
    function test_walletWithADearCheckTrades() public {
        address wallet = address(new DearWallet());
        _fund(wallet, 100);
        IResourceTrading.Trade memory trade = _trade();
        trade.demander = wallet;
        IResourceTrading.SignedTrade memory signed = _signed(trade);
        signed.demander = IResourceTrading.Signature(0, bytes32(uint256(200_000) << 64));
        bytes[] memory proofs = new bytes[](1);
        _refuses(stranger, abi.encodeCall(exchange.settle, (signed, proofs)), _badSignature(wallet, address(0)));
        signed.demander.vs = bytes32(uint256(300_000) << 64);
        _as(stranger, abi.encodeCall(exchange.settle, (signed, proofs)));
        vm.assertEq(_balance(supplier), 100);
    }

    /// @dev F29, right as it is: a delisted token takes no deposits and still trades, so that who holds it is not locked in
    /// it, and a settlement need not look it up. Operators pause where trading itself must stop.
    function test_delistedTokenTradesAndTakesNoDeposits() public {
        _setToken(address(token), false);
        _settle(_trade());
        vm.assertEq(_balance(supplier), 100);
        token.mint(stranger, 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.deposit, (address(token), 1)),
            abi.encodeWithSelector(IAccounts.TokenNotAccepted.selector, address(token))
        );
        _as(supplier, _withdrawCall(100, supplier));
        vm.assertEq(token.balanceOf(supplier), 100);
    }

    /// @dev A control: with however little gas, a batch settles its trade or reverts, and never skips it.
    function test_starvationNeverTurnsIntoASkip() public {
        IResourceTrading.SignedTrade[] memory batch = new IResourceTrading.SignedTrade[](1);
        batch[0] = _signed(_trade());
        bytes memory call = abi.encodeCall(exchange.settleBatch, (batch, _none()));
        bool done = false;
        for (uint256 gas = 30_000; gas < 150_000 && !done; gas += 1000) {
            (done,) = address(exchange).call{gas: gas}(call);
        }
        vm.assertTrue(done);
        vm.assertEq(_balance(supplier), 100);
    }
}
