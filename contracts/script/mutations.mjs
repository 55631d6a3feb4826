// The mutants of a Solidity source: every small change that a test should notice.
// Works on the text, without a syntax tree: comments and strings are masked, changes are made inside functions and
// constants only, and what the compiler refuses is counted as such by the caller.

const OPERATORS = {
  "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "==": ["!="], "!=": ["=="],
  "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "<<": [">>"], ">>": ["<<"],
  "&": ["|"], "|": ["&"], "++": ["--"], "--": ["++"], "+=": ["-=", "="], "-=": ["+=", "="],
};
const NEGATION = { "<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==" };
const TOKENS = /=>|->|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|\+=|-=|[<>+\-*/&|]/g;
const LITERAL = /\b(?:0x[0-9a-fA-F]+|\d[\d_]*)\b/g;
const DECLARATION = /^(?:\([^)]*\b(?:memory|storage|calldata|u?int\d*|bytes\d*|address)\s|(?:u?int\d*|bytes\d*|bool|address|string|mapping|[A-Z][\w.]*)\b[^=;]*\s\w+\s*(?:=|;|$))/;
/** What precedes a bracket that holds no list, or one whose order means nothing. */
const UNORDERED = /^(?:if|for|while|catch|add|mul|and|or|xor|eq)$/;
const CLOSING = { "(": ")", "[": "]", "{": "}" };

/** The same text, of the same length, with comments blanked and the inside of strings replaced. */
function masked(source) {
  return source.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|"[^"\n]*"/g, (found) =>
    found[0] === '"' ? `"${"_".repeat(found.length - 2)}"` : found.replace(/[^\n]/g, " "));
}

/** Offset of the bracket that closes the one at `open`. */
function closing(text, open) {
  const [left, right] = [text[open], CLOSING[text[open]]];
  for (let i = open, depth = 0; i < text.length; ++i) {
    if (text[i] === left) ++depth;
    if (text[i] === right && --depth === 0) return i;
  }
  throw new Error(`a bracket opened at offset ${open} is never closed`);
}

/** Offset of the first of `stops` from `from` on that is outside brackets, or of the bracket that ends the scope. */
function until(text, from, stops) {
  for (let i = from; i < text.length; ++i) {
    if (stops.some((stop) => text.startsWith(stop, i)) || ")]}".includes(text[i])) return i;
    if (CLOSING[text[i]]) i = closing(text, i);
  }
  return text.length;
}

/** Functions as { name, header, start, end } (start and end of the body's braces), and constants without a header. */
function scopes(text) {
  const found = [];
  for (const match of text.matchAll(/\bfunction\s+(\w+)|\bconstructor\b/g)) {
    const start = until(text, match.index, ["{", ";"]);
    if (text[start] !== "{") continue;
    found.push({ name: match[1] ?? "constructor", header: match.index, start, end: closing(text, start) });
  }
  for (const match of text.matchAll(/\bconstant\b[^;=]*?(\w+)\s*=([^;]*);/g)) {
    found.push({ name: match[1], start: match.index + match[0].indexOf("="), end: match.index + match[0].length });
  }
  return found;
}

function* tokens(text, from, to) {
  const body = text.slice(from, to);
  // A test that notices an `if` never taken notices its only comparison negated: not tried twice.
  const single = [...body.matchAll(/\bif\s*\(/g)]
    .map(({ 0: head, index }) => [index, closing(body, index + head.length - 1)])
    .filter(([start, end]) => !/&&|\|\|/.test(body.slice(start, end)));
  for (const { 0: token, index } of body.matchAll(TOKENS)) {
    const alone = single.some(([start, end]) => start < index && index < end);
    for (const other of OPERATORS[token] ?? []) {
      if (!alone || other !== NEGATION[token]) yield [from + index, from + index + token.length, other];
    }
  }
  for (const { 0: literal, index } of body.matchAll(LITERAL)) {
    const value = BigInt(literal.replaceAll("_", ""));
    const next = literal.startsWith("0x") ? `0x${(value + 1n).toString(16).padStart(literal.length - 2, "0")}` : value + 1n;
    yield [from + index, from + index + literal.length, `${next}`];
    if (value !== 0n) yield [from + index, from + index + literal.length, "0"];
  }
  for (const { 0: literal, index } of body.matchAll(/\b(?:true|false)\b/g)) {
    yield [from + index, from + index + literal.length, literal === "true" ? "false" : "true"];
  }
  for (const { index } of body.matchAll(/\bunchecked\b/g)) yield [from + index, from + index + 9, ""];
}

/** `if` never or always taken, and each operand of `||` and `&&` left out. */
function* conditions(text, from, to) {
  for (const { 0: head, index } of text.slice(from, to).matchAll(/\bif\s*\(/g)) {
    const open = from + index + head.length - 1;
    const close = closing(text, open);
    yield [open + 1, close, "false"];
    if (!/^\s*\{?\s*(?:revert|return)\b/.test(text.slice(close + 1))) yield [open + 1, close, "true"];
  }
  for (const { 0: token, index } of text.slice(from, to).matchAll(/&&|\|\|/g)) {
    const [at, neutral] = [from + index, token === "&&" ? "true" : "false"];
    yield [at + 2, until(text, at + 2, ["&&", "||", ";", ",", "?"]), ` ${neutral}`];
    let first = at;
    for (let depth = 0; first > from; --first) {
      const before = text[first - 1];
      if (")]".includes(before)) ++depth;
      if ("([".includes(before) && --depth < 0) break;
      if (depth === 0 && (";{,?".includes(before) || /(?:&&|\|\||return |[^=!<>]= )$/.test(text.slice(from, first)))) break;
    }
    yield [first, at, `${neutral} `];
  }
}

/** Neighbours in a list of arguments or values, swapped. */
function* swaps(text, from, to) {
  for (let open = text.indexOf("(", from); open !== -1 && open < to; open = text.indexOf("(", open + 1)) {
    const before = text.slice(from, open).match(/([\w\]]+|=\s*)$/)?.[1];
    if (!before || UNORDERED.test(before)) continue;
    const close = closing(text, open);
    const parts = [];
    for (let at = open + 1; at < close; ) {
      const end = until(text, at, [","]);
      parts.push([at + text.slice(at, end).search(/\S|$/), end]);
      at = end + 1;
    }
    for (let i = 1; i < parts.length; ++i) {
      const [[a, aEnd], [b, bEnd]] = [parts[i - 1], parts[i]];
      if (text.slice(a, aEnd) !== text.slice(b, bEnd)) yield [a, bEnd, (source) => source.slice(b, bEnd) + source.slice(aEnd, b) + source.slice(a, aEnd)];
    }
  }
}

/** Statements left out, except declarations and what an `if` without braces guards (leaving out the `if` is that). */
function* statements(text, from, to) {
  for (let at = from, guarded = false; at < to; ) {
    const rest = text.slice(at, to);
    const skip = rest.match(/^(?:[\s{}]+|else\b|unchecked\b)/);
    if (skip) {
      at += skip[0].length;
    } else if (/^(?:if|for|while)\b/.test(rest)) {
      at = closing(text, text.indexOf("(", at)) + 1;
      guarded = text.slice(at).trimStart()[0] !== "{";
    } else if (/^assembly\b/.test(rest)) {
      const open = text.indexOf("{", at);
      at = closing(text, open) + 1;
      for (const { 0: line, index } of text.slice(open + 1, at - 1).matchAll(/\S[^\n]*/g)) {
        if (!line.startsWith("let ")) yield [open + 1 + index, open + 1 + index + line.length, ""];
      }
    } else {
      const end = /^try\b/.test(rest) ? closing(text, text.indexOf("{", text.indexOf("catch", at))) : until(text, at, [";"]);
      const statement = text.slice(at, end);
      if (!guarded && !/^return\b/.test(statement) && !DECLARATION.test(statement)) yield [at, end + 1, ""];
      guarded = false;
      at = end + 1;
    }
  }
}

/** Guards named in the header, and overflow checks of the whole function, left out. */
function* functionWide(text, { header, start, end }) {
  for (const { index } of text.slice(header, start).matchAll(/\bnonReentrant\s/g)) {
    yield [header + index, header + index + 13, ""];
  }
  const arithmetic = text.slice(start, end).replace(/\bfor\s*\([^{]*\{/g, "").replace(/<<|>>/g, "");
  if (/[+*-]/.test(arithmetic) && !/\b(?:unchecked|assembly)\b/.test(arithmetic)) {
    yield [start, end + 1, (source) => `{ unchecked ${source.slice(start, end + 1)} }`, "arithmetic unchecked"];
  }
}

const oneLine = (text) => text.replace(/\s+/g, " ").trim();

/**
 * All mutants of `source` as { key, function, line, before, after, text }: `text` is the whole changed source, `before`
 * and `after` are the lines it differs in, `key` names the mutant for as long as those lines stay as they are.
 */
export function mutants(file, source) {
  const text = masked(source);
  const found = new Map();
  const keys = new Map();
  for (const scope of scopes(text)) {
    const [from, to] = [scope.start, scope.end];
    const changes = [...tokens(text, from, to), ...conditions(text, from, to)];
    if (scope.header !== undefined) {
      changes.push(...swaps(text, from, to), ...statements(text, from, to), ...functionWide(text, scope));
    }
    for (const [start, end, change, note] of changes) {
      const put = typeof change === "string" ? change : change(source);
      const changed = source.slice(0, start) + put + source.slice(end);
      if (changed === source || found.has(changed)) continue;
      const [first, last] = [source.lastIndexOf("\n", start - 1) + 1, (source + "\n").indexOf("\n", end)];
      const before = oneLine(note ? source.slice(scope.header, from) : source.slice(first, last));
      const after = note ?? (oneLine(source.slice(first, start) + put + source.slice(end, last)) || "(left out)");
      const name = `${file} ${scope.name}: ${before} -> ${after}`;
      keys.set(name, (keys.get(name) ?? 0) + 1);
      const key = keys.get(name) === 1 ? name : `${name} (${keys.get(name)})`;
      found.set(changed, { key, file, function: scope.name, line: source.slice(0, start).split("\n").length, before, after, text: changed });
    }
  }
  return [...found.values()].sort((a, b) => a.line - b.line);
}
