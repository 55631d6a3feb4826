// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {ReleaseBoard} from "../../src/ReleaseBoard.sol";
import {IReleaseBoard} from "../../src/interfaces/IReleaseBoard.sol";
import {CHEATS, Vm} from "../base/Vm.sol";
import {KeyWallet} from "../base/Wallets.sol";

contract AnnounceTest {
    Vm private constant vm = CHEATS;
    uint256 private constant AUTHOR_KEY = 0xa7;
    uint256 private constant STRANGER_KEY = 0x57;
    uint64 private constant DEADLINE = 1_700_000_000;

    address private author = vm.addr(AUTHOR_KEY);
    ReleaseBoard private board = new ReleaseBoard();

    function test_countsTheAuthorsAnnouncements() public {
        for (uint64 i = 0; i < 3; ++i) {
            vm.expectEmit(address(board));
            emit IReleaseBoard.Announced(author, i, "demand");
            vm.prank(author);
            board.announce("demand");
        }
        vm.assertEq(board.sequenceOf(author), 3);
        vm.assertEq(board.sequenceOf(address(this)), 0);
    }

    function test_anyoneAnnouncesWhatTheAuthorSigned() public {
        bytes memory signature = _sign(AUTHOR_KEY, author, 0, "demand");
        vm.expectEmit(address(board));
        emit IReleaseBoard.Announced(author, 0, "demand");
        board.announceFor(author, "demand", DEADLINE, signature);
        vm.assertEq(board.sequenceOf(author), 1);
    }

    function test_refusesTheSameAnnouncementTwice() public {
        bytes memory signature = _sign(AUTHOR_KEY, author, 0, "demand");
        board.announceFor(author, "demand", DEADLINE, signature);
        _refuses(author, "demand", signature, 1);
        vm.assertEq(board.sequenceOf(author), 1);
    }

    function test_refusesAnotherPayloadAndAnotherAuthor() public {
        bytes memory signature = _sign(AUTHOR_KEY, author, 0, "demand");
        _refuses(author, "offer", signature, 0);
        _refuses(vm.addr(STRANGER_KEY), "demand", signature, 0);
        _refuses(address(0), "demand", new bytes(65), 0);
        vm.assertEq(board.sequenceOf(author), 0);
    }

    function test_refusesFromTheDeadlineOn() public {
        bytes memory signature = _sign(AUTHOR_KEY, author, 0, "demand");
        for (uint64 late = 0; late < 2; ++late) {
            vm.warp(DEADLINE + late);
            vm.expectRevert(
                abi.encodeWithSelector(IReleaseBoard.AnnouncementExpired.selector, DEADLINE, DEADLINE + late)
            );
            board.announceFor(author, "demand", DEADLINE, signature);
        }
        vm.warp(DEADLINE - 1);
        board.announceFor(author, "demand", DEADLINE, signature);
        vm.assertEq(board.sequenceOf(author), 1);
    }

    function test_refusesAnotherDeadlineThanTheSigned() public {
        bytes memory signature = _sign(AUTHOR_KEY, author, 0, "demand");
        vm.warp(DEADLINE);
        (bool ok, bytes memory answer) =
            address(board).call(abi.encodeCall(board.announceFor, (author, "demand", DEADLINE + 1, signature)));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(IReleaseBoard.BadAnnouncement.selector));
        vm.assertEq(board.sequenceOf(author), 0);
    }

    function test_anotherAnnouncementVoidsIt() public {
        bytes memory signature = _sign(AUTHOR_KEY, author, 0, "demand");
        vm.prank(author);
        board.announce("nothing");
        _refuses(author, "demand", signature, 1);
    }

    function test_aWalletsAnnouncementIsConfirmedByTheWallet() public {
        KeyWallet wallet = new KeyWallet(author);
        board.announceFor(address(wallet), "offer", DEADLINE, _sign(AUTHOR_KEY, address(wallet), 0, "offer"));
        vm.assertEq(board.sequenceOf(address(wallet)), 1);
    }

    function test_saysItsDomain() public view {
        (, string memory name, string memory version,, address verifier,,) = board.eip712Domain();
        vm.assertEq(name, "Fabmarket board");
        vm.assertEq(version, "1");
        vm.assertEq(verifier, address(board));
    }

    function _refuses(address named, bytes memory payload, bytes memory signature, uint64 sequence) private {
        bytes32 digest = _digest(named, sequence, payload);
        (address recovered,,) = ECDSA.tryRecover(digest, signature);
        vm.expectRevert(abi.encodeWithSelector(IReleaseBoard.BadAnnouncement.selector, named, recovered));
        board.announceFor(named, payload, DEADLINE, signature);
    }

    function _sign(uint256 key, address named, uint64 sequence, bytes memory payload)
        private
        view
        returns (bytes memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _digest(named, sequence, payload));
        return abi.encodePacked(r, s, v);
    }

    function _digest(address named, uint64 sequence, bytes memory payload) private view returns (bytes32) {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Fabmarket board"),
                keccak256("1"),
                block.chainid,
                address(board)
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Announcement(address author,uint64 sequence,bytes payload,uint64 deadline)"),
                named,
                sequence,
                keccak256(payload),
                DEADLINE
            )
        );
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }
}
