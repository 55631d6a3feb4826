// EIP-712 vectors of what an account lets others submit for it: a call, a split of an escrow, an announcement.
import { Interface, concat } from "ethers";

import { DOMAIN, MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const TYPES = {
  Intent: { Intent: fields("address account, bytes call, uint256 nonce, uint64 deadline") },
  Split: { Split: fields("bytes32 trade, uint16 supplierShare") },
  Announcement: { Announcement: fields("address author, uint64 sequence, bytes payload") },
};
const BOARD = { ...DOMAIN, name: "Fabmarket board", verifyingContract: "0x00000000000000000000000000000000fab0b0a7" };

const TOKEN = "0x0000000000000000000000000000000000007e57";
const [demander, supplier, author] = [account(4), account(5), account(7)];
const exchange = new Interface(["function cancel(address token, uint96 mask)"]);
const cancel = (mask) => exchange.encodeFunctionData("cancel", [TOKEN, mask]);

const intent = (name, call, nonce, deadline = "1700000300") =>
  vector(name, "Intent", TYPES.Intent, { account: author.address, call, nonce, deadline }, author);

const split = (name, trade, supplierShare, signer) =>
  vector(name, "Split", TYPES.Split, { trade, supplierShare }, signer);

const announcement = (name, sequence, payload) =>
  vector(name, "Announcement", TYPES.Announcement, { author: author.address, sequence, payload }, author, BOARD);

/** @param held Digest of a trade in escrow between `demander` and `supplier`. */
export const consents = (held) =>
  Promise.all([
    intent("a cancellation", cancel(5), "0"),
    intent("a cancellation with a byte behind it", concat([cancel(8), "0xab"]), "1"),
    intent("an empty call", "0x", "2"),
    intent("a call of one byte", "0xab", "2"),
    intent("largest intent", "0x" + "ff".repeat(33), MAX(256), MAX(64)),
    split("two thirds to the supplier, says the demander", held, "6667", demander),
    split("two thirds to the supplier, says the supplier", held, "6667", supplier),
    split("largest split", "0x" + "ff".repeat(32), MAX(16), demander),
    announcement("32 bytes", "0", hashed("demand")),
    announcement("nothing", "1", "0x"),
    announcement("last sequence, 31 bytes", MAX(64), "0x" + "ff".repeat(31)),
  ]);
