// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IParameters} from "./IParameters.sol";

/// @title A part of the exchange that stands in code of its own
/// @notice The exchange runs it in its own storage (delegatecall). Both are fixed at deployment.
interface IModule {
    /// @notice A module is not called directly, but for `compatibility`, `eip712Domain` and, of escrow `parameters`, of net
    /// settlement `NET_TAG`.
    error NotTheExchange();

    /// @notice Says of which parameters and storage layout the module is: equal to the exchange's, or it is refused.
    function compatibility() external view returns (bytes32);
}

/// @title How the exchange finds the code for a call
interface IModules is IParameters {
    /// @notice The exchange was made, with these parameters and modules.
    event Deployed(Parameters parameters, address escrow, address net);

    /// @notice The module has no code, or is of other parameters or another storage layout.
    error BadModule(address module);
    /// @notice No function has this selector.
    error UnknownFunction(bytes4 selector);

    /// @notice The module that runs calls with a selector; zero for none, and for the exchange's own functions.
    function moduleOf(bytes4 selector) external view returns (address);
    function parameters() external view returns (Parameters memory);
}
