// EIP-712 vectors of what is said on the board: contact cards, and the rhythm of a market.
import { encodeBytes32String } from "ethers";

import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const CARD_TYPES = {
  ContactCard: fields(
    "address author, bytes32 sealingKey, string url, bytes32 resource, uint32 version, uint64 expires",
  ),
};

const FOUNDING_TYPES = {
  Founding: fields("address author, Rhythm rhythm"),
  Rhythm: fields("uint64 origin, uint64 period"),
};

const demander = account(1);
const supplier = account(2);
const founder = account(3);

export const cards = await Promise.all([
  vector(
    "card of a supplier",
    "ContactCard",
    CARD_TYPES,
    {
      author: supplier.address,
      sealingKey: hashed("sealing key"),
      url: "https://mill.example:9100",
      resource: encodeBytes32String("mill"),
      version: "1",
      expires: "1702592000",
    },
    supplier,
  ),
  vector(
    "card of a demander, largest value of every number",
    "ContactCard",
    CARD_TYPES,
    {
      author: demander.address,
      sealingKey: "0x" + "ff".repeat(32),
      url: "http://[2001:db8::7]:9100",
      resource: "0x" + "00".repeat(32),
      version: MAX(32),
      expires: MAX(64),
    },
    demander,
  ),
  vector(
    "rhythm of a market",
    "Founding",
    FOUNDING_TYPES,
    { author: founder.address, rhythm: { origin: "1700000000", period: "60" } },
    founder,
  ),
]);
