// The demo theme: buttons, quantities, the coupon field and messages. What is tracked is Salla's business, not a theme's.
(() => {
  const { salla } = window;
  const count = document.getElementById("cart-count");
  const failed = () => {}; // the SDK has told the shopper already
  salla.notify.setNotifier((text, kind) => {
    const box = document.createElement("div");
    box.className = `toast ${kind}`;
    box.setAttribute("role", "status");
    box.textContent = text;
    document.body.append(box);
    setTimeout(() => box.remove(), 3200);
  });
  salla.event.on("cart::updated", (cart) => {
    count.textContent = cart.count;
    count.hidden = !cart.count;
  });
  const add = async (button, id, quantity) => {
    button.disabled = true;
    await salla.cart.addItem({ id, quantity }).catch(failed);
    button.disabled = false;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-add]");
    if (button) add(button, Number(button.dataset.add), 1);
    const remove = event.target.closest("[data-remove]");
    if (remove) salla.cart.deleteItem(Number(remove.dataset.remove)).then(() => location.reload(), failed);
  });
  for (const form of document.querySelectorAll("[data-add-form]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      add(form.querySelector("button"), Number(form.dataset.addForm), Number(form.quantity.value));
    });
  }
  for (const field of document.querySelectorAll("[data-line]")) {
    field.addEventListener("change", () => {
      salla.cart.updateItem({ id: Number(field.dataset.line), quantity: Number(field.value) }).then(() => location.reload(), failed);
    });
  }
  const coupon = document.getElementById("coupon");
  coupon?.addEventListener("submit", (event) => {
    event.preventDefault();
    salla.cart.addCoupon(coupon.code.value.trim()).catch(failed);
  });
  document.getElementById("coupon-remove")?.addEventListener("click", () => {
    salla.cart.deleteCoupon().then(() => location.reload(), failed);
  });
  salla.event.on("cart::coupon.added", () => { if (coupon) location.reload(); });
  salla.event.on("cart::coupon.addition.failed", (error) => {
    const note = document.getElementById("coupon-note");
    if (!note) return;
    note.className = "note bad";
    note.textContent = error.response?.data?.error?.message || "";
  });
  // Who leaves takes nothing along: the SDK keeps whom it knew.
  document.querySelector("form[action$='/logout']")?.addEventListener("submit", () => salla.storage.clearAll());
  salla.onReady(() => { if (salla.url.is_page("thank-you")) salla.cart.reset(); });
})();
