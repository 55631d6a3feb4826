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

/// @notice Calls back into the exchange in the middle of a transfer, with a call chosen beforehand.
contract ReentrantToken is ERC20("Reentrant", "RE") {
    address private _exchange;
    bytes private _callback;

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function arm(address exchange, bytes calldata callback) external {
        (_exchange, _callback) = (exchange, callback);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_callback.length == 0) return;
        (bool ok, bytes memory answer) = _exchange.call(_callback);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }
}
