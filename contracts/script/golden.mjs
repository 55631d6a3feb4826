#!/usr/bin/env node
// Writes the EIP-712 vectors that the Solidity and the Python tests check, computed by ethers.
// Usage: node script/golden.mjs [folder]   (default ../tests/golden)
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { AbiCoder, encodeBytes32String, keccak256 } from "ethers";

import { contracts } from "./forge.mjs";
import { cards } from "./golden-cards.mjs";
import { consents } from "./golden-consents.mjs";
import { cycles } from "./golden-cycles.mjs";
import { decisions } from "./golden-decisions.mjs";
import { masked } from "./golden-masked.mjs";
import { messages } from "./golden-messages.mjs";
import { net } from "./golden-net.mjs";
import { oversight } from "./golden-oversight.mjs";
import { products } from "./golden-products.mjs";
import { usage } from "./golden-usage.mjs";
import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const ESCROW_TYPE = fields(
  "bytes32 resource, uint64 slot, uint64 deliverFrom, uint64 deliverBy, uint64 disputeBy, uint64 decideBy, " +
    "uint16 lateShare, uint16 silenceShare, uint16 undecidedShare, uint128 bond, uint16 latePenalty, uint16 exitPenalty",
);

const TRADE_TYPES = {
  Trade: fields(
    "bytes32 listing, address demander, address token, uint64 quantity, uint128 unitPrice, uint64 validUntil, " +
      "uint64 nonce, uint64 supplierNonce, uint64 listingEpoch, bytes32 transcript, bytes32 bundle, Escrow escrow",
  ),
  Escrow: ESCROW_TYPE,
};

const ATTESTATION_TYPES = {
  Attestation: fields(
    "address supplier, bytes32 resource, bytes32 unit, uint64 origin, uint64 slotLength, uint64 firstSlot, " +
      "uint64[] quantities, uint64 version, uint64 expiry, uint32 operatorSet",
  ),
};

const SEALED_TYPES = {
  SealedAttestation: fields(
    "address supplier, bytes32 resource, bytes32 unit, uint64 origin, uint64 slotLength, uint64 slot, " +
      "bytes32 commitment, uint64 version, uint64 expiry, uint32 operatorSet",
  ),
};

const ZERO = "0x" + "00".repeat(32);
const FULL = "0x" + "ff".repeat(32);
const LATHE = encodeBytes32String("lathe");
const INSTANT = Object.fromEntries(ESCROW_TYPE.map(({ name, type }) => [name, type === "bytes32" ? ZERO : "0"]));
const LARGEST = Object.fromEntries(
  ESCROW_TYPE.map(({ name, type }) => [name, type === "bytes32" ? FULL : MAX(type.slice(4))]),
);
const TOKEN = "0x0000000000000000000000000000000000007e57";

/** Terms of a trade whose payment waits for delivery; the demander's epoch was raised at 1700000000. */
const HELD = {
  token: TOKEN,
  quantity: "12",
  unitPrice: "93000000",
  validUntil: "1700000300",
  nonce: ((1700000000n << 8n) | 95n).toString(),
  supplierNonce: "7",
  listingEpoch: "1700000000",
  transcript: hashed("last message"),
  bundle: ZERO,
  escrow: {
    resource: LATHE,
    slot: "3",
    deliverFrom: "1700010800",
    deliverBy: "1700086400",
    disputeBy: "1700172800",
    decideBy: "1700777600",
    lateShare: "0",
    silenceShare: "10000",
    undecidedShare: "5000",
    bond: "50000000",
    latePenalty: "2500",
    exitPenalty: "1000",
  },
};

/** A listing's id by its definition: the last 40 bits are the end of the slot. */
function listingId(supplier, resource, slot, slotEnd) {
  const words = AbiCoder.defaultAbiCoder().encode(["address", "bytes32", "uint64"], [supplier, resource, slot]);
  return keccak256(words).slice(0, -10) + slotEnd.toString(16).padStart(10, "0");
}

const LATHE_3 = listingId(account(5).address, LATHE, 3, 1700014400);

function trade(name, key, terms) {
  const signer = account(key);
  const message = {
    listing: terms.listing,
    demander: signer.address,
    token: terms.token,
    quantity: terms.quantity,
    unitPrice: terms.unitPrice,
    validUntil: terms.validUntil,
    nonce: terms.nonce,
    supplierNonce: terms.supplierNonce ?? "0",
    listingEpoch: terms.listingEpoch ?? "0",
    transcript: terms.transcript,
    bundle: terms.bundle,
    escrow: terms.escrow ?? INSTANT,
  };
  return vector(name, "Trade", TRADE_TYPES, message, signer);
}

/** A product of one trade, agreed for a net cycle: no other path takes it before `notBefore`. */
async function netted(name, key, terms, notBefore) {
  const alone = await trade(name, key, { ...terms, bundle: ZERO });
  const bundle = keccak256(
    AbiCoder.defaultAbiCoder().encode(
      ["bytes32", "uint64", "bytes32"],
      [hashed("fabmarket/net/1"), notBefore, keccak256(alone.structHash)],
    ),
  );
  return { ...(await trade(name, key, { ...terms, bundle })), notBefore };
}

const trades = await Promise.all([
  trade("smallest trade", 1, {
    listing: hashed("smallest listing"),
    token: TOKEN,
    quantity: "1",
    unitPrice: "1",
    validUntil: "1",
    nonce: "0",
    transcript: ZERO,
    bundle: ZERO,
  }),
  trade("one sub-task of a product", 2, {
    listing: hashed("mill, slot 7"),
    token: TOKEN,
    quantity: "100",
    unitPrice: "115000000",
    validUntil: "1700000300",
    nonce: "7",
    supplierNonce: "513",
    transcript: hashed("last message"),
    bundle: hashed("product"),
  }),
  netted(
    "agreed for a net cycle",
    2,
    {
      listing: hashed("mill, slot 8"),
      token: TOKEN,
      quantity: "7",
      unitPrice: "115000000",
      validUntil: "1700003600",
      nonce: "8",
      transcript: hashed("last message"),
    },
    "1700000300",
  ),
  trade("largest value of every field", 3, {
    listing: FULL,
    token: "0x" + "ff".repeat(20),
    quantity: MAX(64),
    unitPrice: MAX(128),
    validUntil: MAX(64),
    nonce: MAX(64),
    supplierNonce: MAX(64),
    listingEpoch: MAX(64),
    transcript: FULL,
    bundle: FULL,
    escrow: LARGEST,
  }),
  trade("payment held until delivery", 4, {
    listing: hashed("lathe, slot 3"),
    ...HELD,
  }),
  trade("payment held for hours of a registered resource", 4, {
    listing: LATHE_3,
    ...HELD,
  }),
]);

const attestations = await Promise.all([
  vector(
    "one slot",
    "Attestation",
    ATTESTATION_TYPES,
    {
      supplier: account(4).address,
      resource: encodeBytes32String("m1"),
      unit: encodeBytes32String("hour"),
      origin: "1700000000",
      slotLength: "3600",
      firstSlot: "0",
      quantities: ["10"],
      version: "1",
      expiry: "1700086400",
      operatorSet: "1",
    },
    account(10),
  ),
  vector(
    "four slots, none and all of 64 bits among them",
    "Attestation",
    ATTESTATION_TYPES,
    {
      supplier: account(5).address,
      resource: encodeBytes32String("cloud-vm-16"),
      unit: encodeBytes32String("machine-hour"),
      origin: MAX(64),
      slotLength: MAX(64),
      firstSlot: "41",
      quantities: ["30", "0", MAX(64), "7"],
      version: MAX(64),
      expiry: MAX(64),
      operatorSet: MAX(32),
    },
    account(11),
  ),
  vector(
    "one slot, quantity hidden",
    "SealedAttestation",
    SEALED_TYPES,
    {
      supplier: account(6).address,
      resource: encodeBytes32String("m1"),
      unit: encodeBytes32String("hour"),
      origin: "1700000000",
      slotLength: "3600",
      slot: "41",
      commitment: hashed("quantity and salt"),
      version: "2",
      expiry: "1700086400",
      operatorSet: "1",
    },
    account(12),
  ),
  vector(
    "no slot",
    "Attestation",
    ATTESTATION_TYPES,
    {
      supplier: account(4).address,
      resource: ZERO,
      unit: ZERO,
      origin: "0",
      slotLength: "0",
      firstSlot: "0",
      quantities: [],
      version: "0",
      expiry: "0",
      operatorSet: "0",
    },
    account(10),
  ),
  vector(
    "one slot, quantity hidden, largest value of every field",
    "SealedAttestation",
    SEALED_TYPES,
    {
      supplier: "0x" + "ff".repeat(20),
      resource: FULL,
      unit: FULL,
      origin: MAX(64),
      slotLength: MAX(64),
      slot: MAX(64),
      commitment: FULL,
      version: MAX(64),
      expiry: MAX(64),
      operatorSet: MAX(32),
    },
    account(12),
  ),
]);

const held = trades.at(-1).digest;
/** What account 5 sealed of the slot that the last trade is of, for accounts with the salt to open. */
const commitment = keccak256(
  AbiCoder.defaultAbiCoder().encode(
    ["address", "bytes32", "uint64", "uint64", "bytes32"],
    [account(5).address, LATHE, 3, 12, hashed("salt")],
  ),
);
const files = {
  trade: trades,
  attestation: attestations,
  cards,
  masked,
  messages,
  decisions: await decisions(held),
  consents: await consents(held, LATHE_3, commitment),
  oversight: await oversight(ATTESTATION_TYPES, attestations[0], SEALED_TYPES, attestations[2], held),
  products: await products(),
  usage: await usage(held),
  cycles: await cycles(TOKEN),
  net: await net(trades.map(({ digest }) => digest), TOKEN),
};
const folder = resolve(process.argv[2] ?? join(contracts, "../tests/golden"));
mkdirSync(folder, { recursive: true });
for (const [name, vectors] of Object.entries(files)) {
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ vectors }, null, 2) + "\n");
}
