// @ts-check
/**
 * Tells our server in batches what happens on a page, never who it is: no name, no address, no words that were searched.
 * Imported by the loader where the store has a card on.
 *
 * @typedef {{name: string, at: number, data: Record<string, unknown>}} Event
 */

const MOST_EVENTS = 12; // with the longest of texts still less than our server takes
const MOST_WAITING = 100;
const SOON_MS = 1000;
const LATER_MS = 5000;
const TRIES = 4;
const TWIN_MS = 2000;
/** @type {Record<string, string>} */
const NETWORKS = {
  gclid: "google", gad_source: "google", fbclid: "facebook", ttclid: "tiktok", twclid: "twitter", scid: "snapchat",
  sccid: "snapchat",
};
const UTM = ["source", "medium", "campaign", "term", "content"];
// What of Salla's tracker we take, and which of its properties.
const TRACKED = [
  "product.viewed", "product.added", "product.removed", "products.searched", "checkout.started", "order.completed",
  "coupon.applied", "coupon.denied", "coupon.removed",
];
/** @type {Record<string, string>} */
const KEPT = { product: "product_id", order: "order_id", coupon: "code" };

/** @param {unknown} value @returns {number | null} an id as Salla counts them, which may come as text */
const idOf = (value) => (Number.isSafeInteger(Number(value)) && Number(value) > 0 ? Number(value) : null);

/** @param {unknown} value */
const text = (value) => String(value ?? "").slice(0, 100);

/** @param {any} here what the loader shares */
export const start = (here) => {
  const { slug, id: pageId } = here.page;
  const isCustomer = here.known("user.type") === "user";
  const utm = Object.fromEntries(UTM.map((name) => [name, text(here.utm(name))]).filter(([, value]) => value));
  const click = NETWORKS[Object.keys(NETWORKS).find((name) => here.asked.has(name)) ?? ""] ?? "";
  /** @type {Event[]} */
  let queue = [];
  /** @type {{id: string, events: Event[]} | null} */
  let batch = null;
  let tries = 0;
  let timer = 0;

  const pack = () => {
    const id = crypto.getRandomValues(new Uint32Array(4)).join("").slice(0, 24);
    if (queue.length) batch ??= { id, events: queue.splice(0, MOST_EVENTS) };
    return batch && JSON.stringify({
      v: 1, ...batch, key: here.local.get("key") ?? "", bucket: here.bucket(), sent: Date.now(),
      is_robot: Boolean(navigator.webdriver), lang: here.lang,
      page: { slug: /^[a-z0-9._-]{0,64}$/.test(slug) ? slug : "", id: idOf(pageId), path: location.pathname.slice(0, 300) },
      referrer: document.referrer.split(/[?#]/)[0].slice(0, 300), utm, click,
      customer: isCustomer ? idOf(here.known("user.id")) : null,
    });
  };

  const address = `${here.app}/sf/${here.store}/e`;
  const flush = async () => {
    const body = tries < TRIES && pack();
    const sent = batch;
    const options = { method: "POST", credentials: "omit", keepalive: true, body };
    const answer = body && (await fetch(address, /** @type {RequestInit} */ (options)).catch(() => null));
    timer = 0;
    if (!body) return;
    // Away, too busy, or refused by the shop's content policy: the same batch later, which our server takes once.
    const isRefused = !answer || answer.status === 429 || answer.status >= 500;
    tries = isRefused ? tries + 1 : 0;
    if (!isRefused && batch === sent) batch = null;
    if (batch || queue.length) later(SOON_MS * 4 ** tries);
  };
  /** @param {number} milliseconds */
  const later = (milliseconds) => { timer ||= window.setTimeout(flush, milliseconds); };

  /** @param {string} name @param {Record<string, unknown>} [data] */
  const send = (name, data = {}) => {
    const event = { name, at: Date.now(), data };
    if (queue.length < MOST_WAITING) queue.splice(name === "card.assigned" ? 0 : queue.length, 0, event);
    later(tries || name !== "page.viewed" ? LATER_MS : SOON_MS);
    return true;
  };

  /** @type {Record<string, number>} */
  const told = {};
  /** Once, for what page, bus and tracker may all tell. @param {string} name @param {string} [field] @param {unknown} [value] */
  const tell = (name, field, value) => {
    const isTwin = Date.now() - told[name + value] < TWIN_MS;
    told[name + value] = Date.now();
    if (!isTwin && value !== null) send(name, field ? { [field]: value } : {});
  };

  /** The signed key of a shopper who agrees to be known again; empty for one who refused. @returns {Promise<string | null>} */
  const identify = async () => {
    const key = here.local.get("key");
    if (key === "") return key;
    const answer = await here.ask("visitor", key ? { key } : {});
    if (answer) here.local.set("key", answer.key);
    return answer?.key ?? key;
  };

  // A page comes and goes, and the browser may bring it back

  let [seconds, since, depth, isAway] = [0, 0, 0, false];
  const look = () => {
    depth = Math.max(depth, Math.round(here.depth()));
  };
  const back = () => {
    since = performance.now();
    isAway = false;
  };
  const view = () => {
    seconds = depth = 0;
    back();
    look();
    send("page.viewed");
  };
  /** What is only known when the page goes. */
  let last = () => {};
  /** What is left to tell leaves with the page; he who comes back to it and leaves again has stayed longer. */
  const leave = () => {
    if (isAway) return;
    isAway = true;
    seconds += (performance.now() - since) / 1000;
    look(); // he may be gone before the browser tells of his last scrolling
    send("page.left", { seconds: Math.round(seconds), depth });
    last();
    for (let body = pack(); body && tries < TRIES; body = pack()) {
      navigator.sendBeacon(address, body);
      batch = null;
    }
  };
  addEventListener("scroll", look, { passive: true });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) view(); });
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : back()));
  view();

  // What shoppers do

  let cart = here.visit.get("cart");
  here.hear("cart::updated", (/** @type {any} */ now) => {
    const ids = now.items.map((/** @type {any} */ item) => idOf(item.product_id)).filter(Boolean).slice(0, 20);
    const currency = text(here.known("user.currency_code")).slice(0, 3);
    const data = { cart_id: idOf(now.id), count: now.count, total: Number(now.total) || 0, currency, product_ids: ids };
    if (JSON.stringify(data) === cart) return;
    cart = JSON.stringify(data);
    here.visit.set("cart", cart);
    send("cart.updated", data);
  });
  here.hear("cart::item.added", (/** @type {any} */ _, /** @type {any} */ id) => tell("product.added", "product_id", idOf(id)));
  here.hear("auth::logged.in", () => {
    tell("signed.in");
    identify();
  });
  if (slug === "product.single") tell("product.viewed", "product_id", idOf(pageId));
  if (slug === "product.index.search") tell("products.searched");
  if (slug === "thank-you") {
    tell("order.completed", "order_id", idOf(pageId));
    const thanked = here.local.get("thanked") ?? {};
    here.local.set("thanked", Object.fromEntries(Object.entries({ [pageId]: Date.now(), ...thanked }).slice(-5)));
  }
  here.attempt(() => here.salla.analytics.registerTracker({
    name: "Nomo Flow",
    page() {},
    track: (/** @type {string} */ event, /** @type {any} */ payload) => here.attempt(() => {
      const name = event.toLowerCase().replace(" ", ".");
      if (!TRACKED.includes(name)) return;
      const field = KEPT[name.split(".")[0]];
      const told = payload.properties ?? payload;
      tell(name, field, field === "code" ? text(told.coupon_name ?? told.coupon_code) : field && idOf(told[field]));
    }),
  }));
  if (isCustomer && !here.local.get("key")) identify();

  here.loaded.then(async () => { last = (await here.load(here.modules.vitals, send)) ?? last; });

  return { send, identify };
};
