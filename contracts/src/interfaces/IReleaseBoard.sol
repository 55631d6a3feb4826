// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A public board for announcements: demands, offers, commitments to them
/// @notice Holds no money and judges nothing. Readers check the signature inside a payload themselves.
interface IReleaseBoard {
    /// @notice `sequence` counts the author's announcements from 0, so that a gap shows.
    event Announced(address indexed author, uint64 sequence, bytes payload);

    error BadAnnouncement(address author, address recovered);
    error AnnouncementExpired(uint64 deadline, uint256 timestamp);

    /// @notice Announces for the caller.
    function announce(bytes calldata payload) external;

    /// @notice Announces for `author`, who signed
    /// `Announcement(address author,uint64 sequence,bytes payload,uint64 deadline)` for its current sequence; anyone may pay
    /// for it. Another announcement voids it.
    /// @param signature 65 bytes r, s, v of its key (v 27 or 28, low s; the 64 bytes of ERC-2098 are refused); or, if the
    /// author is a contract, what that accepts for the digest (ERC-1271).
    function announceFor(address author, bytes calldata payload, uint64 deadline, bytes calldata signature) external;

    function sequenceOf(address author) external view returns (uint64);
}
