// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice Raising the epoch by one would have brought trades signed ahead for the next epoch to life, instead of
/// voiding all the account has signed; raising it by two those signed for the one after that.
contract EpochOfTradesSignedAheadTest is SettleBase {
    function test_raisingTheEpochVoidsTradesSignedForTheNext() public {
        _refusesAhead(0);
        _raiseEpoch(demander);
        _refusesAhead(NOW);
    }

    function test_soItDoesWhenAllNoncesAreUsed() public {
        _useUp(demander);
        _raiseEpoch(demander);
        _refusesAhead(NOW);
    }

    /// @dev Where the time has not passed the epoch, it is the one after next; the next one is passed over.
    function test_soItDoesInTheSameSecondAgain() public {
        _raiseEpoch(demander);
        IResourceTrading.Trade memory ahead = _trade();
        ahead.nonce = NOW + 1 << 8;
        _useUp(demander);
        _raiseEpoch(demander);
        _refusesTrade(ahead, _wrongEpoch(demander, NOW + 1, NOW + 2));
    }

    function _refusesAhead(uint64 current) private {
        IResourceTrading.Trade memory ahead = _trade();
        for (uint64 epoch = 1; epoch < 4; ++epoch) {
            ahead.nonce = epoch << 8;
            _refusesTrade(ahead, _wrongEpoch(demander, epoch, current));
        }
    }
}
