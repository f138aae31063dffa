// @ts-check
/**
 * Consent bar: asks once whether the shopper may be known again. Who said no is not asked again, unless he follows the
 * merchant's link to #nomo-consent; there «no» also takes back an earlier «yes».
 */

const ALONE_MS = 15_000; // time to answer, before another teaser has its turn
const WORDS = { ar: ["نعم، أوافق", "لا، شكرًا"], en: ["Yes, remember me", "No, thanks"] };
const STYLE = `
  section { max-inline-size: 26rem; padding: 16px; border-radius: 14px; pointer-events: auto; background: var(--nomo-surface);
    box-shadow: var(--nomo-shadow); }
  p { margin: 0 0 12px; overflow-wrap: anywhere; unicode-bidi: plaintext; }
  div { display: flex; flex-wrap: wrap; gap: 8px; }
  button { all: unset; flex: 1; min-block-size: 44px; padding-inline: 12px; border: 1px solid; border-radius: 9px;
    text-align: center; cursor: pointer; }`;

/** @param {ShadowRoot} root @param {any} settings @param {any} api */
export default function mount(root, settings, api) {
  const isAsked = location.hash === "#nomo-consent";
  return isAsked || api.local.get("answer") === null ? play(root, settings, api, isAsked) : undefined;
}

/** @param {ShadowRoot} root @param {any} settings @param {any} api @param {boolean} isAsked */
const play = async (root, settings, api, isAsked) => {
  api.style(STYLE);
  api.corner(settings.position);
  const end = await api.turn("teaser");
  if (!isAsked && api.isKnown()) return end();
  const text = (api.lang !== "ar" && settings.text_en) || settings.text;
  const box = api.element("section", { "aria-label": text });
  const row = api.element("div");
  WORDS[api.lang === "ar" ? "ar" : "en"].forEach((word, at) => {
    const button = api.element("button", {}, word);
    button.onclick = async () => {
      if ((await api.identify(!at)) || at) { // else our server is away: it is asked again
        api.local.set("answer", at);
        api.send(at ? "consent.refused" : "consent.given");
      }
      api.close();
    };
    row.append(button);
  });
  box.append(api.element("p", {}, text), row);
  root.append(box);
  api.wait(ALONE_MS).then(end);
};
