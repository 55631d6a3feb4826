// The form answers while it is moved: the server solves and draws, as without a script.
import { place } from "./place.js";

const form = document.getElementById("game");
const DELAY = 60; // milliseconds without a further move before it is asked
let timer = null;
let running = null;

form.addEventListener("input", (event) => {
  const shown = event.target.closest("label")?.querySelector(".shown");
  if (shown) shown.textContent = Number(event.target.value).toLocaleString("en");
  clearTimeout(timer);
  timer = setTimeout(solve, DELAY);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  solve();
});

async function solve() {
  const address = `${location.pathname}?${new URLSearchParams(new FormData(form))}`;
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const result = document.getElementById("result");
  result.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("result");
    if (!found) {
      fail(result, `the server answers ${answer.status}`);
      return;
    }
    const open = [...result.querySelectorAll("details")].map((each) => each.open);
    place(found);
    result.replaceWith(document.importNode(found, true));
    [...document.getElementById("result").querySelectorAll("details")].forEach((each, at) => {
      each.open = open[at] ?? false;
    });
    const seats = page.querySelectorAll(".seat").length;
    if (seats !== form.querySelectorAll(".seat").length) {
      document.getElementById("seats").replaceWith(document.importNode(page.getElementById("seats"), true));
    }
    history.replaceState(null, "", address);
  } catch {
    if (!signal.aborted) fail(result, "the server does not answer"); // else a later move asks
  }
}

/** Says that this game has no answer; figures of another must not stand as if they were its own. */
function fail(result, why) {
  const told = document.createElement("div");
  told.className = "empty";
  told.setAttribute("role", "alert");
  told.innerHTML = '<p class="bad">This game could not be solved.</p><p></p>';
  told.lastChild.textContent = `What is wrong: ${why}. Move a slider or press Solve to ask again.`;
  result.replaceChildren(told);
  result.removeAttribute("aria-busy");
}
