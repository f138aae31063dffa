// The stage's buttons, tabs, clock and feed of webhooks.
(() => {
  const post = (name, fields) => fetch(`/console/api/${name}`, {
    method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(fields),
  });
  const clock = document.getElementById("clock");
  let ahead = Number(clock.dataset.now) - Date.now() / 1000;
  const tick = () => {
    clock.textContent = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Riyadh" })
      .format(new Date((Date.now() / 1000 + ahead) * 1000));
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.src) {
      const phone = button.closest(".phone");
      for (const tab of phone.querySelectorAll("[role=tab]")) tab.setAttribute("aria-selected", String(tab === button));
      phone.querySelector("iframe").src = button.dataset.src;
    }
    if (button.dataset.action) {
      button.disabled = true;
      await post(button.dataset.action, JSON.parse(button.dataset.fields));
      button.disabled = false;
      if (button.dataset.reload) location.reload();
      look();
    }
  });
  const feed = document.getElementById("feed");
  const look = async () => {
    if (document.hidden) return;
    try {
      ahead = (await (await fetch("/_clock")).json()).now - Date.now() / 1000;
      const { deliveries } = await (await fetch("/_webhooks?body=0&last=30")).json();
      feed.replaceChildren();
      for (const row of deliveries) {
        const line = document.createElement("li");
        const name = document.createElement("span");
        const state = document.createElement("span");
        name.textContent = row.event;
        state.textContent = row.state;
        line.append(name, state);
        feed.prepend(line);
      }
      for (const badge of document.querySelectorAll("[data-count-of]")) {
        const { messages } = await (await fetch(`/_messages?to=${encodeURIComponent(badge.dataset.countOf)}`)).json();
        badge.hidden = messages.length === 0;
        badge.textContent = messages.length;
      }
    } catch {
      // the sandbox is restarting; the next look will tell
    }
    tick();
  };
  setInterval(look, 3000);
  look();
})();
