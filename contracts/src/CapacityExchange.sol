// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Accounts} from "./Accounts.sol";
import {IModule, IModules} from "./interfaces/IModules.sol";
import {INetSettlement} from "./interfaces/INetSettlement.sol";
import {IResourceEscrow} from "./interfaces/IResourceEscrow.sol";
import {Operators} from "./Operators.sol";
import {ResourceTrading} from "./ResourceTrading.sol";
import {ResourceVerification} from "./ResourceVerification.sol";

/// @title The market contract: attested capacity, listed, traded and settled in one place
/// @notice Has no owner and no upgrade path. Escrow and net settlement stand in two modules, fixed at deployment, because
/// a contract's code is bounded (EIP-170); see ICapacityExchange for all calls.
contract CapacityExchange is IModules, Operators, Accounts, ResourceVerification, ResourceTrading {
    address private immutable _escrow;
    address private immutable _net;

    /// @param operators_ Those who attest and arbitrate; distinct and not zero.
    /// @param threshold_ How many of them a decision needs: a majority.
    /// @param tokens Payment tokens; see IAccounts for what is assumed of them.
    /// @param parameters_ Those of the modules.
    /// @param escrow A ResourceEscrow. @param net A NetSettlement.
    constructor(
        address[] memory operators_,
        uint256 threshold_,
        address[] memory tokens,
        Parameters memory parameters_,
        address escrow,
        address net
    ) EIP712("Fabmarket", "1") Operators(operators_, threshold_, parameters_.operatorDelay) Accounts(tokens) {
        _requireModule(escrow, _compatibility("escrow", parameters_));
        _requireModule(net, _compatibility("net", parameters_));
        (_escrow, _net) = (escrow, net);
        emit Deployed(parameters_, escrow, net);
    }

    /// @dev A call that is none of the functions above runs the module it belongs to, in this contract's storage.
    fallback() external {
        address module = moduleOf(msg.sig);
        if (module == address(0)) revert UnknownFunction(msg.sig);
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let ok := delegatecall(gas(), module, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if ok { return(free, returndatasize()) }
            revert(free, returndatasize())
        }
    }

    /// @inheritdoc IModules
    function parameters() external view returns (Parameters memory) {
        // Kept in the escrow module, which needs them.
        return IModules(_escrow).parameters();
    }

    /// @inheritdoc IModules
    function moduleOf(bytes4 selector) public view returns (address) {
        if (
            selector == INetSettlement.settleNet.selector || selector == INetSettlement.settleLate.selector
                || selector == INetSettlement.netDigestOf.selector || selector == INetSettlement.NET_TAG.selector
        ) return _net;
        if (
            selector == IResourceEscrow.settleEscrow.selector || selector == IResourceEscrow.settleEscrowBatch.selector
                || selector == IResourceEscrow.settleEscrowBundle.selector
                || selector == IResourceEscrow.deliver.selector || selector == IResourceEscrow.release.selector
                || selector == IResourceEscrow.refund.selector || selector == IResourceEscrow.refundUncovered.selector
                || selector == IResourceEscrow.dispute.selector || selector == IResourceEscrow.split.selector
                || selector == IResourceEscrow.voidSplits.selector || selector == IResourceEscrow.rule.selector
                || selector == IResourceEscrow.execute.selector || selector == IResourceEscrow.expire.selector
                || selector == IResourceEscrow.heldOf.selector || selector == IResourceEscrow.rulingOf.selector
                || selector == IResourceEscrow.escrowDigestOf.selector
        ) return _escrow;
        return address(0);
    }

    /// @dev A delegatecall to an address without code would succeed and do nothing.
    function _requireModule(address module, bytes32 compatible) private view {
        if (module.code.length == 0) revert BadModule(module);
        (bool ok, bytes memory answer) = module.staticcall(abi.encodeCall(IModule.compatibility, ()));
        if (!ok || answer.length != 32 || bytes32(answer) != compatible) revert BadModule(module);
    }
}
