// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TestToken} from "../../src/TestToken.sol";
import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {ICapacityExchange} from "../../src/interfaces/ICapacityExchange.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IParameters} from "../../src/interfaces/IParameters.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {CHEATS, Vm} from "./Vm.sol";

/// @notice One exchange with three operators (two needed), one token, one supplier, one demander and one stranger.
abstract contract ExchangeBase {
    Vm internal constant vm = CHEATS;

    uint64 internal constant NOW = 1_700_000_000;
    uint64 internal constant HOUR = 3600;
    uint64 internal constant EXPIRY = NOW + 30 * 24 * HOUR;
    bytes32 internal constant UNIT = "hour";
    /// @dev Where the exchange stores its accounts.
    uint256 private constant ACCOUNTS_SLOT = 7;
    /// @dev Of every decision that a test does not let expire.
    uint64 internal constant DEADLINE = type(uint64).max;

    uint256 internal constant SUPPLIER_KEY = 0x5011;
    uint256 internal constant DEMANDER_KEY = 0xde3a;
    uint256 internal constant STRANGER_KEY = 0x57a6;

    address internal supplier = vm.addr(SUPPLIER_KEY);
    address internal demander = vm.addr(DEMANDER_KEY);
    address internal stranger = vm.addr(STRANGER_KEY);

    /// @dev Ascending by address, as the exchange wants the signatures.
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
    function hashOf(IResourceVerification.SealedAttestation calldata attestation) external pure returns (bytes32) {
        return TradeHash.hash(attestation);
    }

    function _parameters() internal pure virtual returns (IParameters.Parameters memory) {
        return IParameters.Parameters({
            operatorDelay: 24 * uint32(HOUR),
            deliveryWindow: 600,
            disputeWindow: 700,
            hearing: 900,
            decisionWindow: 800,
            rulingWindow: 1000,
            graceTime: 300,
            graceBlocks: 5,
            longestLife: 60 * 24 * uint32(HOUR),
            depositShare: 500
        });
    }

    /// @dev By name, not by import: foundry.toml says why.
    function _deploy(address[] memory operators, uint256 threshold, address paidIn)
        internal
        returns (ICapacityExchange)
    {
        bytes memory parameters = abi.encode(_parameters());
        address escrow = vm.deployCode("ResourceEscrow.sol:ResourceEscrow", parameters);
        address net = vm.deployCode("NetSettlement.sol:NetSettlement", parameters);
        return _deploy(operators, threshold, paidIn, escrow, net);
    }

    function _deploy(address[] memory operators, uint256 threshold, address paidIn, address escrow, address net)
        internal
        returns (ICapacityExchange)
    {
        bytes memory arguments = abi.encode(operators, threshold, _addresses(paidIn), _parameters(), escrow, net);
        return ICapacityExchange(vm.deployCode("CapacityExchange.sol:CapacityExchange", arguments));
    }

    /// @dev External because what a cheat code reverts with ends the function that called it: after `vm.expectRevert` the
    /// test itself, with success.
    function deployByName(string calldata name, bytes calldata arguments) external returns (address) {
        return vm.deployCode(name, arguments);
    }

    function _refusesDeploy(string memory name, bytes memory arguments, bytes memory reason) internal {
        (bool ok, bytes memory answer) = address(this).call(abi.encodeCall(this.deployByName, (name, arguments)));
        vm.assertFalse(ok);
        vm.assertEq(answer, reason);
    }

    /// @dev Of an exchange with these modules.
    function _refusesDeploy(uint256 threshold, address paidIn, address escrow, address net, bytes memory reason)
        internal
    {
        bytes memory arguments = abi.encode(operatorAccounts, threshold, _addresses(paidIn), _parameters(), escrow, net);
        _refusesDeploy("CapacityExchange.sol:CapacityExchange", arguments, reason);
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

    /// @dev Calls the exchange as `caller`; what it reverts with reaches the test.
    function _as(address caller, bytes memory data) internal {
        vm.prank(caller);
        (bool ok, bytes memory answer) = address(exchange).call(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// @dev Requires that the call reverts with exactly `reason` and changes nothing.
    function _refuses(address caller, bytes memory data, bytes memory reason) internal {
        bytes32 before = _stateHash();
        vm.prank(caller);
        (bool ok, bytes memory answer) = address(exchange).call(data);
        vm.assertFalse(ok);
        vm.assertEq(answer, reason);
        vm.assertEq(_stateHash(), before);
    }

    /// @dev What the exchange holds about the three accounts, the operators and slot 0 of m1.
    function _stateHash() internal view virtual returns (bytes32) {
        return keccak256(abi.encode(_accountState(demander), _accountState(supplier), _accountState(stranger), _book()));
    }

    function _accountState(address account) private view returns (bytes memory) {
        return abi.encode(
            exchange.accountOf(account, address(token)), exchange.intentNonce(account), token.balanceOf(account)
        );
    }

    function _book() private view returns (bytes memory) {
        return abi.encode(
            _slot("m1"),
            _listing("m1"),
            exchange.sealOf(supplier, "m1", 0),
            exchange.operators(),
            exchange.threshold(),
            exchange.operatorSet(),
            _next(),
            exchange.decisionNonce(),
            exchange.pausedUntil(),
            exchange.accepts(address(token)),
            exchange.totalOf(address(token)),
            token.balanceOf(address(exchange))
        );
    }

    function _next() private view returns (bytes memory) {
        (uint32 set, uint64 since) = exchange.nextOperatorSet();
        return abi.encode(set, since);
    }

    function _register(bytes32 resource) internal {
        _as(supplier, abi.encodeCall(exchange.registerResource, (resource, UNIT, NOW, HOUR)));
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
            origin: NOW,
            slotLength: HOUR,
            firstSlot: 0,
            quantities: quantities,
            version: version,
            expiry: EXPIRY,
            operatorSet: exchange.operatorSet()
        });
    }

    /// @dev For slot 0 of m1.
    function _sealedAttestation(bytes32 commitment, uint64 version)
        internal
        view
        returns (IResourceVerification.SealedAttestation memory)
    {
        return IResourceVerification.SealedAttestation({
            supplier: supplier,
            resource: "m1",
            unit: UNIT,
            origin: NOW,
            slotLength: HOUR,
            slot: 0,
            commitment: commitment,
            version: version,
            expiry: EXPIRY,
            operatorSet: exchange.operatorSet()
        });
    }

    /// @dev Registered resource, attested for slot 0 at version 1.
    function _attested(bytes32 resource, uint64 quantity) internal {
        _register(resource);
        _attest(_attestation(resource, _quantities(quantity), 1));
    }

    function _attest(IResourceVerification.Attestation memory attestation) internal {
        exchange.attest(attestation, _decided(this.hashOf(attestation)));
    }

    function _attest(IResourceVerification.SealedAttestation memory attestation) internal {
        exchange.attestSealed(attestation, _decided(this.hashOf(attestation)));
    }

    /// @dev Signatures of as many operators as are needed.
    function _decided(bytes32 structHash) internal view returns (IOperators.OperatorSignature[] memory) {
        return _operatorSignatures(structHash, 2);
    }

    /// @dev Signatures of the first `count` operators, in ascending order.
    function _operatorSignatures(bytes32 structHash, uint256 count)
        internal
        view
        returns (IOperators.OperatorSignature[] memory signatures)
    {
        signatures = new IOperators.OperatorSignature[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = _operatorSignature(operatorKeys[i], structHash);
        }
    }

    function _operatorSignature(uint256 key, bytes32 structHash)
        internal
        view
        returns (IOperators.OperatorSignature memory)
    {
        return IOperators.OperatorSignature(vm.addr(key), _sign(key, _typed(structHash)));
    }

    /// @dev The EIP-712 digest of a struct for this exchange.
    function _typed(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", _domainSeparator(address(exchange)), structHash));
    }

    /// @dev What a wallet is asked where several accounts sign one digest.
    function _confirmation(address wallet, bytes32 digest) internal view returns (bytes32) {
        return _typed(keccak256(abi.encode(keccak256("Confirmation(address wallet,bytes32 digest)"), wallet, digest)));
    }

    /// @dev As operator, of a wallet that this key signs for.
    function _walletsSignature(uint256 key, address wallet, bytes32 structHash)
        internal
        view
        returns (IOperators.OperatorSignature memory)
    {
        return IOperators.OperatorSignature(wallet, _sign(key, _confirmation(wallet, _typed(structHash))));
    }

    function _openDigest(bytes32 listing, bytes32 commitment, uint64 version, uint64 listingEpoch, uint64 deadline)
        internal
        view
        returns (bytes32)
    {
        bytes32 typeHash =
            keccak256("Open(bytes32 listing,bytes32 commitment,uint64 version,uint64 listingEpoch,uint64 deadline)");
        return _typed(keccak256(abi.encode(typeHash, listing, commitment, version, listingEpoch, deadline)));
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
        _as(supplier, abi.encodeCall(exchange.list, (_reports(_report(resource, quantity)))));
    }

    function _fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(exchange), amount);
        _as(account, abi.encodeCall(exchange.deposit, (address(token), amount)));
    }

    function _raiseEpoch(address account) internal {
        _as(account, abi.encodeCall(exchange.raiseEpoch, (address(token))));
    }

    /// @dev Leaves an account a balance, an epoch and the nonces used that no test has time to come to.
    function _storeAccount(address account, uint128 balance, uint32 epoch, uint96 used) internal {
        bytes32 ofToken = keccak256(abi.encode(address(token), ACCOUNTS_SLOT));
        uint256 word = balance | uint256(epoch) << 128 | uint256(used) << 160;
        vm.store(address(exchange), keccak256(abi.encode(account, ofToken)), bytes32(word));
    }

    /// @dev All nonces used, as by trades: to cancel the last one would raise the epoch.
    function _useUp(address account) internal {
        IAccounts.Account memory now_ = exchange.accountOf(account, address(token));
        _storeAccount(account, now_.balance, now_.epoch, type(uint96).max);
    }

    function _cancel(address account, uint96 mask) internal {
        _as(account, abi.encodeCall(exchange.cancel, (address(token), mask)));
    }

    function _withdrawCall(uint256 amount, address to) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.withdraw, (address(token), amount, to));
    }

    function _pause(uint64 until) internal {
        exchange.pause(until, DEADLINE, _decided(_pauseHash(until, DEADLINE)));
    }

    function _pauseHash(uint64 until, uint64 deadline) internal view returns (bytes32) {
        bytes32 typeHash = keccak256("Pause(uint64 until,uint32 set,uint256 nonce,uint64 deadline)");
        return keccak256(abi.encode(typeHash, until, exchange.operatorSet(), exchange.decisionNonce(), deadline));
    }

    function _setToken(address paidIn, bool accepted) internal {
        exchange.setToken(paidIn, accepted, DEADLINE, _decided(_tokenHash(paidIn, accepted, DEADLINE)));
    }

    function _tokenHash(address paidIn, bool accepted, uint64 deadline) internal view returns (bytes32) {
        bytes32 typeHash = keccak256("Token(address token,bool accepted,uint32 set,uint256 nonce,uint64 deadline)");
        return
            keccak256(
                abi.encode(typeHash, paidIn, accepted, exchange.operatorSet(), exchange.decisionNonce(), deadline)
            );
    }

    /// @dev Decides on new operators; they take over after the delay.
    function _setOperators(address[] memory operators, uint256 threshold) internal {
        bytes32 structHash = _operatorsHash(operators, threshold, DEADLINE);
        exchange.setOperators(operators, threshold, DEADLINE, _decided(structHash));
    }

    function _operatorsHash(address[] memory operators, uint256 threshold, uint64 deadline)
        internal
        view
        returns (bytes32)
    {
        bytes32 list = keccak256(abi.encodePacked(operators));
        bytes32 typeHash =
            keccak256("Operators(address[] operators,uint256 threshold,uint32 set,uint256 nonce,uint64 deadline)");
        return
            keccak256(abi.encode(typeHash, list, threshold, exchange.operatorSet(), exchange.decisionNonce(), deadline));
    }

    function _intent(address account, bytes memory call) internal view returns (IAccounts.Intent memory) {
        return IAccounts.Intent({
            account: account, call: call, nonce: exchange.intentNonce(account), deadline: uint64(block.timestamp) + 60
        });
    }

    function _digest(IAccounts.Intent memory intent) internal view returns (bytes32) {
        return _typed(
            keccak256(
                abi.encode(
                    keccak256("Intent(address account,bytes call,uint256 nonce,uint64 deadline)"),
                    intent.account,
                    keccak256(intent.call),
                    intent.nonce,
                    intent.deadline
                )
            )
        );
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The same signature in 64 bytes (ERC-2098).
    function _compact(uint256 key, bytes32 digest) internal pure returns (IResourceTrading.Signature memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return IResourceTrading.Signature(r, bytes32(uint256(s) | uint256(v - 27) << 255));
    }

    /// @dev Whom a well-formed signature recovers to over another digest than the signed one.
    function _recovered(bytes32 digest, IResourceTrading.Signature memory signature) internal pure returns (address) {
        uint256 vs = uint256(signature.vs);
        return ecrecover(digest, uint8(27 + (vs >> 255)), signature.r, bytes32(vs & (1 << 255) - 1));
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
        return exchange.listingOf(_id(resource, 0));
    }

    /// @dev The id of the supplier's listing by its definition, for the calendar of `_register`.
    function _id(bytes32 resource, uint64 slot) internal view returns (bytes32) {
        uint256 hash = uint256(keccak256(abi.encode(supplier, resource, slot)));
        return bytes32((hash >> 40 << 40) + NOW + (uint256(slot) + 1) * HOUR);
    }

    function _balance(address account) internal view returns (uint256) {
        return exchange.balanceOf(account, address(token));
    }
}
