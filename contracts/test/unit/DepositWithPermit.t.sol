// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract DepositWithPermitTest is ExchangeBase {
    uint256 private constant PERMIT_DEADLINE = NOW + 60;

    function setUp() public override {
        super.setUp();
        token.mint(demander, 100);
    }

    function test_needsNoApproval() public {
        bytes memory call = _call(100, _permit(100, 0));
        vm.expectEmit(address(exchange));
        emit IAccounts.Deposited(demander, address(token), 100);
        _as(demander, call);
        vm.assertEq(_balance(demander), 100);
        vm.assertEq(token.nonces(demander), 1);
    }

    /// @dev Before it calls the token: what operators have not accepted gets no chance to act.
    function test_refusesTokenNotAccepted() public {
        _setToken(address(token), false);
        bytes memory call = _call(100, _permit(100, 0));
        vm.expectCall(address(token), abi.encodeWithSelector(token.permit.selector), 0);
        _refuses(demander, call, abi.encodeWithSelector(IAccounts.TokenNotAccepted.selector, address(token)));
    }

    function test_aPermitOfAnotherIsOfNoUse() public {
        _refuses(stranger, _call(100, _permit(100, 0)), _noAllowance(0, 100));
    }

    function test_aPermitForLessIsOfNoUse() public {
        token.mint(demander, 1);
        _refuses(demander, _call(100, _permit(99, 0)), _noAllowance(0, 100));
    }

    function test_refusesZero() public {
        _refuses(demander, _call(0, _permit(0, 0)), abi.encodeWithSelector(IAccounts.ZeroAmount.selector));
    }

    function test_canBeRelayed() public {
        IAccounts.Intent memory intent = _intent(demander, _call(100, _permit(100, 0)));
        _as(stranger, abi.encodeCall(exchange.relay, (intent, _sign(DEMANDER_KEY, _digest(intent)))));
        vm.assertEq(_balance(demander), 100);
        vm.assertEq(_balance(stranger), 0);
    }

    function _permit(uint256 amount, uint256 nonce) private view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                demander,
                address(exchange),
                amount,
                nonce,
                PERMIT_DEADLINE
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DEMANDER_KEY, digest);
        return abi.encode(v, r, s);
    }

    function _call(uint256 amount, bytes memory permit) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = abi.decode(permit, (uint8, bytes32, bytes32));
        return abi.encodeCall(exchange.depositWithPermit, (address(token), amount, PERMIT_DEADLINE, v, r, s));
    }

    function _noAllowance(uint256 allowed, uint256 needed) private view returns (bytes memory) {
        return
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), allowed, needed);
    }
}
