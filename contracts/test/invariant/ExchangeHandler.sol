// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {HostileWallet} from "../base/Wallets.sol";
import {Vm} from "../base/Vm.sol";
import {Deals} from "./Deals.sol";

/// @notice Plays random moves. A move of an actor is bounded to what the rules allow, so that it must pass; an
/// intruder's must fail. Anything else reverts the handler, which fails the run.
contract ExchangeHandler is Deals {
    /// @notice What was attested when `committed` of a listing was last raised.
    mapping(bytes32 listing => uint64) public attestedAtRaise;
    /// @notice Units that left a listing through trades.
    mapping(bytes32 listing => uint64) public sold;
    /// @notice How often a trade was settled.
    mapping(bytes32 trade => uint256) public timesSettled;
    bytes32[] public listings;
    mapping(bytes32 listing => uint256) public ownerSeed;
    mapping(bytes32 listing => uint64) public slotOfListing;
    bytes[] private _deals;
    bytes[] private _escrows;
    bytes[] private _bundles;
    /// @notice How often the less usual moves came about.
    mapping(bytes32 move => uint256) public reached;
    mapping(address token => mapping(address account => IAccounts.Account)) private _last;

    /// @dev After every move: no nonce is free again, no epoch falls, no trade is settled twice.
    modifier checked() {
        vm.recordLogs();
        _;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IResourceTrading.Settled.selector) continue;
            (bytes32 trade,, uint256 terms) = abi.decode(logs[i].data, (bytes32, address, uint256));
            vm.assertEq(++timesSettled[trade], 1);
            sold[logs[i].topics[1]] += uint64(terms >> 192);
        }
        _checkNonces();
    }

    /// @dev What the reentrant token calls in the middle does not act for the account whose call it interrupts.
    modifier epochKept(uint256 seed) {
        uint32 epoch = exchange.accountOf(actor(seed), address(reentrant)).epoch;
        _;
        vm.assertEq(exchange.accountOf(actor(seed), address(reentrant)).epoch, epoch);
    }

    function attest(uint256 seed, uint64 quantity) external checked {
        IResourceVerification.Attestation memory attestation =
            _attestation("m1", _quantities(quantity % 100), _currentBook(seed).version + 1);
        (attestation.supplier, attestation.firstSlot) = (actor(seed), _currentSlot());
        attestation.expiry = uint64(block.timestamp) + 100 * HOUR;
        exchange.attest(attestation, _ruled(this.hashOf(attestation)));
    }

    function sealAndOpen(uint256 seed, uint64 quantity, bytes32 salt) external checked {
        if (salt == 0) return;
        IResourceVerification.Slot memory book = _currentBook(seed);
        quantity = book.committed + 1 + quantity % 50;
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation(
            exchange.commitmentOf(actor(seed), "m1", _currentSlot(), quantity, salt), book.version + 1
        );
        (attestation.supplier, attestation.slot) = (actor(seed), _currentSlot());
        attestation.expiry = uint64(block.timestamp) + 100 * HOUR;
        exchange.attestSealed(attestation, _ruled(this.hashOf(attestation)));
        exchange.open(actor(seed), "m1", _currentSlot(), quantity, salt);
        _raised(seed, quantity);
    }

    function list(uint256 seed, uint64 quantity, bool relayed) external checked {
        IResourceVerification.Slot memory book = _currentBook(seed);
        if (book.attested <= book.committed || book.expiry <= block.timestamp) return;
        quantity = 1 + quantity % (book.attested - book.committed);
        IResourceVerification.Report memory report = IResourceVerification.Report("m1", _currentSlot(), quantity);
        _submit(actor(seed), abi.encodeCall(exchange.list, (_reports(report))), relayed);
        _raised(seed, book.attested);
    }

    function unlist(uint256 seed, uint64 quantity, bool relayed) external checked {
        uint64 available = exchange.listingOf(_currentListing(seed)).available;
        if (available == 0) return;
        bytes memory call = abi.encodeCall(exchange.unlist, ("m1", _currentSlot(), 1 + quantity % available));
        _submit(actor(seed), call, relayed);
    }

    function raiseListingEpoch(uint256 seed, bool relayed) external checked {
        bytes32 listing = _currentListing(seed);
        if (exchange.listingOf(listing).supplier == address(0)) return;
        _submit(actor(seed), abi.encodeCall(exchange.raiseListingEpoch, (listing)), relayed);
    }

    /// @dev In both tokens.
    function deposit(uint256 seed, uint256 amount, bool relayed) external checked epochKept(seed) {
        address account = actor(seed);
        amount = 1 + amount % 1_000_000;
        for (uint256 i = 0; i < TOKENS; ++i) {
            _give(account, paidIn(i), amount);
            _approve(account, paidIn(i), amount);
            _arm(seed, amount);
            _submit(account, abi.encodeCall(exchange.deposit, (paidIn(i), amount)), relayed);
        }
    }

    /// @dev By an account with a key. Somebody may use the permit first.
    function depositWithPermit(uint256 seed, uint256 amount, bool isUsed, bool relayed) external checked {
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

    function withdraw(uint256 seed, uint256 tokenSeed, uint256 amount, bool relayed) external checked epochKept(seed) {
        (address account, address paid) = (actor(seed), paidIn(tokenSeed));
        uint256 balance = exchange.balanceOf(account, paid);
        if (balance == 0) return;
        amount = 1 + amount % balance;
        _arm(seed, amount);
        _submit(account, abi.encodeCall(exchange.withdraw, (paid, amount)), relayed);
    }

    function cancel(uint256 seed, uint256 tokenSeed, uint8 nonce, bool relayed) external checked {
        uint96 mask = nonce < 16 ? type(uint96).max : uint96(1) << nonce % 96;
        _submit(actor(seed), abi.encodeCall(exchange.cancel, (paidIn(tokenSeed), mask)), relayed);
    }

    function raiseEpoch(uint256 seed, uint256 tokenSeed, bool relayed) external checked {
        _submit(actor(seed), abi.encodeCall(exchange.raiseEpoch, (paidIn(tokenSeed))), relayed);
    }

    function settle(uint256 seed, uint256 terms, bool relayed) external checked {
        (bool possible, Deal memory deal) = _nextDeal(seed, terms, false);
        if (!possible) return;
        bytes memory call = abi.encodeCall(exchange.settle, (deal.signed, deal.proofs));
        _submit(relayed ? actor(terms) : stranger, call, relayed);
        _deals.push(abi.encode(deal));
        _assertUsed(deal.signed.trade);
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
        (bool possible, Product memory product) = _nextProduct(seed, terms);
        if (!possible) return;
        (IResourceTrading.SignedTrade[] memory trades, bytes[] memory proofs) = _signed(product);
        IResourceTrading.Trade memory last = trades[trades.length - 1].trade;
        uint256 rest = exchange.balanceOf(last.demander, last.token);
        for (uint256 i = 0; i < trades.length; ++i) {
            rest -= uint256(trades[i].trade.quantity) * trades[i].trade.unitPrice;
        }
        bytes memory call = abi.encodeCall(exchange.settleBundle, (trades, proofs));
        _submit(relayed ? actor(terms) : stranger, call, relayed);
        vm.assertEq(exchange.balanceOf(last.demander, last.token), rest);
        _assertUsed(last);
        _bundles.push(call);
        ++reached[trades.length == 2 ? bytes32("bundle of two") : bytes32("bundle of three")];
    }

    /// @dev A product whose last trade cannot settle, or stands in the place of the first: nothing of it settles.
    function breakBundle(uint256 seed, uint256 terms, uint8 way) external checked {
        (bool possible, Product memory product) = _nextProduct(seed, terms);
        if (!possible) return;
        IResourceTrading.Trade memory last = product.trades[product.trades.length - 1];
        way %= 4;
        if (way == 0) last.quantity = type(uint64).max;
        if (way == 1) (last.demanderEpoch, last.nonce) = (product.trades[0].demanderEpoch, product.trades[0].nonce);
        (IResourceTrading.SignedTrade[] memory trades, bytes[] memory proofs) = _signed(product);
        if (way == 2) trades[trades.length - 1].demander = _compact(STRANGER_KEY, exchange.digestOf(last));
        if (way == 3) (trades[0], trades[trades.length - 1]) = (trades[trades.length - 1], trades[0]);
        bytes4[4] memory reasons = [
            IResourceVerification.InsufficientListing.selector,
            IResourceTrading.NonceUsed.selector,
            IAccounts.BadSignature.selector,
            IResourceTrading.WrongBundle.selector
        ];
        bytes32 before = _marketHash();
        bytes memory answer = _refusedTo(stranger, abi.encodeCall(exchange.settleBundle, (trades, proofs)));
        // Forge records what a reverted call logged, too.
        vm.getRecordedLogs();
        vm.assertEq(bytes32(bytes4(answer)), bytes32(reasons[way]));
        vm.assertEq(_marketHash(), before);
        ++reached["broken bundle"];
    }

    function settleEscrow(uint256 seed, uint256 terms) external checked {
        (bool possible, Deal memory deal) = _nextDeal(seed, terms, true);
        if (!possible) return;
        exchange.settleEscrow(deal.signed, deal.escrow, deal.proofs);
        _escrows.push(abi.encode(deal));
        vm.assertEq(uint256(exchange.heldOf(deal.digest).state), uint256(IResourceEscrow.State.Funded));
    }

    /// @dev One step of one escrow: whatever its state allows a party, the operators or anyone at this time.
    function step(uint256 index, uint256 way, uint16 share) external checked {
        if (_escrows.length == 0) return;
        Deal memory deal = abi.decode(_escrows[index % _escrows.length], (Deal));
        IResourceEscrow.Held memory held = exchange.heldOf(deal.digest);
        if (held.state == IResourceEscrow.State.Closed) return;
        IResourceTrading.Trade memory trade = deal.signed.trade;
        IResourceEscrow.Escrow memory escrow = deal.escrow;
        address owner = exchange.listingOf(trade.listing).supplier;
        (bool passed, bool relayed) = (block.timestamp >= _deadline(deal, held.state), way % 16 > 7);
        way %= 8;
        if (way == 0) {
            bytes memory call = abi.encodeCall(exchange.release, (trade, escrow, 1 + share % held.amount));
            _submit(trade.demander, call, relayed);
        } else if (way == 1 && share % 4 == 0) {
            _submit(owner, abi.encodeCall(exchange.refund, (trade, escrow)), relayed);
        } else if (way == 2 && share % 4 == 0) {
            _split(deal, share % (WHOLE + 1));
        } else if (passed) {
            exchange.expire(trade, escrow);
        } else if (held.state == IResourceEscrow.State.Funded) {
            _submit(owner, abi.encodeCall(exchange.deliver, (trade, escrow)), relayed);
        } else if (held.state == IResourceEscrow.State.Delivered) {
            _submit(trade.demander, abi.encodeCall(exchange.dispute, (trade, escrow, bytes32(way))), relayed);
        } else if (way > 5) {
            _rule(deal, share % (WHOLE + 1));
        }
    }

    function warp(uint32 by) external checked {
        vm.warp(block.timestamp + 1 + by % (40 * HOUR));
    }

    function pause(uint16 by) external checked {
        uint64 until = by % 3 == 0 ? uint64(block.timestamp) + by % HOUR : 0;
        exchange.pause(until, _ruled(_pauseHash(until)));
    }

    function setThreshold(uint256 threshold) external checked {
        threshold = 1 + threshold % 3;
        exchange.setOperators(operatorAccounts, threshold, _ruled(_operatorsHash(operatorAccounts, threshold)));
    }

    /// @dev Old trades again, each by the way it settled first: nothing comes of it.
    function replay(uint256 index) external checked {
        if (_deals.length > 0) {
            Deal memory deal = abi.decode(_deals[index % _deals.length], (Deal));
            _refusedTo(stranger, abi.encodeCall(exchange.settle, (deal.signed, deal.proofs)));
        }
        if (_bundles.length > 0) _refusedTo(stranger, _bundles[index % _bundles.length]);
        if (_escrows.length > 0) {
            Deal memory deal = abi.decode(_escrows[index % _escrows.length], (Deal));
            _refusedTo(stranger, abi.encodeCall(exchange.settleEscrow, (deal.signed, deal.escrow, deal.proofs)));
        }
    }

    /// @dev What somebody who is no party and no operator tries in vain.
    function intrude(uint256 seed, uint256 index) external checked {
        _refusedTo(stranger, abi.encodeCall(exchange.withdraw, (paidIn(seed), 1)));
        IAccounts.Intent memory intent = _intent(actor(seed), abi.encodeCall(exchange.withdraw, (paidIn(seed), 1)));
        _refusedTo(stranger, abi.encodeCall(exchange.relay, (intent, _sign(STRANGER_KEY, _digest(intent)))));
        if (_escrows.length == 0) return;
        Deal memory deal = abi.decode(_escrows[index % _escrows.length], (Deal));
        IResourceTrading.Trade memory trade = deal.signed.trade;
        _refusedTo(stranger, abi.encodeCall(exchange.release, (trade, deal.escrow, 1)));
        _refusedTo(stranger, abi.encodeCall(exchange.refund, (trade, deal.escrow)));
        _refusedTo(trade.demander, abi.encodeCall(exchange.refund, (trade, deal.escrow)));
        _refusedTo(stranger, abi.encodeCall(exchange.deliver, (trade, deal.escrow)));
    }

    /// @notice Lets time pass every deadline and ends every escrow; then everybody withdraws everything.
    function endAll() external {
        vm.warp(block.timestamp + 1000 * 24 * HOUR);
        for (uint256 i = 0; i < _escrows.length; ++i) {
            Deal memory deal = abi.decode(_escrows[i], (Deal));
            if (exchange.heldOf(deal.digest).state != IResourceEscrow.State.Closed) {
                exchange.expire(deal.signed.trade, deal.escrow);
            }
            vm.assertEq(uint256(exchange.heldOf(deal.digest).state), uint256(IResourceEscrow.State.Closed));
        }
        for (uint256 i = 0; i < ACTORS * TOKENS; ++i) {
            (address account, address paid) = (actor(i), paidIn(i / ACTORS));
            uint256 balance = exchange.balanceOf(account, paid);
            if (balance > 0) _as(account, abi.encodeCall(exchange.withdraw, (paid, balance)));
        }
    }

    /// @notice What the exchange owes in a token, and what it holds of it.
    function books(uint256 tokenSeed) external view returns (uint256 owed, uint256 holding) {
        address paid = paidIn(tokenSeed);
        for (uint256 i = 0; i < ACTORS; ++i) {
            owed += exchange.balanceOf(actor(i), paid);
        }
        for (uint256 i = 0; i < _escrows.length; ++i) {
            Deal memory deal = abi.decode(_escrows[i], (Deal));
            if (deal.signed.trade.token == paid) owed += exchange.heldOf(deal.digest).amount;
        }
        (, bytes memory answer) = paid.staticcall(abi.encodeCall(token.balanceOf, (address(exchange))));
        holding = abi.decode(answer, (uint256));
    }

    function listingCount() external view returns (uint256) {
        return listings.length;
    }

    function settledCount() external view returns (uint256) {
        return _deals.length + _escrows.length + _bundles.length;
    }

    function capacity(bytes32 listing) external view returns (uint64 committed, uint64 available, uint64 attested) {
        IResourceVerification.Slot memory slot =
            exchange.slotOf(actor(ownerSeed[listing]), "m1", slotOfListing[listing]);
        (committed, attested) = (slot.committed, slot.attested);
        available = exchange.listingOf(listing).available;
    }

    function _assertUsed(IResourceTrading.Trade memory trade) private view {
        IAccounts.Account memory account = exchange.accountOf(trade.demander, trade.token);
        vm.assertEq(account.epoch, trade.demanderEpoch);
        vm.assertEq(account.used >> trade.nonce & 1, 1);
    }

    function _deadline(Deal memory deal, IResourceEscrow.State state) private pure returns (uint64 deadline) {
        deadline = deal.escrow.decideBy;
        if (state == IResourceEscrow.State.Funded) deadline = deal.escrow.deliverBy;
        if (state == IResourceEscrow.State.Delivered) deadline = deal.escrow.acceptBy;
    }

    function _split(Deal memory deal, uint16 share) private {
        bytes32 digest =
            _typed(keccak256(abi.encode(keccak256("Split(bytes32 trade,uint16 supplierShare)"), deal.digest, share)));
        bytes[] memory proofs = new bytes[](2);
        IResourceTrading.Signature[2] memory both;
        (both[0], proofs[0]) = _signatureOf(_seedOf(deal.signed.trade.demander), digest, 0);
        (both[1], proofs[1]) = _signatureOf(_seedOf(exchange.listingOf(deal.signed.trade.listing).supplier), digest, 1);
        exchange.split(deal.signed.trade, deal.escrow, share, both[0], both[1], proofs);
        ++reached["split"];
    }

    function _rule(Deal memory deal, uint16 share) private {
        bytes32 ruling =
            keccak256(abi.encode(keccak256("Ruling(bytes32 trade,uint16 supplierShare)"), deal.digest, share));
        exchange.rule(deal.signed.trade, deal.escrow, share, _ruled(ruling));
        ++reached["ruling"];
    }

    function _seedOf(address account) private view returns (uint256 seed) {
        while (actor(seed) != account) ++seed;
    }

    /// @dev By the account itself, or by a stranger with the account's signed intent, which can be used once.
    function _submit(address account, bytes memory call, bool relayed) private {
        if (!relayed) return _as(account, call);
        IAccounts.Intent memory intent = _intent(account, call);
        bytes memory relay = abi.encodeCall(exchange.relay, (intent, _sign(_key(_seedOf(account)), _digest(intent))));
        _as(stranger, relay);
        vm.assertEq(exchange.intentNonce(account), intent.nonce + 1);
        _refusedTo(stranger, relay);
        ++reached["relay"];
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

    /// @dev In the next transfer the token calls the exchange: as itself, for another's money.
    function _arm(uint256 seed, uint256 amount) private {
        bytes[4] memory callbacks = [
            abi.encodeCall(exchange.withdraw, (address(reentrant), amount)),
            abi.encodeCall(exchange.deposit, (address(reentrant), amount)),
            abi.encodeCall(exchange.raiseEpoch, (address(reentrant))),
            bytes("")
        ];
        reentrant.arm(address(exchange), callbacks[seed % 4]);
    }

    function _raised(uint256 seed, uint64 attested) private {
        bytes32 listing = _currentListing(seed);
        if (attestedAtRaise[listing] == 0) listings.push(listing);
        attestedAtRaise[listing] = attested;
        (ownerSeed[listing], slotOfListing[listing]) = (seed % ACTORS, _currentSlot());
    }

    function _refusedTo(address caller, bytes memory call) private returns (bytes memory answer) {
        bool ok;
        vm.prank(caller);
        (ok, answer) = address(exchange).call(call);
        vm.assertFalse(ok);
    }

    /// @dev What every actor holds and has for sale now.
    function _marketHash() private view returns (bytes32 hash) {
        for (uint256 i = 0; i < ACTORS * TOKENS; ++i) {
            (address account, address paid) = (actor(i), paidIn(i / ACTORS));
            hash =
                keccak256(abi.encode(hash, exchange.accountOf(account, paid), exchange.listingOf(_currentListing(i))));
        }
    }

    function _checkNonces() private {
        for (uint256 i = 0; i < ACTORS * TOKENS; ++i) {
            (address account, address paid) = (actor(i), paidIn(i / ACTORS));
            IAccounts.Account memory next = exchange.accountOf(account, paid);
            IAccounts.Account memory last = _last[paid][account];
            vm.assertLe(last.epoch, next.epoch);
            if (last.epoch == next.epoch) vm.assertEq(last.used & ~next.used, 0);
            _last[paid][account] = next;
        }
    }
}
