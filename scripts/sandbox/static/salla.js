// The storefront's `salla` object where Salla's own SDK was not fetched: the part of its contract that apps use, after
// `@salla.sa/twilight` 2.14.570. Loaded in the head; `salla.init` starts it at the end of the body.
(() => {
  "use strict";
  const salla = {};

  // configuration
  const properties = {
    store: { api: "https://api.salla.dev/store/v1/" },
    currencies: { SAR: { code: "SAR", name: "ريال سعودي", symbol: "ر.س", amount: 1, country_code: "sa" } },
  };
  const dig = (from, path) => path.split(".").reduce((at, key) => (at == null ? undefined : at[key]), from);
  const plant = (into, path, value) => {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((at, key) => (at[key] ||= {}), into)[last] = value;
    return into;
  };
  salla.config = {
    all: () => properties,
    get(path, fallback = null) {
      if (path.includes(".")) return salla.helpers.getNested(properties, path, fallback);
      if (path in properties) return properties[path] || fallback;
      return fallback || undefined;
    },
    set(path, value) { plant(properties, path, value); return salla.config; },
    isUser: () => salla.config.get("user.type") === "user",
    isGuest: () => !salla.config.isUser(),
    currency(code) {
      const known = properties.currencies;
      return known[code || salla.config.get("user.currency_code")] || Object.values(known)[0];
    },
  };

  // events: a listener that throws stops those after it, as in Salla's
  const listeners = new Map();
  const any = [];
  const event = {
    on(name, callback) { listeners.set(name, [...(listeners.get(name) || []), callback]); return event; },
    once(name, callback) {
      const wrapped = (...given) => { event.off(name, wrapped); callback(...given); };
      wrapped.of = callback;
      return event.on(name, wrapped);
    },
    off(name, callback) {
      listeners.set(name, (listeners.get(name) || []).filter((each) => each !== callback && each.of !== callback));
      return event;
    },
    onAny(callback) { any.push(callback); return event; },
    emit(name, ...given) {
      for (const callback of any) callback(name, ...given);
      for (const callback of listeners.get(name) || []) callback(...given);
    },
    dispatchEvents(named) { for (const [name, payload] of Object.entries(named || {})) event.emit(name, payload); },
  };
  event.addListener = event.on;
  event.dispatch = event.emit;
  salla.event = event;

  // storage: JSON under plain keys, `a.b` inside `a`, and with an end under keys of the store
  const shelf = (kind) => ({
    get(key, fallback) {
      try {
        const text = kind().getItem(key);
        return text === null ? fallback : JSON.parse(text);
      } catch { return fallback; }
    },
    set(key, value) { try { kind().setItem(key, JSON.stringify(value)); } catch { /* storage is full or off */ } },
    remove(key) { try { kind().removeItem(key); } catch { /* storage is off */ } },
  });
  const store = shelf(() => localStorage);
  const session = shelf(() => sessionStorage);
  const kinds = { store, session };
  const own = (key) => `${key}_${salla.config.get("store.id")}`;
  salla.storage = {
    store, session,
    get(key, fallback) {
      const [first, ...rest] = key.split(".");
      return rest.length ? dig(store.get(first), rest.join(".")) : store.get(key, fallback);
    },
    set(key, value) {
      const [first, ...rest] = key.split(".");
      store.set(first, rest.length ? plant(store.get(first) || {}, rest.join("."), value) : value);
    },
    remove: store.remove,
    clearAll() { for (const key of ["cart", "user", "token"]) store.remove(key); },
    setWithTTL(key, value, minutes = 10, kind = "store") {
      kinds[kind].set(own(key), { value, expiry: Date.now() + minutes * 60000 });
    },
    getWithTTL(key, fallback = null, kind = "store") {
      const kept = kinds[kind].get(own(key));
      if (!kept) return fallback;
      if (Date.now() <= kept.expiry) return kept.value;
      kinds[kind].remove(own(key));
      return fallback;
    },
  };
  salla.cookie = {
    get: (name) => document.cookie.split("; ").find((row) => row.startsWith(`${name}=`))?.split("=")[1],
    set(name, value = "", days = 10) {
      document.cookie = `${name}=${value}; Max-Age=${days * 86400}; path=/; SameSite=Lax; secure`;
      return salla.cookie;
    },
    remove: (name) => salla.cookie.set(name, "", 0),
  };

  // helpers
  const eastern = "٠١٢٣٤٥٦٧٨٩";
  const number = (value, western = false) => {
    if (western || !salla.config.get("store.settings.arabic_numbers_enabled")) {
      return String(value).replace(/[٠-٩]/g, (digit) => eastern.indexOf(digit)).replace("٫", ".");
    }
    return String(value).replace(/\d/g, (digit) => eastern[digit]).replace(".", "٫");
  };
  salla.helpers = {
    number, isPreview: () => window.self !== window.top,
    getNested(from, path, fallback) {
      const found = dig(from, path);
      return found === undefined ? fallback : found;
    },
  };
  salla.money = (given) => {
    const isObject = typeof given === "object" && given !== null;
    return `${number(isObject ? given.amount : given)} ${salla.config.currency(isObject ? given.currency : undefined).symbol}`;
  };
  const join = (base, path) => (/^https?:\/\//.test(path) ? path : `${base.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`);
  salla.url = {
    get: (path) => join(salla.config.get("store.url"), path),
    api: (path) => join(salla.config.get("store.api"), path),
    is_page: (slug) => slug && salla.config.get("page.slug") === slug,
  };

  // messages: the browser's own until the theme brings its
  let show = (text) => window.alert(text);
  const types = { error: "error", success: "success", info: "info" };
  salla.notify = {
    types,
    fire: (text, kind, data) => show(text, kind, data),
    setNotifier(notifier) { show = notifier; event.emit("twilight::notifier.changed"); },
  };
  for (const kind of Object.keys(types)) salla.notify[kind] = (text, data) => show(text, kind, data);

  // words of the theme
  let words = null;
  let locale = "ar";
  salla.lang = {
    getLocale: () => locale,
    get: (key) => dig(words?.[`${locale}.trans`], key) || key,
    getWithDefault: (key, fallback) => dig(words?.[`${locale}.trans`], key) || fallback,
    onLoaded: (callback) => new Promise((resolve) => {
      const done = () => resolve(callback?.());
      if (words) done(); else event.once("languages::translations.loaded", done);
    }),
  };
  const loadWords = () => {
    const script = document.createElement("script");
    script.src = salla.url.get(`languages/assets/${salla.config.get("theme.translations_hash", salla.config.get("store.id"))}.js`);
    script.onload = () => { words = window.translations; event.emit("languages::translations.loaded"); };
    document.head.append(script);
  };

  // the store API
  const headers = () => {
    const user = properties.user || {};
    const utms = Object.entries(salla.storage.getWithTTL("s-utms") || {}).filter(([, value]) => value);
    return {
      Accept: "application/json", "X-Requested-With": "XMLHttpRequest", "Store-Identifier": properties.store.id,
      currency: user.currency_code || "SAR", "accept-language": locale, "s-user-id": user.id, "s-country": user.country_code,
      ...Object.fromEntries(utms.map(([name, value]) => [name, encodeURIComponent(value)])),
    };
  };
  const request = async (address, payload, method = "get") => {
    const url = new URL(salla.url.api(address));
    for (const [name, value] of Object.entries(payload?.params || {})) if (value?.length !== 0) url.searchParams.set(name, value ?? "");
    const options = { method: method.toUpperCase(), headers: headers() };
    if (payload && method !== "get") {
      options.headers["Content-Type"] = "application/json";
      options.body = JSON.stringify(payload);
    }
    const answer = await fetch(url, options);
    const body = await answer.json();
    if (answer.ok) {
      event.dispatchEvents(body.events || body.data?.events);
      if (body.data?.message) salla.notify.success(body.data.message, body);
      return body;
    }
    if (body.error?.message) salla.notify.error(body.error.message, body);
    const response = { status: answer.status, data: body, config: { data: options.body } };
    throw Object.assign(new Error(`Request failed with status code ${answer.status}`), { name: "AxiosError", response });
  };
  salla.api = {
    request,
    component: { getReviews: ({ per_page = 5, type = "all", items } = {}) => request("reviews", { params: { per_page, type, items: items || [] } }) },
  };
  salla.currency = { list: () => request("currencies") };
  salla.product = { getDetails: (id, parts = []) => request(`products/${id}/details`, { params: { with: parts } }) };

  // the cart
  let known = null;
  const updated = (data, fromLatestFetched) => {
    if (!data?.cart) return;
    const { total, sub_total, discount, tax_amount, total_discount, real_shipping_cost, count } = data.cart;
    salla.storage.set("cart.summary", { total, sub_total, discount, tax_amount, total_discount, real_shipping_cost, count });
    event.emit("cart::updated", { ...data.cart, fromLatestFetched });
  };
  const asked = async (address, payload, method, names, ...more) => {
    let answer;
    try { answer = await request(address, payload, method); } catch (error) {
      event.emit(`cart::${names[1]}`, error, ...more);
      throw error;
    }
    updated(answer.data);
    event.emit(`cart::${names[0]}`, answer, ...more);
    return answer;
  };
  const idOf = (given) => (typeof given === "object" ? given.id : given);
  let tries = 0;
  const cart = {
    async latest() {
      let answer;
      try { answer = await request(salla.url.get("cart/latest")); } catch (error) {
        cart.reset();
        event.emit("cart::latest.failed", error);
        throw error;
      }
      known = answer.data;
      salla.storage.set("cart", known.cart);
      updated(known, true);
      event.emit("cart::latest.fetched", answer);
      return answer;
    },
    async getCurrentCartId(isForced = false, caller = "", isMade = true) {
      const kept = known?.cart.id || salla.storage.get("cart.id");
      if (!isForced && kept) return kept;
      if (!isForced && !isMade && salla.config.isGuest()) return null;
      return (await cart.latest()).data.cart.id;
    },
    async details() {
      const id = await cart.getCurrentCartId(false, "", false);
      if (!id) throw Object.assign(new Error("Cart not created yet"), { name: "CartNotCreated" });
      const answer = await request(`cart/${id}`);
      event.emit("cart::details.fetched", answer);
      return answer;
    },
    status: async () => request(`cart/${await cart.getCurrentCartId()}/status`),
    async addItem(given) {
      const id = idOf(given);
      const current = await cart.getCurrentCartId();
      const payload = typeof given === "object" ? { ...given } : {};
      const address = `cart/${current}/item/${id}/${payload.quantity ? "add" : "quick-add"}`;
      let answer;
      try { answer = await request(address, payload, "post"); } catch (error) {
        if (error.response?.status !== 422 && !tries) {
          tries += 1;
          cart.reset();
          return cart.addItem(given);
        }
        event.emit("cart::item.added.failed", error, id);
        throw error;
      }
      tries = 0;
      updated(answer.data);
      event.emit("cart::item.added", answer, id);
      return answer;
    },
    quickAdd: (id, quantity) => cart.addItem({ id, quantity }),
    async updateItem(given) {
      const address = `cart/${await cart.getCurrentCartId()}/item/${idOf(given)}`;
      return asked(address, { ...given, _method: "PUT" }, "post", ["item.updated", "item.updated.failed"], idOf(given));
    },
    async deleteItem(given) {
      const address = `cart/${await cart.getCurrentCartId()}/item/${idOf(given)}`;
      return asked(address, undefined, "delete", ["item.deleted", "item.deleted.failed"], idOf(given));
    },
    async addCoupon(given) {
      const coupon = given?.coupon ?? given;
      if (!coupon) {
        const error = Object.assign(new Error('There is no "Coupon Code"!'), { name: "EmptyCoupon" });
        event.emit("cart::coupon.addition.failed", error);
        throw error;
      }
      const id = await cart.getCurrentCartId();
      return asked(`cart/${id}/coupon`, { coupon }, "post", ["coupon.added", "coupon.addition.failed"], id);
    },
    async deleteCoupon() {
      const id = await cart.getCurrentCartId();
      return asked(`cart/${id}/coupon`, {}, "put", ["coupon.deleted", "coupon.deletion.failed"], id);
    },
    reset() { known = null; store.remove("cart"); event.emit("cart::success.reset"); },
  };
  salla.cart = cart;

  // tracking: what happened before a tracker came is told to it; what Salla sends to be tracked is renamed first
  const trackers = [];
  const history = [];
  const text = (value) => (value == null ? value : String(value));
  const goods = ({ id, ...rest }) => ({ ...rest, product_id: text(id), cart_id: text(rest.cart_id), cart_item_id: text(rest.cart_item_id) });
  const cartPage = () => (salla.url.is_page("cart") ? text(salla.config.get("page.id")) : undefined);
  const couponed = ({ data }) => ({
    cart_id: cartPage() ?? text(data?.cart?.id), coupon_name: data?.cart?.coupon || "",
    discount: data?.cart?.discount || 0, currency: "",
  });
  const shapes = {
    "Order Completed": ([order]) => order,
    "Product Added": ([item]) => goods(item),
    "Product Removed": ([item]) => goods(item),
    "Product Viewed": ([item]) => goods(item),
    "Cart Viewed": ([{ cart_id, products }]) => ({ cart_id: text(cart_id), products: products.map(goods) }),
    "Coupon Applied": couponed,
    "Coupon Removed": couponed,
    "Coupon Denied": ({ response }) => ({
      cart_id: cartPage() ?? "", coupon_name: response ? JSON.parse(response.config.data).coupon : "",
      reason: response?.data?.error?.message || "Unknown error",
    }),
    "Cart Updated": (now) => cartPage() && !now.fromLatestFetched && {
      cart_id: text(now.id), value: now.total, revenue: now.sub_total, discount: now.total_discount,
      products: now.items.map((item) => ({ product_id: text(item.product_id), price: item.product_price, quantity: item.quantity })),
    },
  };
  const named = {
    "cart::coupon.added": "Coupon Applied", "cart::coupon.deleted": "Coupon Removed",
    "cart::coupon.addition.failed": "Coupon Denied", "cart::updated": "Cart Updated",
  };
  const tell = async (tracker, { action, name, payload }) => {
    try { await (action === "track" ? tracker.track(name, payload) : tracker.page(payload)); } catch { /* its own business */ }
  };
  const happened = (entry) => {
    entry.payload = { ...entry.payload, event_id: crypto.randomUUID() };
    history.push(entry);
    for (const tracker of trackers) tell(tracker, entry);
  };
  salla.analytics = {
    history,
    track(name, payload = {}) { happened({ action: "track", name, payload }); },
    page(payload = {}) { happened({ action: "page", payload: { name: salla.config.get("page.slug"), ...payload } }); },
    registerTracker(tracker) {
      const isWhole = tracker?.name && typeof tracker.track === "function" && typeof tracker.page === "function";
      if (!isWhole || trackers.some((each) => each.name === tracker.name)) return;
      trackers.push(tracker);
      for (const entry of history) tell(tracker, entry);
    },
  };
  event.onAny((name, payload) => {
    if (named[name]) event.emit(named[name], payload);
    else if (shapes[name] && salla.config.get("jitsu.events", []).includes(name)) {
      const properties = shapes[name](payload);
      if (properties) salla.analytics.track(name, properties);
    }
  });

  // campaigns: the last touch is kept for ninety days, without its punctuation
  const networks = { fbclid: "facebook", gad_source: "google", ttclid: "tiktok", twclid: "twitter", scid: "snapchat", sccid: "snapchat" };
  const keepCampaign = () => {
    const found = {};
    for (const [name, value] of new URLSearchParams(location.search)) {
      const plain = name.toLowerCase();
      if (/^utm_(source|medium|campaign|term|content)$/.test(plain) || networks[plain]) {
        found[plain] = value.replace(/[^\p{L}\p{N} -]/gu, " ").replace(/ +/g, " ").trim();
      }
    }
    const click = Object.keys(networks).find((name) => found[name]);
    if (!found.utm_source && click) {
      found.utm_source = networks[click];
      found.utm_campaign ||= `Using the CLICKID ${click} provided by ${networks[click]}`;
      found.utm_term ||= `${click}: ${found[click]}`;
    }
    if (!found.utm_source) return;
    const kept = Object.entries(found).filter(([name]) => !networks[name]).map(([name, value]) => [`s-${name.replace("_", "-")}`, value]);
    salla.storage.setWithTTL("s-utms", { ...Object.fromEntries(kept), "s-utm-referrer": document.referrer }, 129600);
  };

  // start
  salla.status = "loading";
  salla.onInitiated = (callback) => event.once("twilight::initiated", callback);
  salla.onReady = (callback) => new Promise((resolve) => {
    if (salla.status === "ready") resolve(callback ? callback(properties) : properties);
    else salla.onInitiated((given) => resolve(callback ? callback(given) : given));
  });
  salla.init = async (given) => {
    if (salla.status === "ready") return;
    Object.assign(properties, given, { store: { ...properties.store, ...given.store } });
    locale = given.user?.language_code || locale;
    const kept = salla.storage.get("cart");
    const isForeign = kept && (kept.store_id !== given.store.id || kept.user_id !== given.user?.id);
    if (kept?.id && (given.page?.slug === "cart" ? kept.id !== given.page.id : isForeign)) cart.reset();
    event.dispatchEvents(given.events);
    await null;
    keepCampaign();
    loadWords();
    salla.status = "ready";
    event.emit("twilight::initiated", given);
    window.dispatchEvent(new CustomEvent("twilight::initiated", { detail: given }));
    salla.analytics.page({ id: text(salla.config.get("page.id")) });
  };
  window.salla = window.Salla = salla;
  window.dispatchEvent(new CustomEvent("salla::created"));
})();
