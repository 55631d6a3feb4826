// EIP-712 vectors of what an account lets others submit for it: a call, a split of an escrow,
// the opening of a seal, what a wallet confirms, an announcement.
import { Interface, concat } from "ethers";

import { DOMAIN, MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const TYPES = {
  Intent: { Intent: fields("address account, bytes call, uint256 nonce, uint64 deadline") },
  Split: { Split: fields("bytes32 trade, uint128 toSupplier, uint128 toDemander, uint64 deadline, uint32 nonce") },
  Open: { Open: fields("bytes32 listing, bytes32 commitment, uint64 version, uint64 listingEpoch, uint64 deadline") },
  Confirmation: { Confirmation: fields("address wallet, bytes32 digest") },
  Announcement: { Announcement: fields("address author, uint64 sequence, bytes payload, uint64 deadline") },
};
const BOARD = { ...DOMAIN, name: "Fabmarket board", verifyingContract: "0x00000000000000000000000000000000fab0b0a7" };

const TOKEN = "0x0000000000000000000000000000000000007e57";
const FULL = "0x" + "ff".repeat(32);
const LARGEST_SPLIT = { trade: FULL, toSupplier: MAX(128), toDemander: MAX(128), deadline: MAX(64), nonce: MAX(32) };
const WALLET = "0x00000000000000000000000000000000000a11e7";
const [demander, supplier, author, owner] = [account(4), account(5), account(7), account(14)];
const exchange = new Interface(["function cancel(address token, uint96 mask)"]);
const cancel = (mask) => exchange.encodeFunctionData("cancel", [TOKEN, mask]);

const intent = (name, call, nonce, deadline = "1700000300") =>
  vector(name, "Intent", TYPES.Intent, { account: author.address, call, nonce, deadline }, author);

/** Of 1,116 paid, a bond of 50 and deposits of 55.8 each (in millions), after one was voided. */
const split = (name, trade, signer) => {
  const terms = { toSupplier: "744000000", toDemander: "533600000", deadline: "1700086400", nonce: "1" };
  return vector(name, "Split", TYPES.Split, { trade, ...terms }, signer);
};

const opening = (name, listing, commitment, version, listingEpoch, deadline) =>
  vector(name, "Open", TYPES.Open, { listing, commitment, version, listingEpoch, deadline }, supplier);

const confirmation = (name, wallet, digest) =>
  vector(name, "Confirmation", TYPES.Confirmation, { wallet, digest }, owner);

const announcement = (name, sequence, payload, deadline = "1700000300") =>
  vector(name, "Announcement", TYPES.Announcement, { author: author.address, sequence, payload, deadline }, author, BOARD);

/**
 * @param held Digest of a trade in escrow between `demander` and `supplier`.
 * @param listing What `supplier` sealed and @param commitment its seal.
 * @param decision Digest of what operators decide, one of them a wallet.
 */
export const consents = (held, listing, commitment, decision) =>
  Promise.all([
    intent("a cancellation", cancel(5), "0"),
    intent("a cancellation with a byte behind it", concat([cancel(8), "0xab"]), "1"),
    intent("an empty call", "0x", "2"),
    intent("a call of one byte", "0xab", "2"),
    intent("largest intent", "0x" + "ff".repeat(33), MAX(256), MAX(64)),
    split("two thirds of the payment to the supplier, says the demander", held, demander),
    split("two thirds of the payment to the supplier, says the supplier", held, supplier),
    vector("largest split", "Split", TYPES.Split, LARGEST_SPLIT, demander),
    opening("a seal opened", listing, commitment, "3", "1700000000", "1700000300"),
    opening("largest opening", FULL, FULL, MAX(64), MAX(64), MAX(64)),
    confirmation("a decision that a wallet confirms", WALLET, decision),
    confirmation("largest confirmation", "0x" + "ff".repeat(20), FULL),
    announcement("32 bytes", "0", hashed("demand")),
    announcement("nothing", "1", "0x"),
    announcement("last sequence, 31 bytes", MAX(64), "0x" + "ff".repeat(31), MAX(64)),
  ]);
