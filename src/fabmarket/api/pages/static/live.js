// Keeps a page up to date: on news its live parts are asked for again and put in place.
import { nameZone, place } from "./place.js";
import { follow } from "./stream.js";

const LEAST = 1000; // milliseconds between two times that a page asks
const AGAIN = 5000; // milliseconds until what failed is asked for again
const banner = document.getElementById("away");
let due = null;
let asked = 0;
let shownAt = Date.now();
let later = null;
let running = null;

place(document);
nameZone();
listen();
addEventListener("visibilitychange", () => {
  if (!document.hidden && due === "hidden") refresh();
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return; // a page that was left and is come back to
  listen();
  refresh();
});

function listen() {
  if (!window.SharedWorker) {
    follow(hear);
    return;
  }
  const { port } = new SharedWorker("/static/live-worker.js", { name: "fabmarket", type: "module" });
  port.onmessage = ({ data }) => hear(data);
  addEventListener("pagehide", () => port.postMessage("closes"), { once: true });
}

function hear(message) {
  document.documentElement.dataset.stream = message.kind === "away" ? "away" : "up";
  if (message.kind === "away") away(message.since);
  if (message.kind === "up") up();
  if (message.kind === "news") refresh();
}

function away(since) {
  const when = new Date(since).toLocaleTimeString();
  say(`No answer from the server since ${when}. What stands here is of then; it is tried again.`);
}

function say(text) {
  banner.textContent = text;
  banner.hidden = false;
}

function up() {
  if (banner.hidden) return;
  banner.hidden = true;
  refresh();
}

function refresh() {
  if (document.hidden) {
    due = "hidden";
    return;
  }
  if (due === "soon") return;
  due = "soon";
  setTimeout(fetchParts, Math.max(0, asked + LEAST - Date.now()));
}

async function fetchParts() {
  due = null;
  asked = Date.now();
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  try {
    const answer = await fetch(location.href, { signal });
    const text = await answer.text();
    if (answer.redirected) {
      say("You are asked to enter again, and what stands here is no longer kept up to date. Load the page anew.");
    } else if (answer.ok || document.body.dataset.status === `${answer.status}`) {
      replaceParts(new DOMParser().parseFromString(text, "text/html"));
      shownAt = Date.now();
      if (document.documentElement.dataset.stream !== "away") banner.hidden = true;
    } else {
      failed(`the server answers ${answer.status}`);
    }
  } catch {
    // Overtaken by a later one, or gone, which the stream says if it is gone as well.
    if (!signal.aborted && document.documentElement.dataset.stream !== "away") failed("the server does not answer");
  }
}

/** What stands here is old: that is said, and it is asked for again. */
function failed(why) {
  const when = new Date(shownAt).toLocaleTimeString();
  say(`This page could not be brought up to date: ${why}. What stands here is of ${when}; it is tried again.`);
  clearTimeout(later);
  later = setTimeout(refresh, AGAIN);
}

/** Puts the live parts of a fetched page in place of those shown, by their ids. */
export function replaceParts(fetched) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = fetched.getElementById(part.id);
    if (!fresh) continue;
    place(fresh);
    if (likeness(fresh) === remembered(part)) continue;
    const open = [...part.querySelectorAll("details")].map((each) => each.open);
    const scrolls = [...part.querySelectorAll(".scroll, .strip")].map((each) => [each.scrollLeft, each.scrollTop]);
    const path = focusPath(part);
    const rows = new Set([...part.querySelectorAll("tr[id]")].map((row) => row.id));
    const filled = filledIn(part);
    const node = document.importNode(fresh, true);
    remember(node);
    part.replaceWith(node);
    [...node.querySelectorAll("details")].forEach((each, at) => { if (open[at]) each.open = true; });
    [...node.querySelectorAll(".scroll, .strip")].forEach((each, at) => {
      if (scrolls[at]) [each.scrollLeft, each.scrollTop] = scrolls[at];
    });
    for (const row of node.querySelectorAll("tr[id]")) {
      if (rows.size && !rows.has(row.id)) row.classList.add("fresh");
    }
    fillIn(node, filled);
    focusAt(node, path);
  }
}

const shown = new WeakMap();

function remember(node) {
  shown.set(node, likeness(node));
}

/** What a part says; the key that makes an order one is another each time. */
function likeness(node) {
  return node.outerHTML.replace(/(name="key" value=")[^"]*/g, "$1");
}

function remembered(node) {
  return shown.get(node) ?? likeness(node);
}

/** What somebody filled into the forms of a part, by form and field. */
function filledIn(part) {
  const found = new Map();
  for (const field of part.querySelectorAll("form[aria-label] [name]")) {
    const chosen = field.tagName === "SELECT" && [...field.options].some((each) => each.selected !== each.defaultSelected);
    const isTouched = field.type === "file" ? field.files.length : field.type === "checkbox" ? field.checked !== field.defaultChecked : chosen || (field.tagName === "INPUT" && field.value !== field.defaultValue);
    if (isTouched) found.set(fieldKey(field), field);
  }
  return found;
}

function fillIn(node, filled) {
  for (const field of node.querySelectorAll("form[aria-label] [name]")) {
    const old = filled.get(fieldKey(field));
    if (!old) continue;
    if (field.type === "file") field.files = old.files;
    else if (field.type === "checkbox") field.checked = old.checked;
    else field.value = old.value;
  }
}

function fieldKey(field) {
  return `${field.form.getAttribute("aria-label")}/${field.name}`;
}

/** Where the focus is below a part: by an id or a link's address, else by the place among its likes. */
function focusPath(part) {
  const held = document.activeElement;
  if (!part.contains(held) || held === part) return null;
  if (held.id) return { id: held.id };
  const likes = [...part.querySelectorAll(held.tagName)];
  const href = held.getAttribute("href");
  return { tag: held.tagName, href, at: likes.indexOf(held) };
}

function focusAt(node, path) {
  if (!path) return;
  const likes = path.tag ? [...node.querySelectorAll(path.tag)] : [];
  const same = path.href && likes.filter((each) => each.getAttribute("href") === path.href);
  const found = path.id ? document.getElementById(path.id) : same?.length ? same[0] : likes[path.at];
  found?.focus({ preventScroll: true });
}
