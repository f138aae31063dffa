// @ts-check
/**
 * Tells our server in batches what happens on a page, never who it is: no name, no address, no words that were searched.
 * Imported by the loader where the store has a card on.
 *
 * @typedef {{name: string, at: number, data: Record<string, unknown>}} Event
 * @typedef {{id: string, events: Event[]}} Batch
 */

const MOST_EVENTS = 20;
const MOST_BYTES = 8000;
const MOST_KEPT = 100;
const SOON_MS = 1000;
const LATER_MS = 5000;
const TRIES = 3;
const TWIN_MS = 2000; // the bus and the tracker tell of the same thing
const NETWORKS = {
  fbclid: "facebook", gclid: "google", gad_source: "google", ttclid: "tiktok", twclid: "twitter", scid: "snapchat",
  sccid: "snapchat",
};
const UTM = ["source", "medium", "campaign", "term", "content"];

/** @param {unknown} value @returns {number | null} an id as Salla counts them */
const idOf = (value) => {
  const id = Number(value ?? NaN);
  return Number.isSafeInteger(id) && id > 0 ? id : null;
};

/** @param {unknown} value */
const cut = (value) => String(value).slice(0, 100);

const newId = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(15)))).replaceAll("+", "-").replaceAll("/", "_");

/** Where this visit came from: this address, else what Salla keeps of the last touch. @param {any} here */
const campaign = (here) => {
  const query = new Map([...new URLSearchParams(location.search)].map(([name, value]) => [name.toLowerCase(), value]));
  const kept = here.attempt(() => /** @type {any} */ (window).salla.storage.getWithTTL("s-utms")) ?? {};
  const isNew = query.has("utm_source");
  const found = UTM.map((name) => [name, isNew ? query.get(`utm_${name}`) : kept[`s-utm-${name}`]]).filter(([, value]) => value);
  const click = Object.entries(NETWORKS).find(([name]) => query.has(name))?.[1] ?? "";
  return { utm: Object.fromEntries(found.map(([name, value]) => [name, cut(value)])), click };
};

/** Without what was asked there. @param {string} address */
const plain = (address) => {
  try {
    const { protocol, host, pathname } = new URL(address);
    return /^https?:$/.test(protocol) ? `${protocol}//${host}${pathname}`.slice(0, 300) : "";
  } catch {
    return "";
  }
};

/** @param {any} here what the loader shares */
export const start = (here) => {
  const address = `${here.app}/sf/${here.store}/e`;
  const { utm, click } = campaign(here);
  /** @type {Event[]} */
  let queue = [];
  /** @type {Batch | null} */
  let waiting = null;
  let tries = 0;
  let timer = 0;
  /** @type {(() => void)[]} */
  const leavers = [];

  const head = () => ({
    v: 1, key: here.local.get("key") ?? "", bucket: here.bucket(), sent: Date.now(), is_robot: navigator.webdriver === true,
    page: {
      slug: here.page.slug.toLowerCase().replace(/[^a-z0-9._-]/g, "").slice(0, 64), id: idOf(here.page.id),
      path: location.pathname.slice(0, 300),
    },
    lang: here.lang, referrer: plain(document.referrer), utm, click,
    customer: here.known("user.type") === "user" ? idOf(here.known("user.id")) : null,
  });

  /** @param {Batch} batch */
  const textOf = ({ id, events }) => JSON.stringify({ ...head(), id, events });

  /** The next batch, small enough for our server. @returns {Batch | null} */
  const next = () => {
    let events = queue.slice(0, MOST_EVENTS);
    const id = newId();
    while (events.length > 1 && new Blob([textOf({ id, events })]).size > MOST_BYTES) events = events.slice(0, -1);
    queue = queue.slice(events.length);
    return events.length ? { id, events } : null;
  };

  const flush = async () => {
    timer = 0;
    waiting ??= next();
    if (!waiting || tries >= TRIES) return;
    const batch = waiting;
    let status = 0;
    try {
      const options = { method: "POST", credentials: "omit", keepalive: true, body: textOf(batch) };
      status = (await fetch(address, /** @type {RequestInit} */ (options))).status;
    } catch {
      // Away, or refused by the shop's content policy: the same batch later, which our server takes once.
    }
    const isRefused = !status || status === 429 || status >= 500;
    tries = isRefused ? tries + 1 : 0;
    if (!isRefused && waiting === batch) waiting = null;
    if (waiting || queue.length) later(isRefused ? LATER_MS * 2 ** tries : SOON_MS);
  };

  /** @param {number} milliseconds */
  const later = (milliseconds) => { timer ||= window.setTimeout(flush, milliseconds); };

  /** What is left leaves with the page. */
  const leave = () => {
    leavers.forEach((leaver) => leaver());
    clearTimeout(timer);
    timer = 0;
    for (let batch = waiting ?? next(); batch; batch = next()) {
      waiting = null;
      if (tries < TRIES) navigator.sendBeacon(address, textOf(batch));
    }
  };

  /** @param {string} name @param {Record<string, unknown>} data @param {boolean} [isFirst] */
  const send = (name, data, isFirst = false) => {
    const event = { name, at: Date.now(), data };
    queue = isFirst ? [event, ...queue] : [...queue, event];
    queue = queue.slice(0, MOST_KEPT);
    later(name === "page.viewed" ? SOON_MS : LATER_MS);
    if (queue.length >= MOST_EVENTS) flush();
    return true;
  };

  /** @type {Map<string, number>} */
  const told = new Map();
  /** Once for what two tell. @param {string} name @param {Record<string, unknown>} data */
  const tell = (name, data = {}) => {
    const key = `${name}${JSON.stringify(data)}`;
    const isTwin = Date.now() - (told.get(key) ?? -Infinity) < TWIN_MS;
    told.set(key, Date.now());
    if (!isTwin && Object.values(data).every((value) => value !== null)) send(name, data);
  };

  /** The signed key of a shopper who has agreed to be known again. @returns {Promise<string | null>} */
  const identify = async () => {
    const key = here.local.get("key");
    try {
      const options = { method: "POST", credentials: "omit", body: key ? JSON.stringify({ key }) : "" };
      const answer = await fetch(`${here.app}/sf/${here.store}/visitor`, /** @type {RequestInit} */ (options));
      if (answer.status === 200) here.local.set("key", (await answer.json()).key);
    } catch {
      // Away: he is asked for again when he next agrees.
    }
    return here.local.get("key");
  };

  watch(here, tell, identify);
  stay(send, leave, leavers);
  return { send, identify, leavers };
};

/** Salla's bus and tracker. @param {any} here @param {(name: string, data?: any) => void} tell @param {() => void} identify */
const watch = (here, tell, identify) => {
  const { slug, id } = here.page;
  /** @param {string} name @param {unknown} product */
  const product = (name, product) => tell(name, { product_id: idOf(product) });
  let cart = here.session.get("cart");
  here.hear("cart::updated", (/** @type {any} */ now) => {
    const items = Array.isArray(now?.items) ? now.items : [];
    const ids = items.map((/** @type {any} */ item) => idOf(item?.product_id)).filter(Boolean).slice(0, 20);
    const [count, total] = [Number(now?.count) || 0, Number(now?.total) || 0];
    const data = { cart_id: idOf(now?.id), count, total, currency: cut(here.known("user.currency_code") ?? ""), product_ids: ids };
    if (JSON.stringify(data) === cart) return;
    cart = JSON.stringify(data);
    here.session.set("cart", cart);
    tell("cart.updated", data);
  });
  here.hear("cart::item.added", (/** @type {any} */ _, /** @type {any} */ added) => product("product.added", added));
  here.hear("cart::item.deleted", (/** @type {any} */ _, /** @type {any} */ gone) => product("product.removed", gone));
  here.hear("auth::logged.in", () => {
    tell("signed.in");
    identify();
  });
  /** @type {Record<string, (payload: any) => void>} */
  const tracked = {
    "product viewed": (payload) => product("product.viewed", payload.product_id),
    "product added": (payload) => product("product.added", payload.product_id),
    "product removed": (payload) => product("product.removed", payload.product_id),
    "products searched": () => tell("products.searched"),
    "checkout started": () => tell("checkout.started"),
    "order completed": (payload) => tell("order.completed", { order_id: idOf(payload.order_id) }),
    "coupon applied": (payload) => tell("coupon.applied", { code: cut(payload.coupon_name ?? payload.coupon_code ?? "") }),
    "coupon denied": (payload) => tell("coupon.denied", { code: cut(payload.coupon_name ?? payload.coupon_code ?? "") }),
    "coupon removed": (payload) => tell("coupon.removed", { code: cut(payload.coupon_name ?? payload.coupon_code ?? "") }),
  };
  here.attempt(() => /** @type {any} */ (window).salla.analytics.registerTracker({
    name: "Nomo Flow",
    track: (/** @type {string} */ name, /** @type {any} */ payload) =>
      here.attempt(() => tracked[String(name).toLowerCase()]?.(payload?.properties ?? payload ?? {})),
    page() {},
  }));
  if (slug === "product.single") product("product.viewed", id);
  if (slug === "product.index.search") tell("products.searched");
  if (slug === "thank-you") {
    tell("order.completed", { order_id: idOf(id) });
    const thanked = here.local.get("thanked") ?? {};
    if (id && !thanked[id]) here.local.set("thanked", Object.fromEntries(Object.entries({ ...thanked, [id]: Date.now() }).slice(-5)));
  }
  if (here.known("user.type") === "user" && !here.local.get("key")) identify();
};

/** From a page's coming to its going, and again when the browser brings it back. @param {any} send @param {() => void} leave @param {(() => void)[]} leavers */
const stay = (send, leave, leavers) => {
  let [seen, since, depth] = [0, performance.now(), 0];
  const root = document.documentElement;
  const deeper = () => { depth = Math.max(depth, Math.min(100, Math.round(((scrollY + innerHeight) / root.scrollHeight) * 100))); };
  const view = () => {
    [seen, since, depth] = [0, performance.now(), 0];
    deeper();
    send("page.viewed", {}, true);
  };
  leavers.push(() => {
    seen += performance.now() - since;
    since = performance.now();
    send("page.left", { seconds: Math.round(seen / 1000), depth });
  });
  addEventListener("scroll", deeper, { passive: true });
  addEventListener("pageshow", (event) => { if (event.persisted) view(); });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leave();
    else since = performance.now();
  });
  view();
};
