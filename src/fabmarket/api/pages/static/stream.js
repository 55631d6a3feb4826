// The server's news: that it is there, that it is gone, that something happened.
const RETRY = 2000; // milliseconds until a stream that was refused is asked for again

/** Calls `tell` with {kind: "up"}, {kind: "news"} or {kind: "away", since: milliseconds}. */
export function follow(tell) {
  let isAway = false;
  const open = () => {
    const source = new EventSource("/v1/live");
    source.onopen = () => {
      isAway = false;
      tell({ kind: "up" });
    };
    source.onerror = () => {
      if (!isAway) tell({ kind: "away", since: Date.now() });
      isAway = true;
      // A broken stream is opened again by the browser, a refused one is not.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, RETRY);
    };
    for (const name of ["head", "trade", "status", "missed"]) source.addEventListener(name, () => tell({ kind: "news" }));
  };
  open();
}
