// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {HostileWallet} from "../base/Wallets.sol";
import {Books} from "./Books.sol";

/// @notice Capacity, balances and instant trades.
abstract contract MarketMoves is Books {
    bytes[] internal _deals;
    bytes[] internal _bundles;

    /// @dev What the reentrant token calls in the middle does not act for the account whose call it interrupts.
    modifier epochKept(uint256 seed) {
        uint32 epoch = _account(seed, address(reentrant)).epoch;
        _;
        vm.assertEq(_account(seed, address(reentrant)).epoch, epoch);
    }

    /// @dev Of more than is committed, or of less than is sold.
    function attest(uint256 seed, uint64 quantity, bool lower) external checked {
        IResourceVerification.Slot memory book = _currentBook(seed);
        quantity = lower ? quantity % (book.committed - _availableOf(seed) + 1) : book.committed + quantity % 50;
        IResourceVerification.Attestation memory attestation =
            _attestation("m1", _quantities(quantity), book.version + 1);
        (attestation.supplier, attestation.firstSlot) = (actor(seed), _currentSlot());
        attestation.slotLength = SLOT_LENGTH;
        attestation.expiry = uint64(block.timestamp) + 100 * HOUR;
        _known(seed);
        exchange.attest(attestation, _decidedNow(this.hashOf(attestation)));
    }

    /// @dev Of a current slot: sealed, and opened by the supplier or by somebody with its consent. What is above the committed
    /// quantity is for sale then.
    function sealAndOpen(uint256 seed, uint64 quantity, bytes32 salt, bool own) external checked {
        if (salt == 0) return;
        IResourceVerification.Slot memory book = _currentBook(seed);
        quantity = (salt[31] == 0 ? book.committed + 1 : 0) + quantity % 50;
        bytes32 commitment = exchange.commitmentOf(actor(seed), "m1", _currentSlot(), quantity, salt);
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation(commitment, book.version + 1);
        (attestation.supplier, attestation.slot) = (actor(seed), _currentSlot());
        attestation.slotLength = SLOT_LENGTH;
        attestation.expiry = uint64(block.timestamp) + 100 * HOUR;
        _known(seed);
        exchange.attestSealed(attestation, _decidedNow(this.hashOf(attestation)));
        vm.assertEq(_availableOf(seed), 0);
        uint64 sold_ = _currentBook(seed).committed;
        IResourceVerification.Opening memory opening =
            IResourceVerification.Opening(actor(seed), "m1", _currentSlot(), quantity, salt);
        bytes memory consent = _sign(_key(seed), _openDigest(_currentListing(seed), commitment, book.version + 1));
        if (own) _as(actor(seed), abi.encodeCall(exchange.open, (opening, 0, "")));
        else exchange.open(opening, DEADLINE, consent);
        vm.assertEq(_availableOf(seed), quantity > sold_ ? quantity - sold_ : 0);
    }

    function list(uint256 seed, uint64 quantity, bool relayed) external checked {
        IResourceVerification.Slot memory book = _currentBook(seed);
        if (book.attested <= book.committed || book.expiry <= block.timestamp) return;
        quantity = 1 + quantity % (book.attested - book.committed);
        IResourceVerification.Report memory report = IResourceVerification.Report("m1", _currentSlot(), quantity);
        _submit(actor(seed), abi.encodeCall(exchange.list, (_reports(report))), relayed);
    }

    /// @dev The last unit taken off voids what was signed.
    function unlist(uint256 seed, uint64 quantity, bool relayed) external checked {
        IResourceVerification.Listing memory listing = exchange.listingOf(_currentListing(seed));
        if (listing.available == 0) return;
        quantity = 1 + quantity % listing.available;
        _submit(actor(seed), abi.encodeCall(exchange.unlist, ("m1", _currentSlot(), quantity)), relayed);
        bool voided = exchange.listingOf(_currentListing(seed)).epoch > uint256(listing.epoch) + 1;
        vm.assertTrue(voided == (quantity == listing.available));
    }

    function raiseListingEpoch(uint256 seed, bool relayed) external checked {
        _submit(actor(seed), abi.encodeCall(exchange.raiseListingEpoch, ("m1", _currentSlot())), relayed);
    }

    /// @dev In both tokens, as far as they are accepted.
    function deposit(uint256 seed, uint256 amount, bool relayed) external checked epochKept(seed) {
        address account = actor(seed);
        amount = 1 + amount % 1_000_000;
        for (uint256 i = 0; i < TOKENS; ++i) {
            _approve(account, paidIn(i), amount);
            bytes memory call = abi.encodeCall(exchange.deposit, (paidIn(i), amount));
            if (!exchange.accepts(paidIn(i))) {
                _refusedFor(account, call, IAccounts.TokenNotAccepted.selector);
                continue;
            }
            _give(account, paidIn(i), amount);
            _arm(seed, amount);
            _submit(account, call, relayed);
        }
    }

    /// @dev By an account with a key. Somebody may use the permit first.
    function depositWithPermit(uint256 seed, uint256 amount, bool isUsed, bool relayed) external checked {
        if (!exchange.accepts(address(token))) return;
        (address account, uint256 key) = (actor(seed % 3), _key(seed % 3));
        amount = 1 + amount % 1_000_000;
        uint256 balance = exchange.balanceOf(account, address(token));
        _give(account, address(token), amount);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _permitDigest(account, amount));
        if (isUsed) {
            vm.prank(stranger);
            token.permit(account, address(exchange), amount, type(uint256).max, v, r, s);
        }
        bytes memory call =
            abi.encodeCall(exchange.depositWithPermit, (address(token), amount, type(uint256).max, v, r, s));
        _submit(account, call, relayed);
        vm.assertEq(exchange.balanceOf(account, address(token)), balance + amount);
        ++reached[isUsed ? bytes32("used permit") : bytes32("permit")];
    }

    /// @dev In a token whose permit calls the exchange, and permits nothing: the account has approved before.
    function depositWithHostilePermit(uint256 seed, uint256 amount, bool relayed) external checked epochKept(seed) {
        if (!exchange.accepts(address(reentrant))) return;
        address account = actor(seed);
        amount = 1 + amount % 1_000_000;
        _give(account, address(reentrant), amount);
        _approve(account, address(reentrant), amount);
        _arm(seed, amount);
        bytes memory call =
            abi.encodeCall(exchange.depositWithPermit, (address(reentrant), amount, type(uint256).max, 27, 0, 0));
        _submit(account, call, relayed);
        ++reached["hostile permit"];
    }

    /// @dev To itself, to another actor or to somebody outside.
    function withdraw(uint256 seed, uint256 tokenSeed, uint256 amount, uint256 toSeed, bool relayed)
        external
        checked
        epochKept(seed)
    {
        (address account, address paid) = (actor(seed), paidIn(tokenSeed));
        uint256 balance = exchange.balanceOf(account, paid);
        if (balance == 0) return;
        amount = 1 + amount % balance;
        address to = toSeed % 3 == 0 ? account : toSeed % 3 == 1 ? actor(toSeed / 3) : stranger;
        uint256 had = _tokensOf(to, paid);
        _arm(seed, amount);
        _submit(account, abi.encodeCall(exchange.withdraw, (paid, amount, to)), relayed);
        vm.assertEq(_tokensOf(to, paid), had + amount);
        if (to != account) ++reached["withdrawal to another"];
    }

    /// @dev Tokens that nobody deposited stop nothing.
    function give(uint256 tokenSeed, uint256 amount) external checked {
        amount = 1 + amount % 1_000_000;
        _give(address(exchange), paidIn(tokenSeed), amount);
        gifts[paidIn(tokenSeed)] += amount;
        ++reached["gift"];
    }

    function cancel(uint256 seed, uint256 tokenSeed, uint8 nonce, bool relayed) external checked {
        uint96 mask = nonce < 16 ? type(uint96).max : uint96(1) << nonce % 96;
        _submit(actor(seed), abi.encodeCall(exchange.cancel, (paidIn(tokenSeed), mask)), relayed);
    }

    /// @dev By two at least.
    function raiseEpoch(uint256 seed, uint256 tokenSeed, bool relayed) external checked {
        uint32 epoch = _account(seed, paidIn(tokenSeed)).epoch;
        _submit(actor(seed), abi.encodeCall(exchange.raiseEpoch, (paidIn(tokenSeed))), relayed);
        vm.assertLe(uint256(epoch) + 2, _account(seed, paidIn(tokenSeed)).epoch);
    }

    /// @dev What an account signed for a relayer, and took back.
    function voidIntents(uint256 seed, uint8 by) external checked {
        bytes memory call = abi.encodeCall(exchange.raiseEpoch, (paidIn(seed)));
        IAccounts.Intent memory intent = _intent(actor(seed), call);
        bytes memory relay = abi.encodeCall(exchange.relay, (intent, _sign(_key(seed), _digest(intent))));
        _as(actor(seed), abi.encodeCall(exchange.voidIntents, (intent.nonce + 1 + by)));
        _refusedFor(stranger, relay, IAccounts.WrongIntentNonce.selector);
    }

    function settle(uint256 seed, uint256 terms, bool relayed) external checked {
        (bool possible, Deal memory deal) = _nextDeal(seed, terms, false);
        if (!possible) return;
        bytes memory call = abi.encodeCall(exchange.settle, (deal.signed, deal.proofs));
        _submit(relayed ? actor(terms) : stranger, call, relayed);
        _deals.push(abi.encode(deal));
        _assertUsed(deal.signed.trade);
    }

    /// @dev A trade that settles in the middle of a deposit or withdrawal of its own demander or supplier, in the token
    /// that calls back.
    function settleInside(uint256 seed, uint256 terms, bool withdrawing) external checked {
        (bool possible, Deal memory deal) = _nextDeal(seed, terms | 1, false);
        if (!possible || !exchange.accepts(address(reentrant))) return;
        address party =
            terms >> 90 & 1 == 0 ? deal.signed.trade.demander : exchange.listingOf(deal.signed.trade.listing).supplier;
        _give(party, address(reentrant), 1000);
        _approve(party, address(reentrant), 1000);
        bytes memory move = abi.encodeCall(exchange.deposit, (address(reentrant), 1000));
        if (withdrawing) {
            _as(party, move);
            move = abi.encodeCall(exchange.withdraw, (address(reentrant), 1000, stranger));
        }
        uint256 owed = _balances(address(reentrant));
        reentrant.arm(address(exchange), abi.encodeCall(exchange.settle, (deal.signed, deal.proofs)));
        _as(party, move);
        vm.assertTrue(reentrant.succeeded());
        vm.assertEq(_balances(address(reentrant)), withdrawing ? owed - 1000 : owed + 1000);
        _deals.push(abi.encode(deal));
        _assertUsed(deal.signed.trade);
        ++reached["settled inside"];
    }

    /// @dev A good trade between a hostile contract's, a stranger's and an old one.
    function settleBatch(uint256 seed, uint256 terms, uint8 manner) external checked {
        (bool possible, Deal memory deal) = _nextDeal(seed, terms, false);
        if (!possible) return;
        hostileWallet.behave(HostileWallet.Manner(manner % 8));
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](4);
        (trades[0], trades[1]) = (abi.decode(abi.encode(deal.signed), (IResourceTrading.SignedTrade)), deal.signed);
        trades[0].trade.demander = address(hostileWallet);
        trades[0].demander = IResourceTrading.Signature(0, 0);
        trades[2] = abi.decode(abi.encode(deal.signed), (IResourceTrading.SignedTrade));
        trades[2].demander = _compact(STRANGER_KEY, deal.digest);
        trades[3] = deal.signed;
        if (_deals.length > 0) trades[3] = abi.decode(_deals[terms % _deals.length], (Deal)).signed;
        exchange.settleBatch(trades, deal.proofs);
        _deals.push(abi.encode(deal));
        _assertUsed(deal.signed.trade);
    }

    /// @dev All trades of a product: the demander pays what they sum to.
    function settleBundle(uint256 seed, uint256 terms, bool relayed) external checked {
        (bool possible, Product memory product) = _nextProduct(seed, terms, false);
        if (!possible) return;
        (IResourceTrading.SignedTrade[] memory trades, bytes[] memory proofs) = _signed(product, 0);
        IResourceTrading.Trade memory last = trades[trades.length - 1].trade;
        uint256 rest = exchange.balanceOf(last.demander, last.token) - _sum(trades);
        bytes memory call = abi.encodeCall(exchange.settleBundle, (trades, proofs));
        _submit(relayed ? actor(terms) : stranger, call, relayed);
        vm.assertEq(exchange.balanceOf(last.demander, last.token), rest);
        _assertUsed(last);
        _bundles.push(call);
        ++reached[trades.length == 2 ? bytes32("bundle of two") : bytes32("bundle of three")];
    }

    /// @dev A product whose last trade cannot settle, or stands in the place of the first: nothing of it settles.
    function breakBundle(uint256 seed, uint256 terms, uint8 way) external checked {
        (bool possible, Product memory product) = _nextProduct(seed, terms, false);
        if (!possible) return;
        IResourceTrading.Trade memory last = product.trades[product.trades.length - 1];
        way %= 4;
        if (way == 0) last.quantity = type(uint64).max;
        if (way == 1) last.nonce = product.trades[0].nonce;
        (IResourceTrading.SignedTrade[] memory trades, bytes[] memory proofs) = _signed(product, 0);
        if (way == 2) trades[trades.length - 1].demander = _compact(STRANGER_KEY, exchange.digestOf(last));
        if (way == 3) (trades[0], trades[trades.length - 1]) = (trades[trades.length - 1], trades[0]);
        bytes4[4] memory reasons = [
            IResourceVerification.InsufficientListing.selector,
            IResourceTrading.NonceUsed.selector,
            IAccounts.BadSignature.selector,
            IResourceTrading.WrongBundle.selector
        ];
        bytes32 before = _marketHash();
        _refusedFor(stranger, abi.encodeCall(exchange.settleBundle, (trades, proofs)), reasons[way]);
        vm.assertEq(_marketHash(), before);
        ++reached["broken bundle"];
    }

    function _sum(IResourceTrading.SignedTrade[] memory trades) internal pure returns (uint256 sum) {
        for (uint256 i = 0; i < trades.length; ++i) {
            sum += uint256(trades[i].trade.quantity) * trades[i].trade.unitPrice;
        }
    }

    /// @dev Of all actors in a token.
    function _balances(address paid) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            sum += exchange.balanceOf(actor(i), paid);
        }
    }

    function _tokensOf(address account, address paid) internal view returns (uint256) {
        (, bytes memory answer) = paid.staticcall(abi.encodeCall(token.balanceOf, (account)));
        return abi.decode(answer, (uint256));
    }

    function _give(address account, address paid, uint256 amount) private {
        if (paid == address(token)) token.mint(account, amount);
        else reentrant.mint(account, amount);
    }

    function _approve(address account, address paid, uint256 amount) private {
        vm.prank(account);
        (bool ok,) = paid.call(abi.encodeCall(token.approve, (address(exchange), amount)));
        vm.assertTrue(ok);
    }

    /// @dev ERC-2612, for ever.
    function _permitDigest(address account, uint256 amount) private view returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                account,
                address(exchange),
                amount,
                token.nonces(account),
                type(uint256).max
            )
        );
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
    }

    function _openDigest(bytes32 listing, bytes32 commitment, uint64 version) private view returns (bytes32) {
        bytes32 typeHash =
            keccak256("Open(bytes32 listing,bytes32 commitment,uint64 version,uint64 listingEpoch,uint64 deadline)");
        uint32 epoch = exchange.listingOf(listing).epoch;
        return _typed(keccak256(abi.encode(typeHash, listing, commitment, version, epoch, DEADLINE)));
    }

    /// @dev In the next transfer the token calls the exchange: as itself, for another's money.
    function _arm(uint256 seed, uint256 amount) private {
        bytes[4] memory callbacks = [
            abi.encodeCall(exchange.withdraw, (address(reentrant), amount, address(reentrant))),
            abi.encodeCall(exchange.deposit, (address(reentrant), amount)),
            abi.encodeCall(exchange.raiseEpoch, (address(reentrant))),
            bytes("")
        ];
        reentrant.arm(address(exchange), callbacks[seed % 4]);
    }
}
