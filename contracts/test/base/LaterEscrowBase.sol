// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "./EscrowBase.sol";

/// @notice An escrow of a slot 30 hours later, past a change of the operators.
abstract contract LaterEscrowBase is EscrowBase {
    uint64 internal constant SLOT = 30;

    function setUp() public virtual override {
        super.setUp();
        _listLater(SLOT);
    }

    function _late(uint64 nonce) internal view returns (IResourceTrading.Trade memory trade) {
        trade = _laterTrade(SLOT);
        (trade.nonce, trade.validUntil) = (nonce, NOW + (SLOT + 1) * HOUR);
    }

    /// @dev Settled once these operators have taken over, and at the end of its hearing.
    function _disputedUnder(address[] memory operators, uint256 threshold) internal {
        _setOperators(operators, threshold);
        vm.warp(NOW + _parameters().operatorDelay);
        _escrowed(_late(0), _laterEscrow(SLOT));
        _toRuling();
    }

    /// @dev Delivered, disputed and heard.
    function _toRuling() internal {
        vm.warp(NOW + SLOT * HOUR);
        _as(supplier, abi.encodeCall(exchange.deliver, (_late(0), _laterEscrow(SLOT), 4)));
        _as(demander, abi.encodeCall(exchange.dispute, (_late(0), _laterEscrow(SLOT), "")));
        vm.warp(block.timestamp + _parameters().hearing);
    }

    /// @dev Two of the operators and this account.
    function _withOperators(address account) internal view returns (address[] memory members) {
        members = new address[](3);
        (members[0], members[1], members[2]) = (operatorAccounts[0], operatorAccounts[1], account);
    }

    /// @dev One signature of a ruling of nothing to the supplier.
    function _only(uint256 key) internal view returns (IOperators.OperatorSignature[] memory signatures) {
        signatures = new IOperators.OperatorSignature[](1);
        signatures[0] = _operatorSignature(key, _rulingHash(_ruling(0)));
    }

    /// @dev That ruling, with these signatures.
    function _ruleWith(IOperators.OperatorSignature[] memory signatures) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.rule, (_late(0), _laterEscrow(SLOT), _ruling(0), signatures));
    }
}
