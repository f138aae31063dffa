// @ts-check
/**
 * Nomo Flow's loader, imported by snippet.js: reads the store's configuration and mounts the widget of each card.
 * Whatever fails here, the shop goes on. Its only global is the snippet's `nomoFlow`.
 *
 * @typedef {{slug: string, widget: string | null, settings: Record<string, unknown>, rules?: any, salt?: string}} Card
 * @typedef {{get(name: string): any, set(name: string, value: unknown): void}} Memory
 * @typedef {"teaser" | "interruption"} Kind
 *
 * @typedef {object} Api What a widget may use.
 * @property {string} lang two letters
 * @property {"rtl" | "ltr"} dir
 * @property {{slug: string, id: number | null}} page Salla's names: `index`, `product.single`, …
 * @property {boolean} isReducedMotion
 * @property {boolean} isPreview in the dashboard: nothing is remembered, and no quiet seconds come first
 * @property {Memory} session for this visit of this shopper in this store
 * @property {Memory} local until the shopper clears it
 * @property {(action: string, data?: unknown) => Promise<any>} act the card's answer; null for none, or when we are away
 * @property {(name: string, data?: Record<string, unknown>) => Promise<boolean>} send tells our server that a shopper did
 *   something with the card, such as `card.clicked`
 * @property {(product?: number | null) => Promise<any>} live how many are here now: `{rung, count, product}`, or null
 * @property {(may?: boolean) => Promise<string | null>} identify the signed key of a shopper who does what goes with being
 *   known again, unless he refused that: he is asked with `may`, and what he says there counts
 * @property {() => boolean} isKnown he has agreed
 * @property {() => number[]} thanked when this browser was last thanked for its own orders
 * @property {() => void} close the shopper is done with the card: it goes, and comes back as rarely as the merchant said
 * @property {(kind: Kind) => Promise<(() => void) | null>} turn when it may show something, gives what ends the turn;
 *   null: not in this visit
 * @property {(milliseconds: number) => Promise<void>} wait counts only time in which the page is seen
 * @property {(side: "start" | "end") => void} corner stands in a bottom corner, off bars and off buttons that buy
 * @property {(css: string) => void} style
 * @property {(name: string, attributes?: Record<string, string>, text?: string) => any} element made; class `x` looks like a
 *   button that closes
 * @property {(value: number) => string} number in the digits of the store
 * @property {(amount: number, currency: string) => string} money
 */
(() => {
  const nomo = /** @type {any} */ (window).nomoFlow;
  if (!nomo || nomo.isLoaded) return;
  nomo.isLoaded = true;

  const { app } = nomo;
  const root = document.documentElement;
  // Nothing comes up while the page is still new to the shopper.
  const QUIET_MS = 5000;
  const GAP = 8; // between two of ours
  const SHARE = 0.4; // of the window's height: what is fixed and higher is no bar, and so much stays free above ours
  // Of a listing's many buttons one is always somewhere: those scroll by.
  const BUYING =
    '[href*="checkout"],[id*="checkout"],[class*="checkout"],[id*="cart-submit"],' +
    'form :is(salla-add-product-button,salla-quick-buy,[type="submit"],button:not([type]))';
  const READABLE = 4.5;

  const { salla } = /** @type {any} */ (window);

  /** @template T @param {() => T} what @returns {T | null} null where it throws: storage may be blocked, and Salla's SDK another one */
  const attempt = (what) => {
    try {
      return what();
    } catch {
      return null;
    }
  };

  /** Salla's configuration; null for what is not there. @param {string} path */
  const known = (path) => attempt(() => salla.config.get(path)) ?? null;

  /** A listener that throws would stop the shop's own. @param {string} name @param {(...given: any[]) => void} listener */
  const hear = (name, listener) =>
    attempt(() => salla.event.on(name, (/** @type {any[]} */ ...given) => attempt(() => listener(...given))));

  const pageLang = String(known("user.language_code") || root.lang || "ar").slice(0, 2).toLowerCase();

  // Memory, named by the store because stores may share an origin

  /** Lasts as long as the page where storage is blocked. @param {"localStorage" | "sessionStorage"} area @param {string} slug */
  const memory = (area, slug) => {
    /** @type {Map<string, unknown>} */
    const here = new Map();
    /** @param {string} name */
    const key = (name) => `nomo:${nomo.store}:${slug}:${name}`;
    return {
      /** @param {string} name */
      get: (name) => attempt(() => JSON.parse(window[area].getItem(key(name)) ?? "null")) ?? here.get(name) ?? null,
      /** @param {string} name @param {unknown} value */
      set(name, value) {
        here.set(name, value);
        attempt(() => window[area].setItem(key(name), JSON.stringify(value)));
      },
    };
  };

  // Time and turns

  /** @param {number} milliseconds @returns {Promise<void>} */
  const wait = (milliseconds) =>
    new Promise((resolve) => {
      let left = milliseconds;
      let since = 0;
      let timer = 0;
      const end = () => {
        document.removeEventListener("visibilitychange", go);
        resolve();
      };
      const go = () => {
        clearTimeout(timer);
        if (since) left -= performance.now() - since;
        since = document.hidden ? 0 : performance.now();
        if (since) timer = window.setTimeout(end, left);
      };
      document.addEventListener("visibilitychange", go);
      go();
    });

  const visit = memory("sessionStorage", "");
  const local = memory("localStorage", "");
  const quiet = wait(nomo.answers ? 0 : QUIET_MS - performance.now());
  // The shop's own comes first: ours waits until its page is seen, and what shows something until it has loaded.
  const seen = new Promise((resolve) => { new PerformanceObserver(resolve).observe({ type: "paint", buffered: true }); });
  const painted = Promise.race([quiet, seen]);
  const loaded = Promise.race([quiet, new Promise((resolve) => {
    document.readyState === "complete" ? resolve(null) : addEventListener("load", resolve);
  })]);
  /** @type {Promise<unknown>} */
  let before = Promise.resolve();

  /** The arbiter: quiet at first, one teaser at a time and none beside the visit's one interruption. @type {Api["turn"]} */
  const turn = async (kind) => {
    await quiet;
    const isTeaser = kind === "teaser";
    if (!isTeaser && visit.get("interrupted")) return null;
    if (!isTeaser) visit.set("interrupted", true);
    const others = before;
    /** @type {(value?: any) => void} */
    let end = () => {};
    before = Promise.all([others, new Promise((resolve) => { end = resolve; })]);
    if (isTeaser) await others;
    return end;
  };

  // Place and looks

  /** How much of the window's bottom a fixed or sticking bar takes. @param {Element} host */
  const barHeight = (host) => {
    let height = 0;
    for (const share of [0.1, 0.5, 0.9]) {
      for (const each of document.elementsFromPoint(innerWidth * share, innerHeight - 2)) {
        if (each === host || !/fixed|sticky/.test(getComputedStyle(each).position)) continue;
        const box = each.getBoundingClientRect();
        if (box.height < innerHeight * SHARE) height = Math.max(height, innerHeight - box.top);
      }
    }
    return height;
  };

  /** @param {Element} host */
  const coversBuying = (host) => {
    const mine = host.getBoundingClientRect();
    return [...document.querySelectorAll(BUYING)].some((each) => {
      const box = each.getBoundingClientRect();
      return box.width && box.left < mine.right && box.right > mine.left && box.top < mine.bottom && box.bottom > mine.top;
    });
  };

  /** Each of ours in a corner, as they came up, and how many pixels above it. @type {Map<HTMLElement, number>} */
  const corners = new Map();
  let frame = 0;

  /** Each finds its place anew: above bars and above who came before it, and away from buttons that buy. */
  const settle = () => {
    frame = 0;
    /** @type {Map<HTMLElement, DOMRect>} */
    const placed = new Map();
    for (const [host, was] of [...corners]) {
      if (!host.getBoundingClientRect().height) {
        corners.delete(host); // it comes up again as the last
        corners.set(host, 0);
        host.dataset.away = "";
        continue;
      }
      host.style.setProperty("--nomo-lift", `${barHeight(host)}px`);
      const mine = host.getBoundingClientRect();
      const lowest = mine.bottom + was;
      let bottom = lowest;
      const inWay = [...placed].filter(([, box]) => box.left < mine.right && box.right > mine.left);
      for (const [, box] of inWay.sort(([, one], [, other]) => other.bottom - one.bottom)) {
        if (box.top < bottom + GAP && box.bottom > bottom - mine.height - GAP) bottom = box.top - GAP;
      }
      if (bottom - mine.height < innerHeight * SHARE) {
        for (const [other, box] of inWay) {
          if (box.bottom <= lowest - mine.height) continue;
          other.dataset.away = "";
          placed.delete(other);
        }
        bottom = lowest;
      }
      corners.set(host, lowest - bottom);
      host.style.setProperty("--nomo-stack", `${bottom - lowest}px`);
      host.toggleAttribute("data-away", coversBuying(host));
      if (!host.hasAttribute("data-away")) placed.set(host, host.getBoundingClientRect());
    }
  };

  const soon = () => { frame ||= requestAnimationFrame(settle); };
  const grown = new ResizeObserver(settle);

  /** It finds its place before it is painted. @param {HTMLElement} host @param {string} side */
  const corner = (host, side) => {
    Object.assign(host.dataset, { corner: side, away: "" });
    corners.set(host, 0);
    for (const name of ["scroll", "resize"]) addEventListener(name, soon, { passive: true, capture: true }); // one for all
    grown.observe(host);
  };

  /** @param {string} colour as a browser computes it @returns {number | null} of WCAG; null when it is not opaque */
  const luminance = (colour) => {
    const [red, green, blue, alpha = 1] = (/^rgba?\((.*)\)$/.exec(colour)?.[1].match(/[\d.]+/g) ?? []).map(Number);
    if (blue === undefined || alpha < 1) return null;
    const [r, g, b] = [red, green, blue].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  /** The page's surface, and of the theme's text colours the first that can be read on it. @param {HTMLElement} host */
  const dress = (host) => {
    const surfaces = [document.body, root].map((each) => getComputedStyle(each).backgroundColor);
    const surface = surfaces.find((each) => luminance(each) !== null) ?? "rgb(255, 255, 255)";
    const ground = luminance(surface) ?? 1;
    host.style.setProperty("--nomo-surface", surface);
    const strong = ground > 0.18 ? "#1f1d1b" : "#f6f5f3";
    for (const text of [`var(--color-text, ${strong})`, getComputedStyle(document.body).color, strong]) {
      host.style.setProperty("--nomo-text", text);
      const ink = luminance(getComputedStyle(host).color);
      if (ink !== null && (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05) >= READABLE) return;
    }
  };

  // `!important` on a shadow tree's `:host` beats even the page's own `* { … !important }`.
  const BASE = `
    :host { all: initial !important; display: block !important; box-sizing: border-box !important;
      font: 400 14px/1.5 var(--font-main, system-ui), "Noto Sans Arabic", system-ui, sans-serif !important;
      color: var(--nomo-text) !important; pointer-events: none !important;
      --nomo-shadow: 0 0 0 1px rgb(128 128 128 / .35), 0 8px 28px rgb(0 0 0 / .22); }
    :host([dir="rtl"]) { direction: rtl !important; } :host([dir="ltr"]) { direction: ltr !important; }
    :host([data-corner]) { position: fixed !important; z-index: 20 !important; max-inline-size: calc(100vw - 32px) !important;
      inset-block-end: calc(16px + var(--nomo-lift, 0px) + env(safe-area-inset-bottom, 0px)) !important;
      translate: 0 var(--nomo-stack, 0) !important; }
    :host([data-corner="start"]) { inset-inline-start: 16px !important; }
    :host([data-corner="end"]) { inset-inline-end: 16px !important; }
    :host([data-away]) { visibility: hidden !important; }
    :host([data-away]) * { pointer-events: none !important; }
    * { box-sizing: border-box; }
    .x { all: unset; display: grid; place-items: center; flex: none; inline-size: 44px; block-size: 44px; cursor: pointer;
      font-size: 22px; }
    :focus-visible { outline: 2px solid; outline-offset: 2px; }
    [hidden] { display: none !important; }`;

  /** @type {Api["element"]} */
  const element = (name, attributes = {}, text = "") => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };

  /** A constructed sheet, which no content policy of the shop refuses. @param {ShadowRoot} shadow @param {string} css */
  const style = (shadow, css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
  };

  // Asking, and what our modules share

  /**
   * Our server's answer; null for none, or where we are away or refused. In the preview, what the page brought.
   * @param {string} path @param {unknown} [data] without it we only read; as text/plain, which browsers send without asking first
   * @returns {Promise<any>}
   */
  const ask = async (path, data) => {
    if (nomo.answers) return nomo.answers[/\w+(?=\?|$)/.exec(path)?.[0] ?? ""] ?? null;
    const post = data !== undefined && { method: "POST", body: JSON.stringify(data) };
    return fetch(`${app}/sf/${nomo.store}/${path}`, { credentials: "omit", ...post })
      .then((answer) => (answer.status === 200 ? answer.json() : null)).catch(() => null);
  };

  /** @param {string} address @returns {Promise<any>} */
  const bring = async (address) => import(new URL(address, app).href);

  const page = { slug: String(known("page.slug") ?? ""), id: known("page.id") };
  const asked = new URLSearchParams(location.search);
  const token = asked.get("nomo_try") ?? visit.get("try");
  /** @type {Promise<any>} */
  let ears = Promise.resolve(null);

  const here = {
    salla, app, store: nomo.store, version: 0, lang: pageLang, page, asked, known, attempt, hear, wait, ask, local, visit, loaded,
    modules: /** @type {Record<string, string>} */ ({}),
    /** The merchant tries his shop in this browser, now or lately: it is left out of all counts. */
    isTrying: Boolean(token) || local.get("try") > Date.now(),
    isWithUs: false,
    /** @type {Record<string, string>} why a card does not show; empty for one that does */
    notes: {},
    /** @param {string} slug @param {string} [why] */
    note(slug, why = "") { here.notes[slug] = why; },
    /** Before a shopper agrees to more, all that tells browsers apart: many share one of ten thousand. */
    bucket() {
      if (!Number.isInteger(local.get("bucket"))) local.set("bucket", Math.floor(Math.random() * 10_000));
      return local.get("bucket");
    },
    /** Of this visit's campaign: by this address, else the last touch that Salla keeps. @param {string} name @returns {string} */
    utm(name) {
      const kept = attempt(() => salla.storage.getWithTTL("s-utms")[`s-utm-${name}`]);
      return (asked.has("utm_source") ? asked.get(`utm_${name}`) : kept) ?? "";
    },
    /** How much of the page, from its top, is or was seen: percent. */
    depth: () => Math.min(100, ((scrollY + innerHeight) / root.scrollHeight) * 100),
    /** @param {string} name @param {Record<string, unknown>} data @returns {Promise<boolean>} whether it will be told */
    send: async (name, data) => Boolean((await ears)?.send(name, data)),
    /** A module of ours, begun. @param {string} address @param {unknown} [told] @returns {Promise<any>} null where we are away */
    load: (address, told) => bring(address).then((module) => module.start(here, told)).catch(() => null),
  };

  // Widgets

  /** @param {string} slug @param {any} rules @param {HTMLElement} host @param {ShadowRoot} shadow @returns {Api} */
  const apiOf = (slug, rules, host, shadow) => ({
    lang: host.lang,
    dir: /** @type {Api["dir"]} */ (host.dir),
    page,
    isReducedMotion: matchMedia("(prefers-reduced-motion: reduce)").matches,
    isPreview: Boolean(nomo.answers),
    session: memory("sessionStorage", slug),
    local: memory("localStorage", slug),
    act: (action, data = {}) => ask(`cards/${slug}/${action}`, data),
    live: (product) => ask(product ? `live?product=${product}` : "live"),
    send(name, data) {
      if (name === "card.clicked") done(slug, rules);
      return here.send(name, { ...data, card: slug });
    },
    async identify(may) {
      if (may !== undefined) local.set("key", may ? local.get("key") || null : "");
      return (await ears)?.identify() ?? null;
    },
    isKnown: () => Boolean(local.get("key")),
    thanked: () => Object.values(local.get("thanked") ?? {}),
    close() {
      host.remove();
      done(slug, rules);
      here.note(slug, "closed");
      here.send("card.closed", { card: slug });
    },
    turn,
    wait,
    corner: (side) => corner(host, side),
    style: (css) => style(shadow, css),
    element,
    number: (value) => {
      const isArabic = known("store.settings.arabic_numbers_enabled");
      if (value < 1000 && !isArabic) return String(value); // a phone's browser takes long to begin with the other way
      return value.toLocaleString(`${host.lang}-u-nu-${isArabic ? "arab" : "latn"}`);
    },
    money: (amount, currency) => attempt(() => salla.money({ amount, currency })) ?? `${amount} ${currency}`,
  });

  /** For some days it stays away, if the merchant said so. @param {string} slug @param {any} rules */
  const done = (slug, rules) => {
    if (rules?.frequency_days && !nomo.answers) local.set(`away:${slug}`, Date.now());
  };

  /** Calls once, when half of it is in the window. @param {HTMLElement} host @param {() => void} shown */
  const onceSeen = (host, shown) => {
    const seen = new IntersectionObserver((entries) => {
      const isSeen = entries.some((each) => each.intersectionRatio >= 0.5 && each.boundingClientRect.height);
      if (!isSeen || host.hasAttribute("data-away")) return;
      [seen, size, place].forEach((each) => each.disconnect());
      shown();
    }, { threshold: 0.5 });
    const again = () => { // observed anew, it says anew what is seen
      seen.disconnect();
      seen.observe(host);
    };
    const size = new ResizeObserver(again);
    size.observe(host);
    const place = new MutationObserver(again);
    place.observe(host, { attributeFilter: ["data-away"] });
  };

  /** @param {Card} card @param {() => Promise<boolean>} isWelcome */
  const mount = async ({ slug, widget: address, settings, rules }, isWelcome) => {
    const host = document.createElement("nomo-card");
    try {
      if (!address || !(await isWelcome())) return;
      // Refused by the shop's content policy, or we are away.
      const widget = await bring(address).catch(() => here.note(slug, "away"));
      if (!widget) return;
      await wait(0); // a task of its own: many cards at once would hold the page up
      const lang = rules?.language ?? pageLang;
      const isPages = lang === pageLang && /rtl|ltr/.test(root.dir);
      Object.assign(host, { lang, dir: isPages ? root.dir : lang === "ar" ? "rtl" : "ltr" });
      host.dataset.slug = slug;
      const shadow = host.attachShadow({ mode: "open" });
      style(shadow, BASE);
      document.body.append(host);
      dress(host);
      here.note(slug, "ready");
      here.isWithUs = true;
      onceSeen(host, () => {
        here.note(slug);
        here.send("card.shown", { card: slug });
      });
      await widget.default(shadow, settings, apiOf(slug, rules, host, shadow));
    } catch (error) {
      host.remove();
      here.note(slug, "failed");
      here.send("card.failed", { card: slug });
      console.warn("Nomo Flow:", slug, error);
    }
  };

  const start = async () => {
    if (attempt(() => salla.helpers.isPreview())) return;
    if (token) ask("try", { token }).then((told) => told && here.load(told.module, { ...told, token }));
    const answer = await nomo.config;
    const { cards, version = 0, listens = false, modules = {} } = await answer.json();
    Object.assign(here, { version, modules });
    // Who has a bucket at the beginning of his visit has been here before.
    if (listens && visit.get("returning") === null) visit.set("returning", local.get("bucket") !== null);
    await painted;
    if (listens && !here.isTrying) ears = here.load(modules.beacons);
    await loaded;
    /** @type {Promise<((card: Card) => Promise<boolean>) | null> | undefined} */
    let judge;
    cards.forEach((/** @type {Card} */ card) => mount(card, async () => {
      if (!card.rules || nomo.answers) return true;
      judge ??= here.load(modules.rules);
      return Boolean(await (await judge)?.(card)); // without its rules a card stays away
    }));
  };
  start().catch(() => {}); // No configuration, or none that can be read: nothing to show.
})();
