// @ts-check
/**
 * Live counter: how many are here, in a bottom corner, as far as our server tells it. One tap says what is counted. It
 * asks again every half minute in which the page is seen, and once closed does not come back in this visit.
 *
 * @typedef {{rung: "now" | "today" | "hidden", count: number}} Rung
 * @typedef {Rung & {product: Rung | null, about: string}} Answer
 */

const POLL_MS = 30_000;
const ALONE_MS = 4000; // before another teaser has its turn

/** @type {Record<string, Record<string, Record<string, string>>>} */
const WORDS = {
  ar: {
    now: { few: "{n} متسوّقين الآن", many: "{n} متسوّقًا الآن", other: "{n} متسوّق الآن" },
    today: { few: "{n} زوّار اليوم", many: "{n} زائرًا اليوم", other: "{n} زائر اليوم" },
    product: { other: "{n} يشاهدون هذا المنتج الآن" },
    about: { other: "ماذا يُحسب؟ يُفتح في صفحة جديدة" },
    close: { other: "إغلاق" },
  },
  en: {
    now: { other: "{n} shopping now" },
    today: { other: "{n} visitors today" },
    product: { other: "{n} viewing this product now" },
    about: { other: "What is counted? Opens in a new page" },
    close: { other: "Close" },
  },
};

const STYLE = `
  div { display: flex; align-items: center; inline-size: fit-content; max-inline-size: 100%; border-radius: 999px;
    pointer-events: auto; background: var(--nomo-surface); box-shadow: var(--nomo-shadow); animation: come .25s; }
  a { display: flex; align-items: center; gap: 10px; min-block-size: 44px; min-inline-size: 0; padding-inline-start: 16px;
    color: inherit; font-weight: 600; text-decoration: none; border-radius: 999px; }
  a:hover span { text-decoration: underline; text-underline-offset: 3px; }
  i { flex: none; inline-size: 10px; block-size: 10px; border-radius: 50%; background: #12a150; animation: beat 2s infinite; }
  .today i { background: currentColor; opacity: .5; }
  .still, .still i, .today i { animation: none; }
  .x { border-radius: 50%; }
  :focus-visible { outline-offset: -3px; }
  @keyframes come { from { opacity: 0; } }
  @keyframes beat { 50% { opacity: .35; } }`;

/** «5 متسوّقين الآن». @param {string} what @param {number} count @param {string} lang @param {(value: number) => string} number */
export const say = (what, count, lang, number) => {
  const forms = WORDS[lang === "ar" ? "ar" : "en"][what];
  return (forms[new Intl.PluralRules(lang).select(count)] ?? forms.other).replace("{n}", number(count));
};

/** What it says and of how many; null: nothing. @param {Answer | null} answer @returns {[string, number] | null} */
export const chosen = (answer) => {
  if (answer?.product?.rung === "now") return ["product", answer.product.count];
  return answer && answer.rung !== "hidden" ? [answer.rung, answer.count] : null;
};

/** Half a minute in which the page is seen; less when it comes back after as long. @param {any} api */
const pause = async (api) => {
  const since = performance.now();
  const end = new AbortController();
  await Promise.race([
    api.wait(POLL_MS),
    new Promise((resolve) => {
      const back = () => { if (!document.hidden && performance.now() - since >= POLL_MS) resolve(null); };
      document.addEventListener("visibilitychange", back, { signal: end.signal });
    }),
  ]);
  end.abort();
};

/** @param {any} api @param {() => void} close */
const build = (api, close) => {
  const { element } = api;
  const pill = element("div", { hidden: "", class: api.isReducedMotion ? "still" : "" });
  const link = element("a", { target: "_blank", rel: "noopener" });
  const text = element("span");
  const label = say("close", 1, api.lang, api.number);
  const button = element("button", { class: "x", type: "button", "aria-label": label }, "×");
  link.addEventListener("click", () => api.send("card.clicked"));
  link.append(element("i"), text);
  button.addEventListener("click", close);
  pill.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => { if (event.key === "Escape") close(); });
  pill.append(link, button);
  return { pill, link, text };
};

/** @param {ShadowRoot} root @param {any} settings @param {any} api */
export default function mount(root, settings, api) {
  return api.session.get("closed") ? undefined : play(root, settings, api);
}

/** @param {ShadowRoot} root @param {any} settings @param {any} api */
const play = async (root, settings, api) => {
  const close = () => {
    api.session.set("closed", true);
    api.close();
  };
  const { pill, link, text } = build(api, close);
  api.style(STYLE);
  api.corner(settings.position);
  root.append(pill);
  const product = settings.counts === "product" && api.page.slug === "product.single" ? api.page.id : null;
  for (let isNew = true; root.host.isConnected; await pause(api)) {
    const end = isNew ? await api.turn("teaser") : null;
    const answer = await api.live(product);
    const said = chosen(answer);
    if (said) {
      isNew = false;
      text.textContent = say(said[0], said[1], api.lang, api.number);
      link.href = `${answer.about}?lang=${api.lang}`;
      link.ariaLabel = `${text.textContent}. ${say("about", 1, api.lang, api.number)}`;
      pill.classList.toggle("today", said[0] === "today");
    }
    pill.hidden = !said;
    if (end) api.wait(said ? ALONE_MS : 0).then(end);
    if (api.isPreview) return;
  }
};
