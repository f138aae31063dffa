// @ts-check
/**
 * E-mail collector: asks for an address or a number, in the merchant's words. It comes up without taking the focus, and
 * goes with Escape; what was typed stays until the server has taken it. Once answered it does not come back.
 */

// Nobody is faster but a program. The server asks for it too.
const LEAST_MS = 2000;
const LONGEST_PAGE = 300;

// What is wrong, the server says in the shopper's language.
const WORDS = {
  ar: {
    email: "البريد الإلكتروني", phone: "رقم الجوال", name: "الاسم", optional: "اختياري", close: "إغلاق",
    away: "تعذّر الإرسال. يمكن المحاولة مرة أخرى.", noted: "تم تسجيل الرقم.",
  },
  en: {
    email: "E-mail", phone: "Mobile number", name: "Name", optional: "optional", close: "Close",
    away: "It could not be sent. Please try again.", noted: "Your number is noted.",
  },
};

const STYLE = `
  :host([data-corner]) { inset-inline: 0 !important; margin-inline: auto !important;
    inline-size: min(26rem, calc(100vw - 32px)) !important; }
  :host([data-corner][data-shape="bar"]) { inline-size: min(60rem, calc(100vw - 32px)) !important; }
  :host([data-away]:focus-within) { visibility: visible !important; }
  @media (min-width: 640px) {
    :host([data-corner][data-shape="popup"]) { inset-block: 0 !important; block-size: fit-content !important;
      margin-block: auto !important; }
    [data-shape="bar"] { grid-template: auto 1fr / 1fr 2fr; column-gap: 24px; padding-inline-end: 56px; }
    [data-shape="bar"] form { grid-area: 1 / 2 / span 2; display: flex; flex-wrap: wrap; align-items: end; }
    [data-shape="bar"] .field { flex: 1 1 10rem; }
    [data-shape="bar"] .agree { flex: 1 1 60%; }
    [data-shape="bar"] .go { flex: 1; }
    [data-shape="bar"] small { flex-basis: 100%; }
  }
  section { position: relative; display: grid; gap: 8px; max-block-size: calc(100vh - 32px); overflow: auto;
    padding: 16px; border-radius: 14px; pointer-events: auto; background: var(--nomo-surface);
    border-block-start: 4px solid var(--color-primary, currentColor);
    box-shadow: var(--nomo-shadow); animation: come .25s; }
  .still { animation: none; }
  [data-shape="inline"] { max-inline-size: 40rem; margin: 24px auto; box-shadow: 0 0 0 1px rgb(128 128 128 / .35); }
  @keyframes come { from { opacity: 0; transform: translateY(12px); } }
  h2, p, span, .go { unicode-bidi: plaintext; }
  h2, p { margin: 0; overflow-wrap: anywhere; white-space: pre-line; }
  h2 { padding-inline-end: 40px; font-size: 18px; }
  form, .field { display: grid; gap: 8px; }
  .field { gap: 4px; align-content: start; }
  input, .go { inline-size: 100%; min-block-size: 44px; padding: 8px 12px; border: 1px solid rgb(128 128 128 / .9); border-radius: 9px;
    background: transparent; color: inherit; font: inherit; }
  input { font-size: 16px; text-align: start; }
  [aria-invalid="true"] { border-color: currentColor; border-width: 2px; }
  .go { cursor: pointer; background: var(--nomo-text); color: var(--nomo-surface); font-weight: 600; }
  .agree { display: flex; gap: 10px; align-items: start; min-block-size: 44px; padding-block: 6px; cursor: pointer; font-size: 13px; }
  .agree input { flex: none; inline-size: 22px; min-block-size: 22px; margin: 0; accent-color: var(--nomo-text); }
  small { font-size: 13px; font-weight: 600; }
  :is(small, p):empty { display: none; }
  .trap { position: absolute; inset-inline-start: -9999px; }
  .x { position: absolute; inset-block-start: 4px; inset-inline-end: 4px; }`;

/** @param {ShadowRoot} root @param {any} settings @param {any} api */
export default function mount(root, settings, api) {
  if (api.lang !== "ar") for (const name in settings) settings[name] = settings[name + "_en"] || settings[name];
  return api.isPreview || !api.local.get("done") ? play(root, settings, api) : root.host.remove();
}

/** @param {ShadowRoot} root @param {any} settings @param {any} api */
const play = async (root, settings, api) => {
  const host = /** @type {HTMLElement} */ (root.host);
  const isInline = settings.shape === "inline";
  const end = isInline || (await api.turn(settings.shape === "popup" ? "interruption" : "teaser"));
  if (!end) return host.remove();
  const close = () => {
    removeEventListener("keydown", onKey);
    api.close();
    if (!isInline) end();
  };
  /** @param {KeyboardEvent} event */
  const onKey = (event) => { if (event.key === "Escape") close(); };
  host.dataset.shape = settings.shape;
  api.style(STYLE);
  const { element } = api;
  const box = element("section", { role: isInline ? "region" : "dialog", "aria-labelledby": "title", "data-shape": settings.shape });
  box.classList.toggle("still", isInline || api.isReducedMotion);
  box.append(element("h2", { id: "title" }, settings.title), element("p", {}, settings.text));
  box.append(formOf(settings, api, () => { if (!isInline) end(); }));
  if (isInline) {
    // Above the page's foot where that is out of sight, else below it: nothing that is seen moves.
    const foot = document.querySelector("body > footer, .store-footer, footer");
    if (foot && foot.getBoundingClientRect().top > innerHeight) foot.before(host);
  } else {
    const button = element("button", { class: "x", type: "button", "aria-label": wordsOf(api).close }, "×");
    button.addEventListener("click", close);
    box.append(button);
    addEventListener("keydown", onKey);
    api.corner("end");
  }
  root.append(box);
};

/** @param {any} api @returns {Record<string, string>} */
const wordsOf = (api) => WORDS[api.lang === "ar" ? "ar" : "en"];

/** @param {any} settings @param {any} api @param {() => void} taken */
const formOf = (settings, api, taken) => {
  const { element } = api;
  const words = wordsOf(api);
  const began = performance.now();
  const form = element("form", { novalidate: "" });
  /** @type {Record<string, any>} where it is said what is wrong */
  const places = {};
  /** @param {string} name @param {any} input @param {string} label @param {string} kind */
  const field = (name, input, label, kind) => {
    const row = element("label", kind === "trap" ? { class: kind, "aria-hidden": "true" } : { class: kind });
    input.name = name;
    input.setAttribute("aria-describedby", name);
    row.append(...(kind === "agree" ? [input, element("span", {}, label)] : [element("span", {}, label), input]));
    form.append(row, (places[name] = element("small", { id: name })));
  };
  const { asks } = settings;
  for (const [name, type, autocomplete, isOptional] of [["email", "email", "email"], ["phone", "tel", "tel", asks === "both"], ["name", "text", "given-name", true]]) {
    if (name === "name" ? !settings.asks_name : asks !== "both" && asks !== name) continue;
    const input = element("input", { type, autocomplete, maxlength: "254", dir: name === "name" ? "auto" : "ltr" });
    field(String(name), input, words[String(name)] + (isOptional ? ` (${words.optional})` : ""), "field");
  }
  field("website", element("input", { tabindex: "-1", autocomplete: "off" }), "", "trap");
  field("agreed", element("input", { type: "checkbox" }), settings.consent_text, "agree");
  const say = element("small", { role: "status" });
  form.append(element("button", { class: "go" }, settings.button), say);

  let isBusy = false;
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    const typed = Object.fromEntries(new FormData(form));
    await api.wait(LEAST_MS - (performance.now() - began));
    const answer = await api.act("subscribe", {
      ...typed, text: settings.consent_text, seconds: Math.round((performance.now() - began) / 1000), lang: api.lang,
      page: (location.origin + location.pathname).slice(0, LONGEST_PAGE), key: (typed.agreed && (await api.identify())) || "",
    });
    isBusy = false;
    const errors = answer ? answer.errors ?? {} : { "": words.away };
    for (const [name, place] of Object.entries(places)) {
      place.textContent = errors[name] ?? "";
      form.elements[name].setAttribute("aria-invalid", String(name in errors));
    }
    say.textContent = errors[""] ?? "";
    form.querySelector('[aria-invalid="true"]')?.focus();
    if (Object.keys(errors).length) return;
    taken();
    api.local.set("done", true);
    api.send("card.clicked");
    form.replaceWith(element("p", { role: "status" }, typed.email ? settings.thanks : words.noted));
  });
  return form;
};
