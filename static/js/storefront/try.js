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
    font: 14px/1.5 var(--font-main, system-ui), system-ui, sans-serif !important; }
  :host([dir="rtl"]) { direction: rtl !important; }
  details { max-block-size: 50vh; overflow: auto; padding: 0 16px; background: #1f1d1b; color: #fff; }
  summary { padding: 12px 0; cursor: pointer; font-weight: 600; }
  ul, p { margin: 0; padding: 0 0 12px; list-style: none; }
  li { padding: 4px 0; }
  li::before { content: "○ "; }
  .on::before { content: "● "; color: #7fd6a4; }
  button { all: unset; position: absolute; inset-block-start: 0; inset-inline-end: 8px; inline-size: 44px; block-size: 44px;
    color: #fff; font-size: 22px; text-align: center; cursor: pointer; }
  :focus-visible { outline: 2px solid; }`;

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
  const summary = element("summary", title);
  const strip = element(
    "details", "", summary, element("ul", "", ...rows.map(({ row }) => row)), element("p", note),
  );
  strip.open = !here.visit.get("try-folded");
  // Not at `toggle`, which comes later and not at all to a page that is left at once.
  summary.addEventListener("click", () => here.visit.set("try-folded", strip.open));
  root.append(strip, button);
  document.body.append(host);

  const look = () => cards.forEach(({ slug, why }, at) => {
    const { said, row } = rows[at];
    const found = here.notes[slug] ?? "unread";
    row.className = why || found ? "" : "on";
    said.textContent = why || words[found];
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
