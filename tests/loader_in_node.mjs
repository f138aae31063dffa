// Runs the loader over configs as served, and prints the settings and the rules that each one's widgets and cards got.
//
//     node --experimental-vm-modules tests/loader_in_node.mjs static/js/loader.js < configs, one JSON string a line
//
// Of a browser there is only what the loader touches on its way to `mount`; widgets and modules only listen.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import vm from "node:vm";

class CSSStyleSheet {
  replaceSync() {}
}

class Observer {
  observe() {}
  disconnect() {}
}

class Painted {
  constructor(heard) {
    this.observe = () => heard();
  }
}

const element = () => ({
  dataset: {},
  style: { setProperty() {} },
  attachShadow: () => ({ adoptedStyleSheets: [] }),
  append() {},
  remove() {},
  addEventListener() {},
  removeEventListener() {},
});

/** A page of a shop whose config is `body`. */
const page = (body) => {
  const here = vm.createContext({
    CSSStyleSheet, URL, performance, IntersectionObserver: Observer, ResizeObserver: Observer, MutationObserver: Observer,
    PerformanceObserver: Painted,
    document: {
      ...element(), documentElement: { lang: "ar", dir: "rtl" }, body: element(), readyState: "complete",
      createElement: element,
    },
    nomoFlow: { app: "https://app.example", store: 1, config: Promise.resolve({ json: async () => JSON.parse(body) }) },
    URLSearchParams,
    location: { search: "" },
    matchMedia: () => ({ matches: false }),
    getComputedStyle: () => ({ backgroundColor: "rgb(255, 255, 255)", color: "rgb(0, 0, 0)" }),
    setTimeout(call, milliseconds) { if (!milliseconds) call(); },
    clearTimeout() {},
    console: { warn: (...words) => console.error(...words) },
  });
  here.window = here;
  return here;
};

/** @param {string} body @returns {Promise<unknown[]>} what the widgets were given, and by which rules */
const mounted = async (body) => {
  const given = [];
  const here = page(body);
  const told = {
    widget: { default: (_root, settings) => given.push({ settings }) },
    rules: {
      start: () => async ({ rules }) => {
        given.push({ rules });
        return true;
      },
    },
    beacons: { start: () => ({ send: () => true }) },
  };
  const listen = async (address) => {
    const exports = told[/(\w+)\.js$/.exec(address)[1]];
    const module = new vm.SyntheticModule(
      Object.keys(exports),
      function () {
        for (const [name, value] of Object.entries(exports)) this.setExport(name, value);
      },
      { context: here },
    );
    await module.link(() => {});
    await module.evaluate();
    return module;
  };
  new vm.Script(loader, { importModuleDynamically: listen }).runInContext(here);
  await new Promise((resolve) => { setTimeout(resolve); });
  if (Object.getOwnPropertyNames(Object.prototype).length !== natives) throw new Error("a config reached a prototype");
  return given;
};

const loader = readFileSync(process.argv[2], "utf8");
const natives = Object.getOwnPropertyNames(Object.prototype).length;
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  console.log(JSON.stringify(await mounted(JSON.parse(line))));
}
