// Shows new messages without a reload by hand: asks now and then, only while the page is seen.
(() => {
  const inbox = document.getElementById("inbox");
  inbox.scrollTop = inbox.scrollHeight;
  const look = async () => {
    if (document.hidden) return;
    try {
      const text = await (await fetch(location.href)).text();
      const fresh = new DOMParser().parseFromString(text, "text/html");
      document.getElementById("time").textContent = fresh.getElementById("time").textContent;
      const now = fresh.getElementById("inbox");
      if (now.dataset.count === inbox.dataset.count) return;
      inbox.replaceChildren(...now.children);
      inbox.dataset.count = now.dataset.count;
      inbox.scrollTop = inbox.scrollHeight;
    } catch {
      // the sandbox is restarting; the next look will tell
    }
  };
  setInterval(look, 2000);
})();
