// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a deployment fixes for ever
/// @notice Windows in seconds, none of them zero.
interface IParameters {
    /// @param operatorDelay From the decision on new operators to their taking over.
    /// @param deliveryWindow Least time to deliver: from settlement or `deliverFrom`, whichever is later, to `deliverBy`.
    /// @param disputeWindow Least time to dispute: to `disputeBy`, from `deliverBy` and from the statement of delivery.
    /// @param hearing From a dispute to the first ruling that may be posted.
    /// @param decisionWindow Least time after the hearing in which a ruling may be posted.
    /// @param rulingWindow From the posting of a ruling to its execution; meanwhile another may replace it.
    /// @param graceTime Least time, and
    /// @param graceBlocks least blocks, from the call after a deadline to its consequence; blocks also from the posting of a
    /// ruling to its execution. Assumes that `block.number` counts blocks of the chain itself and stops when it stops: where
    /// it is a parent chain's (Arbitrum and its kind), blocks protect nothing.
    /// @param longestLife Longest time from settlement to `decideBy`.
    /// @param depositShare What each side of an escrow deposits in case of a dispute: basis points of the payment.
    struct Parameters {
        uint32 operatorDelay;
        uint32 deliveryWindow;
        uint32 disputeWindow;
        uint32 hearing;
        uint32 decisionWindow;
        uint32 rulingWindow;
        uint32 graceTime;
        uint32 graceBlocks;
        uint32 longestLife;
        uint16 depositShare;
    }

    /// @notice A parameter is zero, the share above 10000, or the longest life shorter than the windows together.
    error BadParameters();
}
