// @ts-check
/**
 * Whether a card comes up here and now: its schedule, its audience, its moment, how often, and who is held back so that
 * its effect can be measured. Imported by the loader where a card has rules at all.
 *
 * @typedef {object} Rules As `features/rules.py` gives them: only what differs from the usual.
 * @property {number} [starts_at] seconds since 1970
 * @property {number} [ends_at]
 * @property {string[]} [pages]
 * @property {string[]} [devices]
 * @property {"new" | "returning"} [visitors]
 * @property {"guest" | "customer"} [login]
 * @property {string[]} [utm_source]
 * @property {number} [cart_minimum]
 * @property {number} [cart_maximum]
 * @property {"with" | "without"} [coupon]
 * @property {string} [trigger]
 * @property {number} [trigger_value]
 * @property {number} [frequency_days]
 * @property {"ar" | "en"} [language]
 * @property {number} [holdout_percent]
 * @property {boolean} [is_shadow]
 *
 * @typedef {{total: number, hasCoupon: boolean}} Cart
 */

const DAY_MS = 86_400_000;
const PHONE = "(max-width: 767px)";
const REST_MS = 500; // a hand that moves is not asked at every pixel
const FAST = 1.5; // pixels a millisecond: a thumb that goes back to the address bar

/** FNV-1a of 32 bits, of the text's UTF-8; `features/holdout.py` does the same. @param {string} text */
export const fnv1a = (text) => {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
};

/** @param {number} store @param {string} card @param {string} salt @param {number} bucket @param {number} percent */
export const armOf = (store, card, salt, bucket, percent) => {
  const value = fnv1a(`${store}:${card}:${salt}:${bucket}`);
  return ((value ^ (value >>> 16)) >>> 0) % 100 < percent ? "held" : "shown";
};

/** Salla's name of a page as the settings name it. @param {string} slug */
export const kindOf = (slug) => {
  if (slug === "index") return "home";
  if (slug === "product.single") return "product";
  if (slug.startsWith("product.index") || slug.startsWith("brands.")) return "listing";
  return slug === "cart" ? "cart" : "other";
};

/** What can be said at once: the rule that keeps it away, or null. @param {Rules} rules @param {string} slug @param {any} here */
export const refusal = (rules, slug, here) => {
  const now = Date.now();
  /** @param {string[] | string | undefined} wanted nothing means anything @param {string} found */
  const isOther = (wanted, found) => wanted && !wanted.includes(found);
  if (now < (rules.starts_at ?? 0) * 1000) return "starts_at";
  if (now >= (rules.ends_at ?? Infinity) * 1000) return "ends_at";
  if (isOther(rules.pages, kindOf(here.page.slug))) return "pages";
  if (isOther(rules.devices, matchMedia(PHONE).matches ? "phone" : "computer")) return "devices";
  if (isOther(rules.visitors, here.visit.get("returning") ? "returning" : "new")) return "visitors";
  if (isOther(rules.login, here.known("user.type") === "user" ? "customer" : "guest")) return "login";
  if (isOther(rules.utm_source, String(here.utm("source")).toLowerCase())) return "utm_source";
  return now < here.local.get(`away:${slug}`) + (rules.frequency_days ?? 0) * DAY_MS ? "frequency_days" : null;
};

/** @param {Rules} rules @param {Cart} cart @returns {string | null} */
export const cartRefusal = (rules, cart) => {
  if (cart.total < (rules.cart_minimum ?? 0)) return "cart_minimum";
  if (cart.total > (rules.cart_maximum ?? Infinity)) return "cart_maximum";
  return rules.coupon && (rules.coupon === "with") !== cart.hasCoupon ? "coupon" : null;
};

/** The cart as far as this page knows it, and a way to wait for what it becomes. @param {any} here */
const cartOf = (here) => {
  const kept = here.attempt(() => here.salla.storage.get("cart")) ?? {};
  /** @type {Cart} */
  const cart = { total: Number(kept.summary?.total) || 0, hasCoupon: Boolean(kept.coupon) };
  /** @type {Set<() => void>} */
  const waiting = new Set();
  /** @param {string} name @param {(now: any) => void} change */
  const follow = (name, change) =>
    here.hear(`cart::${name}`, (/** @type {any} */ now) => {
      change(now);
      waiting.forEach((look) => look());
    });
  follow("updated", (now) => { cart.total = Number(now.total ?? cart.total); });
  follow("coupon.added", () => { cart.hasCoupon = true; });
  follow("coupon.deleted", () => { cart.hasCoupon = false; });
  /** @param {() => boolean} fits @returns {Promise<void>} */
  const until = (fits) =>
    new Promise((resolve) => {
      const look = () => {
        if (fits() && waiting.delete(look)) resolve();
      };
      waiting.add(look);
      look();
    });
  return { cart, until };
};

/** @param {string} names of events @param {(event: any) => boolean} isIt @returns {Promise<void>} when one of them is it */
const once = (names, isIt) =>
  new Promise((resolve) => {
    const ending = new AbortController();
    for (const name of names.split(" ")) {
      const listen = (/** @type {Event} */ event) => {
        if (!isIt(event)) return;
        ending.abort();
        resolve();
      };
      document.addEventListener(name, listen, { passive: true, signal: ending.signal });
    }
  });

/** @param {number} percent of the page @param {any} here */
const scrolled = async (percent, here) => {
  if (here.depth() < percent) await once("scroll", () => here.depth() >= percent);
};

/** The pointer leaves by the top, or a thumb flings the page back to it. */
const leaving = () => {
  let [place, time] = [scrollY, 0];
  return once("mouseout scroll", (event) => {
    if (event.type === "mouseout") return !event.relatedTarget && event.clientY <= 0;
    const speed = (place - scrollY) / (event.timeStamp - time);
    [place, time] = [scrollY, event.timeStamp];
    return speed > FAST && matchMedia("(pointer: coarse)").matches;
  });
};

/** @param {number} seconds without a touch @param {any} here */
const idle = async (seconds, here) => {
  const touched = () => once("pointermove pointerdown keydown scroll", () => true).then(() => true);
  while (await Promise.race([touched(), here.wait(seconds * 1000)])) await here.wait(REST_MS);
};

/** How many products this visit has looked at. @param {any} here */
const viewed = (here) => {
  const seen = new Set(here.visit.get("viewed"));
  if (here.page.slug === "product.single") seen.add(here.page.id);
  here.visit.set("viewed", [...seen].slice(-50));
  return seen.size;
};

/** @param {any} here what the loader shares @returns {(card: any) => Promise<boolean>} whether the card may be mounted */
export const start = (here) => {
  const { cart, until } = cartOf(here);
  const products = viewed(here);
  /** @type {Record<string, (value: number) => Promise<unknown>>} */
  const moments = {
    time: (value) => here.wait(value * 1000),
    scroll: (value) => scrolled(value, here),
    exit: leaving,
    idle: (value) => idle(value, here),
    cart: (value) => until(() => cart.total >= value),
    product: (value) => until(() => products >= value),
  };
  return async ({ slug, rules, salt }) => {
    const why = refusal(rules, slug, here);
    here.note(slug, why ?? rules.trigger ?? cartRefusal(rules, cart));
    if (why) return false;
    await moments[rules.trigger]?.(rules.trigger_value);
    here.note(slug, cartRefusal(rules, cart));
    await until(() => !cartRefusal(rules, cart));
    if (rules.holdout_percent && !here.isTrying) {
      const arm = armOf(here.store, slug, salt, here.bucket(), rules.holdout_percent);
      here.note(slug, "holdout_percent");
      // Only who is known to have been dealt counts: unheard, it stays away from either.
      const isTold = await here.send("card.assigned", { card: slug, arm, revision: here.version });
      if (!isTold || arm === "held") return false;
    }
    if (!rules.is_shadow) return true;
    here.note(slug, "is_shadow");
    here.send("card.skipped", { card: slug, why: "shadow" });
    return false;
  };
};
