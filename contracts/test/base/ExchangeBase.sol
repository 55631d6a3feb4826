// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {TestToken} from "../../src/TestToken.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {CHEATS, Vm} from "./Vm.sol";

/// @notice The calls of CapacityExchange.
interface ICapacityExchange is IResourceVerification, IResourceTrading, IERC5267 {}

/// @notice One exchange with three operators (two needed), one token, one supplier, one demander and one stranger.
abstract contract ExchangeBase {
    Vm internal constant vm = CHEATS;

    uint64 internal constant NOW = 1_700_000_000;
    uint64 internal constant HOUR = 3600;
    uint64 internal constant EXPIRY = NOW + 30 * 24 * HOUR;
    bytes32 internal constant UNIT = "hour";

    uint256 internal constant SUPPLIER_KEY = 0x5011;
    uint256 internal constant DEMANDER_KEY = 0xde3a;
    uint256 internal constant STRANGER_KEY = 0x57a6;

    address internal supplier = vm.addr(SUPPLIER_KEY);
    address internal demander = vm.addr(DEMANDER_KEY);
    address internal stranger = vm.addr(STRANGER_KEY);

    /// @dev Ascending by address, as `attest` wants the signatures.
    uint256[] internal operatorKeys;
    address[] internal operatorAccounts;

    ICapacityExchange internal exchange;
    TestToken internal token;

    function setUp() public virtual {
        vm.warp(NOW);
        for (uint256 key = 0xa; key < 0xd; ++key) {
            _addOperator(key);
        }
        token = new TestToken("Test money", "TEST", 6);
        exchange = _deploy(operatorAccounts, 2, address(token));
    }

    /// @dev External so that memory structs reach the library as calldata.
    function hashOf(IResourceVerification.Attestation calldata attestation) external pure returns (bytes32) {
        return TradeHash.hash(attestation);
    }

    /// @dev External for the same reason.
    function hashOf(IResourceTrading.Trade calldata trade) external pure returns (bytes32) {
        return TradeHash.hash(trade);
    }

    /// @dev By name, not by import: foundry.toml says why.
    function _deploy(address[] memory operators, uint256 threshold, address paidIn)
        internal
        returns (ICapacityExchange)
    {
        bytes memory arguments = abi.encode(operators, threshold, _addresses(paidIn));
        return ICapacityExchange(vm.deployCode("CapacityExchange.sol:CapacityExchange", arguments));
    }

    function _addOperator(uint256 key) private {
        address account = vm.addr(key);
        operatorKeys.push(key);
        operatorAccounts.push(account);
        for (uint256 i = operatorKeys.length - 1; i > 0 && operatorAccounts[i - 1] > operatorAccounts[i]; --i) {
            (operatorKeys[i - 1], operatorKeys[i]) = (operatorKeys[i], operatorKeys[i - 1]);
            (operatorAccounts[i - 1], operatorAccounts[i]) = (operatorAccounts[i], operatorAccounts[i - 1]);
        }
    }

    function _register(bytes32 resource) internal {
        vm.prank(supplier);
        exchange.registerResource(resource, UNIT, NOW, HOUR);
    }

    function _attestation(bytes32 resource, uint64[] memory quantities, uint64 version)
        internal
        view
        returns (IResourceVerification.Attestation memory)
    {
        return IResourceVerification.Attestation({
            supplier: supplier,
            resource: resource,
            unit: UNIT,
            firstSlot: 0,
            quantities: quantities,
            version: version,
            expiry: EXPIRY
        });
    }

    /// @dev Registered resource, attested for slot 0 at version 1.
    function _attested(bytes32 resource, uint64 quantity) internal {
        _register(resource);
        _attest(_attestation(resource, _quantities(quantity), 1));
    }

    function _attest(IResourceVerification.Attestation memory attestation) internal {
        exchange.attest(attestation, _operatorSignatures(attestation, 2));
    }

    /// @dev Signatures of the first `count` operators, in ascending order.
    function _operatorSignatures(IResourceVerification.Attestation memory attestation, uint256 count)
        internal
        view
        returns (bytes[] memory signatures)
    {
        bytes32 digest = _digest(attestation);
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = _sign(operatorKeys[i], digest);
        }
    }

    function _digest(IResourceVerification.Attestation memory attestation) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", _domainSeparator(address(exchange)), this.hashOf(attestation)));
    }

    function _domainSeparator(address verifyingContract) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Fabmarket"),
                keccak256("1"),
                block.chainid,
                verifyingContract
            )
        );
    }

    function _list(bytes32 resource, uint64 quantity) internal {
        vm.prank(supplier);
        exchange.list(_reports(_report(resource, quantity)));
    }

    function _fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(exchange), amount);
        vm.prank(account);
        exchange.deposit(address(token), amount);
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Whom a well-formed signature recovers to over another digest than the signed one.
    function _recovered(bytes32 digest, bytes memory signature) internal pure returns (address) {
        return ECDSA.recover(digest, signature);
    }

    function _report(bytes32 resource, uint64 quantity) internal pure returns (IResourceVerification.Report memory) {
        return IResourceVerification.Report({resource: resource, slot: 0, quantity: quantity});
    }

    function _reports(IResourceVerification.Report memory only)
        internal
        pure
        returns (IResourceVerification.Report[] memory reports)
    {
        reports = new IResourceVerification.Report[](1);
        reports[0] = only;
    }

    function _quantities(uint64 only) internal pure returns (uint64[] memory quantities) {
        quantities = new uint64[](1);
        quantities[0] = only;
    }

    function _addresses(address only) internal pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = only;
    }

    function _slot(bytes32 resource) internal view returns (IResourceVerification.Slot memory) {
        return exchange.slotOf(supplier, resource, 0);
    }

    function _listing(bytes32 resource) internal view returns (IResourceVerification.Listing memory) {
        return exchange.listingOf(exchange.listingId(supplier, resource, 0));
    }
}
