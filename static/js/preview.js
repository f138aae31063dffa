// @ts-check
// The frame of the editor: the shopper's loader and widget, fed with what the page brought instead of asking the server.
(() => {
  "use strict";
  const script = document.currentScript;
  const { card, answers } = JSON.parse(document.getElementById("shown")?.textContent ?? "{}");
  const config = { json: () => ({ version: 0, cards: [card] }) };
  Object.assign(window, { nomoFlow: { app: location.origin, store: 0, config, answers } });
  const loader = document.createElement("script");
  loader.src = script?.dataset.loader ?? "";
  document.head.append(loader);
  // The shop is not left from here.
  addEventListener("click", (event) => {
    if (event.composedPath().some((each) => each instanceof HTMLAnchorElement)) event.preventDefault();
  });
})();
