// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IAccounts} from "./IAccounts.sol";
import {IModules} from "./IModules.sol";
import {INetSettlement} from "./INetSettlement.sol";
import {IOperators} from "./IOperators.sol";
import {IResourceEscrow} from "./IResourceEscrow.sol";
import {IResourceTrading} from "./IResourceTrading.sol";
import {IResourceVerification} from "./IResourceVerification.sol";

/// @title All calls of the exchange, whichever code runs them
interface ICapacityExchange is
    IResourceTrading,
    IResourceEscrow,
    INetSettlement,
    IResourceVerification,
    IAccounts,
    IOperators,
    IModules,
    IERC5267
{}
