// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IModule} from "../interfaces/IModules.sol";
import {Settlement} from "./Settlement.sol";

/// @title Code that runs in the exchange's storage only
abstract contract Module is IModule, Settlement {
    address private immutable _self;
    bytes32 private immutable _compatible;

    /// @param part Which part of the exchange this is.
    constructor(bytes32 part, Parameters memory parameters_) EIP712("Fabmarket", "1") {
        _self = address(this);
        _compatible = _compatibility(part, parameters_);
    }

    /// @dev Every external function that changes or reads state bears it.
    modifier inExchange() {
        _requireExchange();
        _;
    }

    /// @inheritdoc IModule
    function compatibility() external view returns (bytes32) {
        return _compatible;
    }

    /// @dev A function, because the address would stand in the code once for every use of the modifier.
    function _requireExchange() private view {
        if (address(this) == _self) revert NotTheExchange();
    }
}
