// EIP-712 vectors of what is said to operators and among them.
import { MAX, account, fields, hashed, vector } from "./golden-vectors.mjs";

const RULING = fields(
  "bytes32 trade, uint32 number, uint16 paymentShare, uint16 bondShare, uint16 depositShare, uint64 deadline",
);
const REQUEST_TYPES = (attestation) => ({
  AttestationRequest: fields("Attestation attestation"),
  ...attestation,
});
const SEALED_TYPES = (attestation) => ({
  SealedRequest: fields("SealedAttestation attestation, uint64 quantity, bytes32 salt"),
  ...attestation,
});
const ENDORSEMENT_TYPES = { Endorsement: fields("address operator, bytes32 attestation, bytes signature") };
const OBJECTION_TYPES = { Objection: fields("address operator, bytes32 attestation, string reason") };
const VERDICT_TYPES = { Verdict: fields("address operator, Ruling ruling, bytes signature"), Ruling: RULING };
const EXHIBIT_TYPES = { Exhibit: fields("address party, bytes32 trade, bytes32 hash, bytes file, string place") };

const supplier = account(4);
const demander = account(1);
const operator = account(10);

/** The vectors; `attestation` and `sealed` are types of the file attestation.json, `asked` and `hidden` its vectors. */
export const oversight = (attestation, asked, sealed, hidden, trade) =>
  Promise.all([
    vector(
      "request for an attestation",
      "AttestationRequest",
      REQUEST_TYPES(attestation),
      { attestation: asked.message },
      supplier,
    ),
    vector(
      "request for a sealed one",
      "SealedRequest",
      SEALED_TYPES(sealed),
      { attestation: hidden.message, quantity: MAX(64), salt: hashed("salt") },
      account(6),
    ),
    vector(
      "endorsement of it",
      "Endorsement",
      ENDORSEMENT_TYPES,
      { operator: operator.address, attestation: asked.digest, signature: asked.signature },
      operator,
    ),
    vector(
      "endorsement with an empty signature",
      "Endorsement",
      ENDORSEMENT_TYPES,
      { operator: operator.address, attestation: "0x" + "ff".repeat(32), signature: "0x" },
      operator,
    ),
    vector(
      "objection to it",
      "Objection",
      OBJECTION_TYPES,
      { operator: operator.address, attestation: asked.digest, reason: "3 Fräsen gezählt, nicht 10" },
      operator,
    ),
    vector(
      "a ruling, largest value of every number",
      "Verdict",
      VERDICT_TYPES,
      {
        operator: operator.address,
        ruling: {
          trade,
          number: MAX(32),
          paymentShare: MAX(16),
          bondShare: MAX(16),
          depositShare: MAX(16),
          deadline: MAX(64),
        },
        signature: "0x" + "ab".repeat(65),
      },
      operator,
    ),
    vector(
      "evidence in the message",
      "Exhibit",
      EXHIBIT_TYPES,
      { party: demander.address, trade, hash: hashed("measured: 9.8 mm"), file: "0x6d65617375726564", place: "" },
      demander,
    ),
    vector(
      "evidence elsewhere",
      "Exhibit",
      EXHIBIT_TYPES,
      { party: demander.address, trade, hash: hashed("a film"), file: "0x", place: "https://mill.example/film" },
      demander,
    ),
  ]);
