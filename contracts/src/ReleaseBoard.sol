// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IReleaseBoard} from "./interfaces/IReleaseBoard.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title A public board for announcements
/// @notice See IReleaseBoard for what each call means.
contract ReleaseBoard is IReleaseBoard, EIP712 {
    bytes32 private constant ANNOUNCEMENT_TYPEHASH =
        keccak256("Announcement(address author,uint64 sequence,bytes payload,uint64 deadline)");

    /// @inheritdoc IReleaseBoard
    mapping(address author => uint64) public override sequenceOf;

    constructor() EIP712("Fabmarket board", "1") {}

    /// @inheritdoc IReleaseBoard
    function announce(bytes calldata payload) external {
        emit Announced(msg.sender, sequenceOf[msg.sender]++, payload);
    }

    /// @inheritdoc IReleaseBoard
    function announceFor(address author, bytes calldata payload, uint64 deadline, bytes calldata signature) external {
        if (block.timestamp >= deadline) revert AnnouncementExpired(deadline, block.timestamp);
        uint64 sequence = sequenceOf[author]++;
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(ANNOUNCEMENT_TYPEHASH, author, sequence, keccak256(payload), deadline))
        );
        if (!Signatures.isBy(author, digest, signature)) {
            revert BadAnnouncement(author, Signatures.recover(digest, signature));
        }
        emit Announced(author, sequence, payload);
    }
}
