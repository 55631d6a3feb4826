// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ResourceTrading} from "./ResourceTrading.sol";
import {ResourceVerification} from "./ResourceVerification.sol";

/// @title The market contract: attested capacity, listed and settled in one place
/// @notice Has no owner and no upgrade path: operators, threshold and payment tokens are fixed at deployment.
contract CapacityExchange is ResourceTrading {
    /// @param operators Those who may attest; distinct and not zero.
    /// @param threshold How many of them an attestation needs; from 1 to their number.
    /// @param tokens Payment tokens; see IResourceTrading for what is assumed of them.
    constructor(address[] memory operators, uint256 threshold, address[] memory tokens)
        EIP712("Fabmarket", "1")
        ResourceVerification(operators, threshold)
        ResourceTrading(tokens)
    {}
}
