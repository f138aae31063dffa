// @ts-check
// Pages inside Salla's dashboard speak with it through Salla's own SDK: title, action, messages, tabs, loading, colours
// and language. Without the SDK, or an answer from around the frame, the page keeps all of them to itself.
(() => {
  "use strict";
  const root = document.documentElement;
  // @ts-ignore - Salla's global
  const salla = window.Salla?.embedded;
  if (!salla || window.parent === window) return;
  const address = document.currentScript?.dataset.app ?? "";
  const REFRESH_MS = 60_000;
  const LOADING_MS = 8_000;
  const LEVELS = ["success", "warning", "error", "info"];

  // What the next page must know. A browser that blocks other sites' cookies refuses a frame its storage as well, but
  // not cookies that are kept apart for each site around it.
  const kept = {
    /** @param {string} name */
    get(name) {
      const found = document.cookie.split("; ").find((each) => each.startsWith(`embedded-${name}=`));
      return found ? decodeURIComponent(found.slice(found.indexOf("=") + 1)) : null;
    },
    /** Says whether it is. @param {string} name @param {string} value */
    set(name, value) {
      const cookie = `embedded-${name}=${encodeURIComponent(value)}`;
      document.cookie = `${cookie}; Path=/embedded/; SameSite=None; Secure; Partitioned`;
      return this.get(name) === value;
    },
  };

  /** Only once in a while, lest a token that never helps is fetched for ever. */
  const refreshOnce = () => {
    const last = Number(kept.get("refreshed") ?? 0);
    if (Date.now() - last > REFRESH_MS && kept.set("refreshed", String(Date.now()))) salla.auth.refresh();
  };

  /** Kept for the next page, so that it is drawn in them at once. @param {string} theme */
  const wear = (theme) => {
    root.dataset.theme = theme;
    kept.set("theme", theme);
  };

  /** @param {string} locale */
  const speak = (locale) => {
    const language = locale.slice(0, 2).toLowerCase();
    const button = document.querySelector(`[data-languages] button[value="${CSS.escape(language)}"]`);
    if (button instanceof HTMLButtonElement && kept.get("language") !== language && kept.set("language", language)) {
      button.form?.requestSubmit(button);
    }
  };

  /** Without what is hidden from whoever listens, such as icons. @param {Element | null | undefined} element */
  const words = (element) => {
    const copy = element?.cloneNode(true);
    if (!(copy instanceof Element)) return "";
    for (const each of copy.querySelectorAll("[aria-hidden='true']")) each.remove();
    return (copy.textContent ?? "").replace(/\s+/g, " ").trim();
  };

  const tellTitle = () => salla.page.setTitle(words(document.querySelector("main h1")) || document.title);

  /** The page's first filled button, which stays where it is, for whoever reaches it first. */
  const tellAction = () => {
    const button = [...document.querySelectorAll("main .button.primary:not([target], :disabled)")].find(
      (each) => each instanceof HTMLElement && each.offsetParent,
    );
    if (!(button instanceof HTMLElement)) {
      salla.nav.clearAction();
      return;
    }
    salla.nav.setAction({ title: words(button), value: "primary" });
    salla.nav.onActionClick((/** @type {string} */ value) => {
      if (value === "primary") button.click();
    });
  };

  /** What can be undone stays on the page as well: the dashboard's messages have no buttons. */
  const tellMessages = () => {
    for (const toast of document.querySelectorAll("#toasts .toast:not(.told)")) {
      const level = LEVELS.find((each) => toast.classList.contains(each)) ?? "info";
      salla.ui.toast[level](words(toast.querySelector("p")));
      toast.classList.add("told");
      if (!toast.querySelector("form")) toast.remove();
    }
  };

  /** The store's pages as tabs of the dashboard; ours give way once it has them. */
  const tellTabs = async () => {
    const links = [...document.querySelectorAll(".frame-nav a")].filter((each) => each instanceof HTMLAnchorElement);
    for (const id of JSON.parse(kept.get("tabs") ?? "[]")) salla.nav.removeNavItem(id);
    kept.set("tabs", "[]");
    if (!links.length) return;
    if (kept.get("host-tabs")) root.dataset.hostTabs = "";
    salla.nav.onNavItemClick((/** @type {{value: string}} */ { value }) => {
      links.find((each) => each.getAttribute("href") === value)?.click();
    });
    try {
      const ids = [];
      for (const link of links) {
        const value = link.getAttribute("href") ?? "";
        const item = { title: words(link), value, url: new URL(address).pathname, active: link.ariaCurrent !== null };
        ids.push((await salla.nav.addNavItem(item)).id);
        kept.set("tabs", JSON.stringify(ids));
      }
      root.dataset.hostTabs = "";
      kept.set("host-tabs", "1");
    } catch {
      delete root.dataset.hostTabs; // this dashboard has none
    }
  };

  const leave = () => {
    salla.ui.loading.show();
    setTimeout(() => salla.ui.loading.hide(), LOADING_MS); // we are still here
  };

  addEventListener("submit", (event) => {
    const form = event.target;
    const target = event.submitter?.getAttribute("formtarget") || (form instanceof HTMLFormElement && form.target);
    if (form instanceof HTMLFormElement && !event.defaultPrevented && !["_blank", "preview-frame"].includes(target || "")) leave();
  });
  addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    const isPlain = !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!(link instanceof HTMLAnchorElement) || !isPlain || link.target || link.hasAttribute("download")) return;
    if (link.origin === location.origin && link.pathname !== location.pathname) leave();
  });
  addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-host-refresh]")) salla.auth.refresh();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) salla.ui.loading.hide();
  });

  const begin = async () => {
    const { layout } = await salla.init();
    root.dataset.host = "";
    wear(layout.theme);
    salla.onThemeChange(wear);
    tellTitle();
    tellAction();
    tellMessages();
    const toasts = document.getElementById("toasts");
    if (toasts) new MutationObserver(tellMessages).observe(toasts, { childList: true });
    salla.ui.loading.hide();
    salla.ready();
    if (document.querySelector("[data-host-expired]")) refreshOnce();
    speak(layout.locale);
    await tellTabs();
  };
  begin().catch(() => {
    // Nobody around the frame answers: the page is whole without.
  });
})();
