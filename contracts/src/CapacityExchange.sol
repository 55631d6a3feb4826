// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Accounts} from "./Accounts.sol";
import {Operators} from "./Operators.sol";
import {ResourceEscrow} from "./ResourceEscrow.sol";

/// @title The market contract: attested capacity, listed, traded and settled in one place
/// @notice Has no owner and no upgrade path.
contract CapacityExchange is ResourceEscrow {
    /// @param operators_ Those who attest and arbitrate; distinct and not zero.
    /// @param threshold_ How many of them a decision needs; from 1 to their number.
    /// @param tokens Payment tokens; see IAccounts for what is assumed of them.
    constructor(address[] memory operators_, uint256 threshold_, address[] memory tokens)
        EIP712("Fabmarket", "1")
        Operators(operators_, threshold_)
        Accounts(tokens)
    {}
}
