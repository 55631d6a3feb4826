// Puts times into the reader's zone; what the server wrote, UTC, stays in the title.
const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
const two = (number) => String(number).padStart(2, "0");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function day(when) {
  return `${when.getDate()} ${MONTHS[when.getMonth()]}`;
}

function minute(when) {
  return `${two(when.getHours())}:${two(when.getMinutes())}`;
}

function full(when) {
  const date = `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
  return `${date} ${minute(when)}:${two(when.getSeconds())}`;
}

/** Rewrites all times below `root`. */
export function place(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    time.textContent = time.dataset.form === "brief" ? `${day(when)} ${minute(when)}` : full(when);
  }
  for (const text of root.querySelectorAll("svg [data-time]")) {
    const when = new Date(1000 * Number(text.dataset.time));
    if (!Number.isNaN(when.getTime()) && when.getFullYear() < 10000) {
      text.textContent = `${day(when)} ${minute(when)}`;
    }
  }
}

/** Says in which zone times are. */
export function nameZone() {
  const named = document.getElementById("zone");
  if (named) named.textContent = zone;
}
