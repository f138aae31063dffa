// @ts-check
/**
 * Latest purchase: what somebody really bought, in a bottom corner. It goes by itself, stays while pointed at or
 * focused, and once closed does not come back in this visit.
 *
 * @typedef {{unit: "minute" | "hour" | "day", count: number}} Age
 * @typedef {{key: string, id: number, product: string, url: string, image: string, place: string, who: string, age: Age}} Purchase
 */

const SHOWN_MS = 8000;
const FADE_MS = 250;
const REMEMBERED = 60;
const MINUTES = { minute: 1, hour: 60, day: 1440 };

const WORDS = {
  ar: {
    bought: "تم شراء", from: "من", close: "إغلاق", now: "قبل قليل",
    minute: { few: "قبل {n} دقائق", other: "قبل {n} دقيقة" },
    hour: { one: "قبل ساعة", two: "قبل ساعتين", few: "قبل {n} ساعات", other: "قبل {n} ساعة" },
    day: { one: "قبل يوم", two: "قبل يومين", few: "قبل {n} أيام", other: "قبل {n} يومًا" },
  },
  en: {
    bought: "Purchased:", from: "from", close: "Close", now: "just now",
    minute: { other: "{n} minutes ago" },
    hour: { one: "{n} hour ago", other: "{n} hours ago" },
    day: { one: "{n} day ago", other: "{n} days ago" },
  },
};

/** @param {string} lang */
const wordsOf = (lang) => WORDS[lang === "ar" ? "ar" : "en"];

const STYLE = `
  .card { display: flex; align-items: center; gap: 12px; inline-size: 340px; max-inline-size: 100%; overflow: hidden;
    border-radius: 14px; opacity: 0; pointer-events: none; transition: opacity .25s, transform .25s; transform: translateY(12px); }
  .card.on { opacity: 1; transform: none; pointer-events: auto; padding: 10px; padding-inline-end: 2px;
    background: var(--nomo-surface); border-inline-start: 4px solid var(--color-primary, currentColor);
    box-shadow: var(--nomo-shadow); }
  .still { transition: none; transform: none; }
  img { inline-size: 52px; block-size: 52px; flex: none; border-radius: 9px; object-fit: cover; background: #8883; }
  p { flex: 1; min-inline-size: 0; margin: 0; }
  a { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; overflow-wrap: anywhere;
    color: inherit; font-weight: 600; text-decoration: underline; text-underline-offset: 3px; }
  small { display: block; font-size: 12.5px; }
  .x { align-self: start; margin-block-start: -8px; }
  :focus-visible { outline-offset: -3px; border-radius: 6px; }`;

/** «قبل 12 دقيقة». @param {Age} age @param {string} lang @param {(value: number) => string} number */
export const ago = (age, lang, number) => {
  if (!age.count) return wordsOf(lang).now;
  const forms = /** @type {Record<string, string>} */ (wordsOf(lang)[age.unit]);
  return (forms[new Intl.PluralRules(lang).select(age.count)] ?? forms.other).replace("{n}", number(age.count));
};

/** Whether he who was thanked then may have bought it. @param {Age} age @param {number[]} thanked @param {number} now */
export const isOwn = ({ unit, count }, thanked, now) =>
  thanked.some((at) => {
    const late = (now - at) / 60_000 - count * MINUTES[unit];
    return late >= -2 && late <= Math.max(17, MINUTES[unit] + 2);
  });

/** @param {Purchase} purchase @param {any} api */
const line = (purchase, api) => {
  const words = wordsOf(api.lang);
  const link = api.element("a", { href: purchase.url }, `${words.bought} `);
  link.addEventListener("click", () => api.send("card.clicked", { product_id: purchase.id }));
  link.append(api.element("bdi", {}, purchase.product));
  const where = purchase.place && `${words.from} ${purchase.place}`;
  const about = [where, purchase.who, ago(purchase.age, api.lang, api.number)].filter(Boolean).join(" · ");
  return [link, api.element("small", {}, about)];
};

/** @param {ShadowRoot} root @param {any} settings @param {any} api */
export default function mount(root, settings, api) {
  return api.session.get("closed") ? undefined : play(root, settings, api);
}

/** @param {ShadowRoot} root @param {any} settings @param {any} api */
const play = async (root, settings, api) => {
  const card = api.element("div", { class: api.isReducedMotion ? "card still" : "card" });
  const text = api.element("p", { role: "status" });
  card.append(text);
  api.style(STYLE);
  api.corner(settings.position);
  root.append(card);
  const close = () => {
    api.session.set("closed", true);
    api.close();
  };
  card.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => { if (event.key === "Escape") close(); });
  for (let left = settings.max_items; left > 0 && root.host.isConnected; left -= 1) {
    const end = await api.turn("teaser");
    const purchase = end && !api.session.get("closed") && (await next(api));
    if (purchase) {
      api.session.set("shown", [...(api.session.get("shown") ?? []), purchase.key].slice(-REMEMBERED));
      await show(card, text, purchase, close, api);
    }
    end?.();
    if (!purchase) return;
    await api.wait(settings.seconds_between * 1000);
  }
};

/** @param {any} api @returns {Promise<Purchase | undefined>} */
const next = async (api) => {
  const answer = await api.act("recent", { lang: api.lang });
  const shown = api.session.get("shown") ?? [];
  const isNew = /** @param {Purchase} each */ (each) =>
    !shown.includes(each.key) && !isOwn(each.age, api.thanked(), Date.now()) && /^https?:/.test(each.url);
  return answer?.purchases.find(isNew);
};

/** @param {Element} card @param {Element} text @param {Purchase} purchase @param {() => void} close @param {any} api */
const show = async (card, text, purchase, close, api) => {
  const button = api.element("button", { class: "x", type: "button", "aria-label": wordsOf(api.lang).close }, "×");
  button.addEventListener("click", close);
  card.append(button);
  if (purchase.image) {
    const image = api.element("img", { src: purchase.image, alt: "", referrerpolicy: "no-referrer" });
    image.addEventListener("error", () => image.remove());
    card.prepend(image);
  }
  card.classList.add("on");
  text.replaceChildren(...line(purchase, api));
  do await api.wait(SHOWN_MS);
  while (card.isConnected && (api.isPreview || card.matches(":hover, :focus-within")));
  card.classList.remove("on");
  await api.wait(FADE_MS);
  text.replaceChildren();
  card.replaceChildren(text);
};
