// @ts-check
// Loaded before the page is drawn. Every action works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const KEY = "nomo-theme";

  /** @param {string | null} theme */
  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  };
  try {
    if (!("embedded" in root.dataset)) show(localStorage.getItem(KEY)); // there it is as Salla's dashboard is
  } catch {
    // Storage is refused: the system's theme stays.
  }
  root.dataset.script = "";
  // Salla's embedded SDK 0.2.5 asks this of its bundler also in the build for browsers; without it, it hears no answer,
  // and with any other value it takes them from every site.
  // @ts-ignore - no such global in browsers
  if ("embedded" in root.dataset) globalThis.process ??= { env: { NODE_ENV: "production" } };

  const toggleTheme = () => {
    const now = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    show(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // It holds for this page.
    }
  };

  /** Browsers from before 2026 do not know `command` yet. @param {Element} button */
  const command = (button) => {
    if ("command" in HTMLButtonElement.prototype) return;
    const dialog = document.getElementById(button.getAttribute("commandfor") ?? "");
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
  };

  /** The day that is being chosen, as Umm al-Qura has it. @param {HTMLInputElement} input */
  const showHijri = (input) => {
    const shown = input.parentElement?.querySelector("[data-hijri]");
    if (!(shown instanceof HTMLOutputElement)) return;
    const day = new Date(`${input.value.slice(0, 10)}T12:00`);
    const months = (shown.dataset.hijri ?? "").split(",");
    const parts = new Intl.DateTimeFormat("en-u-ca-islamic-umalqura-nu-latn", { dateStyle: "short" });
    /** @type {Record<string, string>} */
    const part = {};
    if (!Number.isNaN(day.valueOf())) for (const { type, value } of parts.formatToParts(day)) part[type] = value;
    shown.value = part.day ? `${part.day} ${months[Number(part.month) - 1]} ${part.year} ${root.lang === "ar" ? "هـ" : "AH"}` : "";
  };
  addEventListener("input", (event) => {
    if (event.target instanceof HTMLInputElement) showHijri(event.target);
  });

  addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-theme-toggle]")) toggleTheme();
    const dismiss = target?.closest("[data-dismiss]");
    if (dismiss) dismiss.closest(".toast")?.remove();
    const opener = target?.closest("[command='show-modal']");
    if (opener) command(opener);
  });

  // What renews itself waits while nobody looks at the page, and comes at once when somebody does again.
  addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.target instanceof Element && event.target.matches("[data-renews]")) event.preventDefault();
  });
  addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const each of document.querySelectorAll("[data-renews]")) each.dispatchEvent(new Event("seen"));
  });

  // What went wrong behind htmx is shown as without it: the form is sent as a page.
  for (const failure of ["htmx:responseError", "htmx:sendError"]) {
    addEventListener(failure, (event) => {
      if (event.target instanceof HTMLFormElement) event.target.submit();
    });
  }

  addEventListener("DOMContentLoaded", () => {
    const wrong = document.querySelector("[aria-invalid='true']") ?? document.querySelector("[data-focus]");
    if (wrong instanceof HTMLElement) wrong.focus();
  });
})();
