// Nomo Flow; `manage.py snippet` prints it for Salla's portal.
((app) => {
  const salla = window.salla;
  if (window.nomoFlow || !salla || !salla.onReady) return;
  const nomo = (window.nomoFlow = { app });
  salla.onReady(() => {
    nomo.store = salla.config && salla.config.get("store.id");
    if (!nomo.store) return;
    nomo.config = fetch(`${app}/sf/${nomo.store}/config.json`).catch(() => null);
    import(`${app}/static/js/loader.js`).catch(() => {}); // no page's load waits for it
  });
})(new URL(document.currentScript.src).origin);
