// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";
import {HostileWallet} from "../base/Wallets.sol";

/// @notice A contract that denied its signature first and confirmed it when asked for the reason made `settle` revert
/// with the error of another check.
contract SecondAnswerTest is SettleBase {
    function test_theReasonStaysTheSignature() public {
        HostileWallet wallet = new HostileWallet();
        wallet.behave(HostileWallet.Manner.NoThenYes);
        IResourceTrading.Trade memory trade = _trade();
        trade.demander = address(wallet);
        IResourceTrading.SignedTrade memory signed = _signed(trade);
        signed.demander = IResourceTrading.Signature(0, 0);
        bytes memory call = abi.encodeCall(exchange.settle, (signed, new bytes[](1)));
        // The supplier is named, because the demander's contract confirmed the second time.
        _refuses(stranger, call, _badSignature(supplier, supplier));
    }
}
