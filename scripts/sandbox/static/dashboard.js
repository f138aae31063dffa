// Salla's side of its embedded SDK 0.2.5: what the frame says is drawn around it, and what it asks is answered.
(() => {
  const PREFIX = "embedded::";
  const VERSION = "0.2.5";
  const TOAST_MS = 4000;
  const root = document.documentElement;
  const frame = document.getElementById("app");
  const appOrigin = new URL(document.body.dataset.app).origin;
  const byId = (id) => document.getElementById(id);
  window.heard = []; // for who tests: every message of the app, in order

  const say = (event, payload, requestId) => {
    const message = { event: PREFIX + event, payload, timestamp: Date.now(), source: "merchant-dashboard", metadata: { version: VERSION } };
    if (requestId) message.requestId = requestId;
    frame.contentWindow.postMessage(message, appOrigin);
  };
  const context = () => say("context.provide", {
    layout: { theme: root.dataset.theme, dir: root.dir, locale: root.lang, width: innerWidth, currency: "SAR" },
  });
  const load = (isShown) => { byId("loading").hidden = !isShown; };
  const renew = async () => {
    const { store, who } = document.body.dataset;
    load(true);
    const asked = { store, who, theme: root.dataset.theme, lang: root.lang };
    const answer = await fetch("/console/api/embedded_token", {
      method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(asked),
    });
    frame.src = (await answer.json()).url;
  };

  const tabs = new Map();
  const drawTabs = () => {
    byId("tabs").replaceChildren(...[...tabs.values()].map((item) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = item.title;
      button.disabled = Boolean(item.disabled);
      if (item.active) button.setAttribute("aria-current", "page");
      button.addEventListener("click", () => say("nav.itemClick", { id: item.id, value: item.value, url: item.url }));
      return button;
    }));
  };
  const ask = ({ title, message, confirmText, cancelText }, requestId) => {
    const dialog = byId("confirm");
    dialog.querySelector("h2").textContent = title;
    dialog.querySelector("p").textContent = message;
    const [yes, no] = dialog.querySelectorAll("button");
    yes.textContent = confirmText;
    no.textContent = cancelText;
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => say("ui.confirm.response", { confirmed: dialog.returnValue === "yes" }, requestId), { once: true });
    dialog.showModal();
  };
  const toast = ({ type, message, duration }) => {
    const line = document.createElement("p");
    line.className = type;
    line.textContent = message;
    byId("toasts").append(line);
    setTimeout(() => line.remove(), duration ?? TOAST_MS);
  };

  const answers = {
    "iframe.ready": context,
    ready: () => load(false),
    destroy: () => { frame.src = "about:blank"; },
    "auth.refresh": renew,
    "page.setTitle": ({ title }) => { byId("title").textContent = document.title = title; },
    "page.navigate": ({ path }) => { location.href = path; },
    "page.redirect": ({ url }) => { location.href = url; },
    "nav.setAction": ({ title, value, disabled }) => {
      Object.assign(byId("action"), { textContent: title, value, disabled: Boolean(disabled) });
      byId("actions").hidden = false;
    },
    "nav.clearAction": () => { byId("actions").hidden = true; },
    "nav.addItem": ({ item }, requestId) => {
      const id = `item_${Math.random().toString(36).slice(2)}`;
      tabs.set(id, { ...item, id });
      drawTabs();
      say("nav.addItem.response", { item: { id, value: item.value } }, requestId);
    },
    "nav.updateItem": ({ item }) => { if (tabs.has(item.id)) tabs.set(item.id, { ...tabs.get(item.id), ...item }); drawTabs(); },
    "nav.removeItem": ({ id }) => { tabs.delete(id); drawTabs(); },
    "ui.loading": ({ action }) => load(action === "show"),
    "ui.breadcrumbs": ({ action }) => { byId("crumb").hidden = action === "hide"; },
    "ui.toast": toast,
    "ui.confirm": ask,
    "checkout.getAddons": (_payload, requestId) => say("checkout.getAddons.response", { success: true, addons: [] }, requestId),
  };
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== appOrigin || data?.source !== "embedded-app") return;
    const name = String(data.event).replace(PREFIX, "");
    window.heard.push({ name, payload: data.payload, version: data.metadata?.version });
    answers[name]?.(data.payload, data.requestId);
  });

  byId("action").addEventListener("click", () => say("nav.actionClick", { value: byId("action").value }));
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    for (const field of document.querySelectorAll("[name=theme]")) field.value = root.dataset.theme;
    const other = new URL(byId("language").href);
    other.searchParams.set("theme", root.dataset.theme);
    byId("language").href = other.href;
    say("theme.change", { theme: root.dataset.theme });
  });
})();
