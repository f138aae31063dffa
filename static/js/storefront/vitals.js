// @ts-check
/**
 * How fast the page was for this shopper (LCP, INP and CLS as the browser measures them), told as he leaves it.
 * Imported after the page has loaded, by beacons.js.
 */

/**
 * @param {any} here what the loader shares @param {(name: string, data: Record<string, unknown>) => void} send
 * @returns {() => void} tells it, once
 */
export const start = (here, send) => {
  /** @type {Record<string, number | null>} */
  const found = { lcp: null, inp: null, cls: 0 };
  let [session, first, last] = [0, 0, 0];
  /** @param {string} type @param {(entry: any) => void} take @param {object} [more] */
  const watch = (type, take, more) => here.attempt(() => {
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(take));
    observer.observe({ type, buffered: true, ...more });
    return observer;
  });
  const watching = [
    watch("largest-contentful-paint", (entry) => { found.lcp = Math.round(entry.startTime); }),
    // The slowest one: on a shop's pages nobody touches often enough to leave any out.
    watch("event", (entry) => {
      if (entry.interactionId) found.inp = Math.max(found.inp ?? 0, Math.round(entry.duration));
    }, { durationThreshold: 40 }),
    // The worst of the bursts, each of at most five seconds with less than one between two shifts.
    watch("layout-shift", (entry) => {
      if (entry.hadRecentInput) return;
      const isSame = entry.startTime - last < 1000 && entry.startTime - first < 5000;
      session = isSame ? session + entry.value : entry.value;
      if (!isSame) first = entry.startTime;
      last = entry.startTime;
      found.cls = Math.max(found.cls ?? 0, Math.round(session * 10_000) / 10_000);
    }),
  ];
  let isTold = false;
  return () => {
    if (isTold || !watching[0]) return; // only where the browser measures
    isTold = true;
    send("vitals.measured", { ...found, is_with_us: here.isWithUs });
  };
};
