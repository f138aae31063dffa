// @ts-check
/**
 * The strip of «Try my store»: says of each of the merchant's cards whether it shows on this page, or why not. Only the
 * merchant's own browser imports it, and whatever happens in that browser is not counted.
 *
 * @typedef {object} Told Of our server, in the store's language.
 * @property {string} token
 * @property {string} lang
 * @property {string} dir
 * @property {string} title
 * @property {string} note
 * @property {string} close
 * @property {Record<string, string>} words
 * @property {{slug: string, name: string, why: string}[]} cards
 */

const LEFT_OUT_MS = 90 * 86_400_000;
const EVERY_MS = 500;
const STYLE = `
  :host { all: initial !important; position: fixed !important; inset: 0 0 auto !important; z-index: 2147483647 !important;
    display: block !important; font: 400 14px/1.5 var(--font-main, system-ui), "Noto Sans Arabic", system-ui, sans-serif !important; }
  :host([dir="rtl"]) { direction: rtl !important; }
  details { max-block-size: 50vh; overflow: auto; background: #1f1d1b; color: #f6f5f3;
    box-shadow: 0 2px 12px rgb(0 0 0 / .35); }
  summary { min-block-size: 44px; padding: 11px 16px; padding-inline-end: 60px; box-sizing: border-box; cursor: pointer;
    font-weight: 600; }
  ul, p { margin: 0; padding: 0 16px 10px; list-style: none; }
  li { padding-block: 4px; overflow-wrap: anywhere; }
  li::before { content: "○"; margin-inline-end: 8px; }
  li.on::before { content: "●"; color: #7fd6a4; }
  p { font-size: 13px; opacity: .85; }
  button { all: unset; position: absolute; inset-block-start: 0; inset-inline-end: 8px; display: grid; place-items: center;
    inline-size: 44px; block-size: 44px; cursor: pointer; color: #f6f5f3; font-size: 22px; }
  :focus-visible { outline: 2px solid currentColor; outline-offset: -3px; }`;

/** @param {any} here what the loader shares @param {Told} told */
export const start = (here, { token, lang, dir, title, note, close, words, cards }) => {
  here.visit.set("try", token);
  here.local.set("try", Date.now() + LEFT_OUT_MS);
  const address = new URL(location.href);
  address.searchParams.delete("nomo_try"); // whoever is sent this address is a shopper
  history.replaceState(history.state, "", address);

  const host = Object.assign(document.createElement("nomo-try"), { lang, dir });
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  /** @param {string} name @param {string} [text] @param {Node[]} inside @returns {any} */
  const element = (name, text = "", ...inside) => {
    const made = document.createElement(name);
    made.textContent = text;
    made.append(...inside);
    return made;
  };
  const rows = cards.map(({ name }) => {
    const said = element("span");
    return { said, row: element("li", "", element("b", `${name}: `), said) };
  });
  const button = Object.assign(element("button", "×"), { type: "button", ariaLabel: close });
  const strip = element(
    "details", "", element("summary", title), element("ul", "", ...rows.map(({ row }) => row)), element("p", note),
  );
  strip.open = !here.visit.get("try-folded");
  strip.addEventListener("toggle", () => here.visit.set("try-folded", !strip.open));
  root.append(strip, button);
  document.body.append(host);

  const look = () => cards.forEach(({ slug, why }, at) => {
    const { said, row } = rows[at];
    const found = here.notes[slug] ?? "unread";
    const text = why || words[found] || words.ready;
    row.classList.toggle("on", !why && found === "");
    if (said.textContent !== text) said.textContent = text;
  });
  const timer = setInterval(look, EVERY_MS);
  look();
  const end = () => {
    clearInterval(timer);
    here.visit.set("try", null);
    host.remove();
  };
  button.addEventListener("click", end);
  host.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });
};
