// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Burns one part in a hundred of every transfer between accounts.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0) && to != address(0)) {
            super._update(from, address(0), amount / 100);
            amount -= amount / 100;
        }
        super._update(from, to, amount);
    }
}

/// @notice Answers false instead of moving anything.
contract FalseToken is ERC20("False", "FALSE") {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @notice Answers true and moves nothing.
contract IdleToken is ERC20("Idle", "IDLE") {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// @notice Moves nothing, says it did, and can forget what it said.
contract LyingToken {
    mapping(address account => uint256) public balanceOf;

    function transferFrom(address, address to, uint256 amount) external returns (bool) {
        balanceOf[to] += amount;
        return true;
    }

    function forget(address account) external {
        balanceOf[account] = 0;
    }
}

/// @notice Its issuer can block an account, which then neither sends nor receives.
contract BlockingToken is ERC20("Blocking", "BLOCK") {
    mapping(address account => bool) private _blocked;

    error Blocked(address account);

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function block_(address account) external {
        _blocked[account] = true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_blocked[from]) revert Blocked(from);
        if (_blocked[to]) revert Blocked(to);
        super._update(from, to, amount);
    }
}

/// @notice Calls back into the exchange in the middle of a transfer, with a call chosen beforehand.
contract ReentrantToken is ERC20("Reentrant", "RE") {
    address private _exchange;
    bytes private _callback;
    /// @notice What the call back answered.
    bytes public answer;
    bool public succeeded;

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function arm(address exchange, bytes calldata callback) external {
        (_exchange, _callback) = (exchange, callback);
    }

    /// @dev An ERC-2612 permit that re-enters and permits nothing.
    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        _callBack();
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        _callBack();
    }

    /// @dev Once: a failed call back does not stop the transfer, so that nothing hides behind its revert.
    function _callBack() private {
        if (_callback.length == 0) return;
        bytes memory callback = _callback;
        delete _callback;
        (succeeded, answer) = _exchange.call(callback);
    }
}
