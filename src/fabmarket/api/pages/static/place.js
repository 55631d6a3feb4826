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

/** A time as the server chose it: in full, or briefly, with the year where that is not plain. */
function written(when, form) {
  if (form === "full") return full(when);
  return `${day(when)}${form === "dated" ? ` ${when.getFullYear()}` : ""} ${minute(when)}`;
}

/** The moment that an element names by its seconds, null beyond all calendars. */
function moment(element) {
  const when = new Date(1000 * Number(element.dataset.time));
  return Number.isNaN(when.getTime()) || when.getFullYear() > 9999 ? null : when;
}

/** Rewrites all times below `root`. */
export function place(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    time.textContent = written(when, time.dataset.form);
  }
  for (const text of root.querySelectorAll("svg [data-time]")) {
    const when = moment(text);
    if (when) text.textContent = written(when, text.dataset.form);
  }
  for (const option of root.querySelectorAll("option[data-time]")) {
    // It holds text alone: `data-utc` is what of it is the time.
    const when = moment(option);
    if (when) option.textContent = option.textContent.replace(option.dataset.utc, written(when, option.dataset.form));
  }
}

/** Says in which zone times are. */
export function nameZone() {
  const named = document.getElementById("zone");
  if (named) named.textContent = zone;
}
