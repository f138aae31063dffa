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

/** Where this visit came from: this address, else what Salla keeps of the last touch. @param {any} here */
const sourceOf = (here) => {
  const kept = here.attempt(() => /** @type {any} */ (window).salla.storage.getWithTTL("s-utms"));
  return String(new URLSearchParams(location.search).get("utm_source") ?? kept?.["s-utm-source"] ?? "").toLowerCase();
};

/** What can be said at once: the rule that keeps it away, or null. @param {Rules} rules @param {string} slug @param {any} here */
export const refusal = (rules, slug, here) => {
  const now = Date.now();
  const away = here.local.get(`away:${slug}`);
  const device = matchMedia(PHONE).matches ? "phone" : "computer";
  /** @type {[string, unknown][]} */
  const refused = [
    ["schedule", now < (rules.starts_at ?? 0) * 1000 || now >= (rules.ends_at ?? Infinity) * 1000],
    ["pages", rules.pages && !rules.pages.includes(kindOf(here.page.slug))],
    ["devices", rules.devices && !rules.devices.includes(device)],
    ["visitors", rules.visitors && (rules.visitors === "returning") !== here.isReturning],
    ["login", rules.login && (rules.login === "customer") !== (here.known("user.type") === "user")],
    ["utm_source", rules.utm_source && !rules.utm_source.includes(sourceOf(here))],
    ["frequency_days", rules.frequency_days && away && now < away + rules.frequency_days * DAY_MS],
  ];
  return refused.find(([, isRefused]) => isRefused)?.[0] ?? null;
};

/** @param {Rules} rules @param {Cart} cart @returns {string | null} */
export const cartRefusal = (rules, cart) => {
  if (cart.total < (rules.cart_minimum ?? 0)) return "cart_minimum";
  if (cart.total > (rules.cart_maximum ?? Infinity)) return "cart_maximum";
  return rules.coupon && (rules.coupon === "with") !== cart.hasCoupon ? "coupon" : null;
};

/** The cart as far as this page knows it, and who wants to hear of it. @param {any} here */
const cartOf = (here) => {
  const { salla } = /** @type {any} */ (window);
  const kept = here.attempt(() => salla.storage.get("cart")) ?? {};
  /** @type {Cart} */
  const cart = { total: Number(kept.summary?.total ?? kept.total) || 0, hasCoupon: Boolean(kept.coupon) };
  /** @type {Set<() => void>} */
  const listeners = new Set();
  here.hear("cart::updated", (/** @type {any} */ now) => {
    cart.total = Number(now?.total) || 0;
    if (now && "coupon" in now) cart.hasCoupon = Boolean(now.coupon);
    listeners.forEach((listener) => listener());
  });
  for (const [name, hasCoupon] of /** @type {[string, boolean][]} */ ([["added", true], ["deleted", false]])) {
    here.hear(`cart::coupon.${name}`, () => {
      cart.hasCoupon = hasCoupon;
      listeners.forEach((listener) => listener());
    });
  }
  /** Waits until it is so. @param {() => boolean} fits @returns {Promise<void>} */
  const until = (fits) =>
    new Promise((resolve) => {
      const look = () => {
        if (!fits()) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
    });
  return { cart, until };
};

/** @param {string} name @param {(event: Event) => boolean} isIt @param {EventTarget} target @returns {Promise<void>} */
const once = (name, isIt, target = window) =>
  new Promise((resolve) => {
    const listen = (/** @type {Event} */ event) => {
      if (!isIt(event)) return;
      target.removeEventListener(name, listen);
      resolve();
    };
    target.addEventListener(name, listen, { passive: true });
  });

/** @param {number} percent of the page, from its top to what is seen */
const scrolled = (percent) => {
  const { documentElement: root } = document;
  const isThere = () => ((scrollY + innerHeight) / root.scrollHeight) * 100 >= percent;
  return isThere() ? Promise.resolve() : once("scroll", isThere);
};

/** The pointer leaves by the top, or a thumb flings the page back to it. */
const leaving = () => {
  let [place, time] = [scrollY, performance.now()];
  const isFlung = () => {
    const [before, then] = [place, time];
    [place, time] = [scrollY, performance.now()];
    return matchMedia("(pointer: coarse)").matches && (before - place) / Math.max(time - then, 1) > FAST;
  };
  const isOut = (/** @type {any} */ event) => !event.relatedTarget && event.clientY <= 0;
  return Promise.race([once("mouseout", isOut, document), once("scroll", isFlung)]);
};

/** @param {number} seconds @param {any} here */
const idle = async (seconds, here) => {
  let count = 0;
  const touched = () => { count += 1; };
  const touches = ["pointermove", "pointerdown", "keydown", "scroll"];
  for (const name of touches) addEventListener(name, touched, { passive: true, capture: true });
  for (let before = -1; before !== count; ) {
    before = count;
    await here.wait(seconds * 1000);
  }
  for (const name of touches) removeEventListener(name, touched, { capture: true });
};

/** Products of this visit, this page's included. @param {any} here */
const viewed = (here) => {
  const seen = new Set(here.session.get("viewed") ?? []);
  if (here.page.slug === "product.single" && here.page.id) seen.add(here.page.id);
  here.session.set("viewed", [...seen].slice(-50));
  return seen.size;
};

/** @param {any} here what the loader shares @returns {(card: any) => Promise<boolean>} whether the card may be mounted */
export const start = (here) => {
  const { cart, until } = cartOf(here);
  const products = viewed(here);
  /** @param {Rules} rules @returns {Promise<unknown>} */
  const moment = ({ trigger, trigger_value: value = 0 }) => {
    switch (trigger) {
      case "time": return here.wait(value * 1000);
      case "scroll": return scrolled(value);
      case "exit": return leaving();
      case "idle": return idle(value, here);
      case "cart": return until(() => cart.total >= value);
      case "product": return products >= value ? Promise.resolve() : new Promise(() => {});
      default: return Promise.resolve();
    }
  };
  return async ({ slug, rules, salt = "" }) => {
    const why = refusal(rules, slug, here);
    if (why) return here.skip(slug, why);
    here.note(slug, rules.trigger ?? cartRefusal(rules, cart) ?? "");
    await moment(rules);
    here.note(slug, cartRefusal(rules, cart) ?? "");
    await until(() => !cartRefusal(rules, cart));
    if (rules.holdout_percent && !here.isTrying) {
      const arm = armOf(here.store, slug, salt, here.bucket(), rules.holdout_percent);
      // Held or shown, only who is known to have been dealt counts: unheard, it stays away.
      if (!(await here.send("card.assigned", { card: slug, arm, revision: here.version })) || arm === "held") {
        return here.note(slug, "holdout");
      }
    }
    return rules.is_shadow ? here.skip(slug, "shadow") : true;
  };
};
