// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

/// @title Items for the yardstick of benchmarks/gas.py: a plain ERC-1155 without market checks
contract TestItems is ERC1155("") {
    function mint(address account, uint256 id, uint256 amount) external {
        _mint(account, id, amount, "");
    }
}
