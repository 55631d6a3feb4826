// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice Forged, malformed, misdirected and tampered signatures of a trade.
contract SettleSignaturesTest is SettleBase {
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function test_refusesStrangerForEitherParty() public {
        IResourceTrading.Trade memory trade = _trade();
        bytes32 digest = exchange.digestOf(trade);
        bytes memory strangers = _sign(STRANGER_KEY, digest);
        _refuses(trade, strangers, _sign(SUPPLIER_KEY, digest), _badSignature(demander, stranger));
        _refuses(trade, _sign(DEMANDER_KEY, digest), strangers, _badSignature(supplier, stranger));
    }

    function test_refusesSwappedSignatures() public {
        IResourceTrading.Trade memory trade = _trade();
        bytes32 digest = exchange.digestOf(trade);
        _refuses(trade, _sign(SUPPLIER_KEY, digest), _sign(DEMANDER_KEY, digest), _badSignature(demander, supplier));
    }

    function test_refusesHighS() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DEMANDER_KEY, exchange.digestOf(_trade()));
        bytes32 high = bytes32(CURVE_ORDER - uint256(s));
        uint8 flipped = v == 27 ? 28 : 27;
        vm.assertEq(ecrecover(exchange.digestOf(_trade()), flipped, r, high), demander);
        _refusesMalformed(abi.encodePacked(r, high, flipped));
    }

    function test_refusesOtherV() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DEMANDER_KEY, exchange.digestOf(_trade()));
        _refusesMalformed(abi.encodePacked(r, s, v - 27));
        _refusesMalformed(abi.encodePacked(r, s, uint8(29)));
    }

    function test_refusesOtherLengths() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DEMANDER_KEY, exchange.digestOf(_trade()));
        _refusesMalformed("");
        _refusesMalformed(abi.encodePacked(r, s));
        _refusesMalformed(abi.encodePacked(r, s, v, uint8(0)));
    }

    function test_refusesZeroDemander() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.demander = address(0);
        bytes memory supplierSignature = _sign(SUPPLIER_KEY, exchange.digestOf(trade));
        _refuses(trade, new bytes(65), supplierSignature, _badSignature(address(0), address(0)));
        _refuses(trade, "", supplierSignature, _badSignature(address(0), address(0)));
    }

    function test_refusesOtherChain() public {
        IResourceTrading.Trade memory trade = _trade();
        bytes32 digest = exchange.digestOf(trade);
        vm.chainId(block.chainid + 1);
        _refusesSignedFor(trade, digest);
    }

    function test_refusesOtherContract() public {
        IResourceTrading.Trade memory trade = _trade();
        bytes32 digest = _deploy(operatorAccounts, 2, address(token)).digestOf(trade);
        _refusesSignedFor(trade, digest);
    }

    /// @dev The epochs are fixed at zero here; Settle.t.sol shows that others are refused.
    function test_refusesEveryFieldChangedAfterSigning() public {
        _attested("m2", LISTED);
        _list("m2", LISTED);
        bytes32 digest = exchange.digestOf(_trade());
        IResourceTrading.Trade[9] memory changed;
        for (uint256 i = 0; i < changed.length; ++i) {
            changed[i] = _trade();
        }
        changed[0].listing = exchange.listingId(supplier, "m2", 0);
        changed[1].demander = stranger;
        changed[2].token = stranger;
        changed[3].quantity -= 1;
        changed[4].unitPrice += 1;
        changed[5].validUntil += 1;
        changed[6].nonce += 1;
        changed[7].transcript = "";
        changed[8].bundle = "";
        for (uint256 i = 0; i < changed.length; ++i) {
            _refusesSignedFor(changed[i], digest);
        }
        _settle(_trade());
    }

    function test_refusesValuesWiderThanTheirField() public {
        bytes32 digest = exchange.digestOf(_trade());
        bytes memory data =
            abi.encodeCall(exchange.settle, (_trade(), _sign(DEMANDER_KEY, digest), _sign(SUPPLIER_KEY, digest)));
        // The highest byte of the words of demander, token, quantity, unitPrice and validUntil.
        for (uint256 word = 1; word < 6; ++word) {
            uint256 top = 4 + 32 * word;
            data[top] = 0x01;
            _refusesCall(data);
            data[top] = 0x00;
        }
        (bool ok,) = address(exchange).call(data);
        vm.assertTrue(ok);
    }

    function test_refusesTruncatedCall() public {
        bytes32 digest = exchange.digestOf(_trade());
        bytes memory data =
            abi.encodeCall(exchange.settle, (_trade(), _sign(DEMANDER_KEY, digest), _sign(SUPPLIER_KEY, digest)));
        uint256[3] memory lengths = [uint256(4), 4 + 32 * 11, data.length - 64];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bytes memory head = new bytes(lengths[i]);
            for (uint256 j = 0; j < head.length; ++j) {
                head[j] = data[j];
            }
            _refusesCall(head);
        }
    }

    function _refusesMalformed(bytes memory demanderSignature) private {
        IResourceTrading.Trade memory trade = _trade();
        bytes memory supplierSignature = _sign(SUPPLIER_KEY, exchange.digestOf(trade));
        _refuses(trade, demanderSignature, supplierSignature, _badSignature(demander, address(0)));
    }

    /// @dev Refused because both signed `digest`, which is not this trade's digest here and now.
    function _refusesSignedFor(IResourceTrading.Trade memory trade, bytes32 digest) private {
        bytes memory demanderSignature = _sign(DEMANDER_KEY, digest);
        address recovered = _recovered(exchange.digestOf(trade), demanderSignature);
        vm.assertTrue(recovered != demander);
        _refuses(trade, demanderSignature, _sign(SUPPLIER_KEY, digest), _badSignature(trade.demander, recovered));
    }

    function _refusesCall(bytes memory data) private {
        (bool ok,) = address(exchange).call(data);
        vm.assertFalse(ok);
        vm.assertEq(_listing("m1").available, LISTED);
        vm.assertEq(exchange.balanceOf(demander, address(token)), FUNDS);
    }
}
