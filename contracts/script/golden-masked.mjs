// EIP-712 vectors of what is said in a masked session, and of what its one-time keys sign.
import { DOMAIN, MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";
import { MASKED_OPENING, terms, delivery } from "./golden-messages.mjs";

const PADS = fields("bytes32 session, uint32 seat, bytes32 quote, bytes[] commitments");
const ANSWER = fields(
  "bytes32 session, uint32 seat, bytes32 quote, uint256 first, uint256 second, uint256 blind, bytes commitment",
);
const PAIR = fields("bytes32 session, bytes32 quote, uint32 seat, uint32 other, bytes point, bytes proof");

const TYPES = {
  SeatText: { SeatText: fields("address supplier, bytes32 listing, uint64 ends, bytes maskKey") },
  MaskedOpening: MASKED_OPENING,
  MaskedQuote: {
    MaskedQuote: fields(
      "address supplier, bytes32 session, uint32 round, bytes32 previous, bytes32 tree, uint256 first, uint256 second, " +
        "uint256 blind, uint128 price, bool final",
    ),
  },
  MaskedAnswer: { MaskedAnswer: ANSWER },
  MaskedReply: {
    MaskedReply: fields("address demander, MaskedAnswer answer"),
    MaskedAnswer: ANSWER,
  },
  Unmasking: {
    Unmasking: fields(
      "address demander, bytes32 session, uint32 seat, bytes32 quote, Opened[] answers, uint256 awardBlind",
    ),
    Opened: fields("uint32 round, uint256 first, uint256 second, uint256 blind"),
  },
  MaskedClose: {
    MaskedClose: fields(
      "address supplier, bytes32 session, bytes32 previous, bytes32 tree, uint64 awarded, uint256 paid, uint256 blind, " +
        "uint32[] dropped, uint128 price",
    ),
  },
  Inquiry: { Inquiry: fields("address supplier, bytes32 session, bytes32 previous, uint32[] rounds") },
  Pads: { Pads: PADS },
  PadsShown: { PadsShown: fields("address demander, Pads pads, bytes consent"), Pads: PADS },
  Dispute: {
    Dispute: fields("address supplier, bytes32 session, bytes32 previous, Pads[] pads, bytes[] consents"),
    Pads: PADS,
  },
  Pair: { Pair: PAIR },
  PairShown: { PairShown: fields("address demander, Pair pair, bytes consent"), Pair: PAIR },
  AnswersProved: {
    AnswersProved: fields(
      "address demander, bytes32 session, uint32 seat, bytes32 quote, AnswerProof[] proofs, bytes falling",
    ),
    AnswerProof: fields("uint32 round, bytes wanted, bytes rest, bytes least, bytes most"),
  },
  MaskedAbort: {
    MaskedAbort: fields("address supplier, bytes32 session, bytes32 previous, string reason, uint32[] seats"),
  },
};

const [demander, supplier, seat] = [account(1), account(2), account(9)];
const POINT = "0x02" + "ab".repeat(32);
const CONSENT = "0x" + "cd".repeat(65);
const session = hashed("opening");
const quote = hashed("quote");

const answer = { session, seat: "1", quote, first: MAX(256), second: "0", blind: "7", commitment: POINT };
const pads = (at) => ({ session, seat: at, quote, commitments: ["0x", POINT, POINT] });
const pair = { session, quote, seat: "0", other: MAX(32), point: POINT, proof: "0x" + "12".repeat(64) };

const MESSAGES = {
  SeatText: { supplier: supplier.address, listing: hashed("listing"), ends: "1700003660", maskKey: POINT },
  MaskedOpening: {
    supplier: supplier.address,
    listing: hashed("listing"),
    slotStart: "1700000000",
    slotEnd: "1700086400",
    terms,
    delivery,
    cards: [
      { maskKey: POINT, consent: CONSENT },
      { maskKey: "0x", consent: "0x" },
    ],
    capSum: MAX(256),
    roundLimit: "40",
    roundTime: "15",
    ends: "1700003660",
  },
  MaskedQuote: {
    supplier: supplier.address,
    session,
    round: "2",
    previous: quote,
    tree: hashed("answers"),
    first: "275000000",
    second: "3",
    blind: MAX(256),
    price: "115",
    final: true,
  },
  MaskedAnswer: answer,
  MaskedReply: { demander: demander.address, answer },
  Unmasking: {
    demander: demander.address,
    session,
    seat: "1",
    quote,
    answers: [
      { round: "0", first: "5000000", second: "1", blind: MAX(256) },
      { round: MAX(32), first: "0", second: "0", blind: "0" },
    ],
    awardBlind: MAX(256),
  },
  MaskedClose: {
    supplier: supplier.address,
    session,
    previous: quote,
    tree: hashed("awards"),
    awarded: MAX(64),
    paid: MAX(256),
    blind: "1",
    dropped: ["0", MAX(32)],
    price: "115",
  },
  Inquiry: { supplier: supplier.address, session, previous: quote, rounds: ["0", MAX(32)] },
  Pads: pads("0"),
  PadsShown: { demander: demander.address, pads: pads("0"), consent: CONSENT },
  Dispute: {
    supplier: supplier.address,
    session,
    previous: quote,
    pads: [pads("0"), pads("2")],
    consents: [CONSENT, "0x"],
  },
  Pair: pair,
  PairShown: { demander: demander.address, pair, consent: CONSENT },
  AnswersProved: {
    demander: demander.address,
    session,
    seat: "1",
    quote,
    proofs: [{ round: "0", wanted: POINT, rest: "0x12", least: "0x34", most: "0x56" }],
    falling: "0x",
  },
  MaskedAbort: { supplier: supplier.address, session, previous: quote, reason: "a seat was silent", seats: ["1"] },
};

/** By the author of a message, or by the one-time key that signs what has none. */
const signer = ({ demander: buyer, tree, cards, previous }) =>
  buyer ? demander : tree || cards || previous ? supplier : seat;

export const masked = await Promise.all(
  Object.entries(MESSAGES).map(([name, message]) =>
    vector(name, name, TYPES[name], message, signer(message), DOMAIN),
  ),
);
