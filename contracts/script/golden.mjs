#!/usr/bin/env node
// Writes the EIP-712 vectors that the Solidity and the Python tests check, computed by ethers.
// Usage: node script/golden.mjs [folder]   (default ../tests/golden)
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { AbiCoder, encodeBytes32String, keccak256 } from "ethers";

import { contracts } from "./forge.mjs";
import { consents } from "./golden-consents.mjs";
import { decisions } from "./golden-decisions.mjs";
import { messages } from "./golden-messages.mjs";
import { MAX, account, hashed, vector } from "./golden-vectors.mjs";

const ESCROW_TYPE = [
  { name: "deliverBy", type: "uint64" },
  { name: "acceptBy", type: "uint64" },
  { name: "decideBy", type: "uint64" },
  { name: "lateShare", type: "uint16" },
  { name: "silenceShare", type: "uint16" },
  { name: "undecidedShare", type: "uint16" },
];

const TRADE_TYPES = {
  Trade: [
    { name: "listing", type: "bytes32" },
    { name: "demander", type: "address" },
    { name: "token", type: "address" },
    { name: "quantity", type: "uint64" },
    { name: "unitPrice", type: "uint128" },
    { name: "validUntil", type: "uint64" },
    { name: "nonce", type: "uint256" },
    { name: "demanderEpoch", type: "uint64" },
    { name: "listingEpoch", type: "uint64" },
    { name: "transcript", type: "bytes32" },
    { name: "bundle", type: "bytes32" },
    { name: "escrow", type: "Escrow" },
  ],
  Escrow: ESCROW_TYPE,
};

const ATTESTATION_TYPES = {
  Attestation: [
    { name: "supplier", type: "address" },
    { name: "resource", type: "bytes32" },
    { name: "unit", type: "bytes32" },
    { name: "firstSlot", type: "uint64" },
    { name: "quantities", type: "uint64[]" },
    { name: "version", type: "uint64" },
    { name: "expiry", type: "uint64" },
  ],
};

const SEALED_TYPES = {
  SealedAttestation: [
    { name: "supplier", type: "address" },
    { name: "resource", type: "bytes32" },
    { name: "unit", type: "bytes32" },
    { name: "slot", type: "uint64" },
    { name: "commitment", type: "bytes32" },
    { name: "version", type: "uint64" },
    { name: "expiry", type: "uint64" },
  ],
};

const INSTANT = Object.fromEntries(ESCROW_TYPE.map(({ name }) => [name, "0"]));
const ZERO = "0x" + "00".repeat(32);
const TOKEN = "0x0000000000000000000000000000000000007e57";

/** Terms of a trade whose payment waits for delivery. */
const HELD = {
  token: TOKEN,
  quantity: "12",
  unitPrice: "93000000",
  validUntil: "1700000300",
  nonce: "95",
  demanderEpoch: "2",
  listingEpoch: "1",
  transcript: hashed("last message"),
  bundle: ZERO,
  escrow: {
    deliverBy: "1700086400",
    acceptBy: "1700172800",
    decideBy: "1700777600",
    lateShare: "0",
    silenceShare: "10000",
    undecidedShare: "5000",
  },
};

/** A listing's id by its definition: the last 40 bits are the end of the slot. */
function listingId(supplier, resource, slot, slotEnd) {
  const words = AbiCoder.defaultAbiCoder().encode(["address", "bytes32", "uint64"], [supplier, resource, slot]);
  return keccak256(words).slice(0, -10) + slotEnd.toString(16).padStart(10, "0");
}

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
    demanderEpoch: terms.demanderEpoch ?? "0",
    listingEpoch: terms.listingEpoch ?? "0",
    transcript: terms.transcript,
    bundle: terms.bundle,
    escrow: terms.escrow ?? INSTANT,
  };
  return vector(name, "Trade", TRADE_TYPES, message, signer);
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
    transcript: hashed("last message"),
    bundle: hashed("product"),
  }),
  trade("largest value of every field", 3, {
    listing: "0x" + "ff".repeat(32),
    token: "0x" + "ff".repeat(20),
    quantity: MAX(64),
    unitPrice: MAX(128),
    validUntil: MAX(64),
    nonce: MAX(256),
    demanderEpoch: MAX(64),
    listingEpoch: MAX(64),
    transcript: "0x" + "ff".repeat(32),
    bundle: "0x" + "ff".repeat(32),
    escrow: {
      deliverBy: MAX(64),
      acceptBy: MAX(64),
      decideBy: MAX(64),
      lateShare: MAX(16),
      silenceShare: MAX(16),
      undecidedShare: MAX(16),
    },
  }),
  trade("payment held until delivery", 4, {
    listing: hashed("lathe, slot 3"),
    ...HELD,
  }),
  trade("payment held for hours of a registered resource", 4, {
    listing: listingId(account(5).address, encodeBytes32String("lathe"), 3, 1700014400),
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
      firstSlot: "0",
      quantities: ["10"],
      version: "1",
      expiry: "1700086400",
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
      firstSlot: "41",
      quantities: ["30", "0", MAX(64), "7"],
      version: MAX(64),
      expiry: MAX(64),
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
      slot: "41",
      commitment: hashed("quantity and salt"),
      version: "2",
      expiry: "1700086400",
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
      firstSlot: "0",
      quantities: [],
      version: "0",
      expiry: "0",
    },
    account(10),
  ),
  vector(
    "one slot, quantity hidden, largest value of every field",
    "SealedAttestation",
    SEALED_TYPES,
    {
      supplier: "0x" + "ff".repeat(20),
      resource: "0x" + "ff".repeat(32),
      unit: "0x" + "ff".repeat(32),
      slot: MAX(64),
      commitment: "0x" + "ff".repeat(32),
      version: MAX(64),
      expiry: MAX(64),
    },
    account(12),
  ),
]);

const held = trades.at(-1).digest;
const files = {
  trade: trades,
  attestation: attestations,
  messages,
  decisions: await decisions(held),
  consents: await consents(held),
};
const folder = resolve(process.argv[2] ?? join(contracts, "../tests/golden"));
mkdirSync(folder, { recursive: true });
for (const [name, vectors] of Object.entries(files)) {
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ vectors }, null, 2) + "\n");
}
