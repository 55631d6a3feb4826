// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice Raising the epoch by one would have brought trades signed ahead for the next epoch to life, instead of
/// voiding all the account has signed.
contract EpochOfTradesSignedAheadTest is SettleBase {
    function test_raisingTheEpochVoidsTradesSignedForTheNext() public {
        IResourceTrading.Trade memory ahead = _trade();
        ahead.demanderEpoch = 1;
        _refusesTrade(ahead, abi.encodeWithSelector(IResourceTrading.WrongDemanderEpoch.selector, 1, 0));
        _raiseEpoch(demander);
        _refusesTrade(ahead, abi.encodeWithSelector(IResourceTrading.WrongDemanderEpoch.selector, 1, 2));
    }

    function test_soItDoesWhenAllNoncesAreUsed() public {
        IResourceTrading.Trade memory ahead = _trade();
        ahead.demanderEpoch = 1;
        _cancel(demander, type(uint96).max);
        _raiseEpoch(demander);
        _refusesTrade(ahead, abi.encodeWithSelector(IResourceTrading.WrongDemanderEpoch.selector, 1, 2));
    }
}
