// Puts the page's main part in place anew when something has changed. Without it the page is read and loaded by hand.
"use strict";
(() => {
  const main = document.querySelector("main[data-live]");
  if (!main || !window.EventSource) return;
  let shown = main.innerHTML;
  let busy = false;
  let again = false;
  const writing = () => {
    const at = document.activeElement;
    return at && main.contains(at) && at.matches("input, textarea") && at.value !== "";
  };
  async function load() {
    if (busy) { again = true; return; }
    if (writing()) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "Accept": "text/html" }, cache: "no-store" });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
        if (fresh && fresh.innerHTML !== shown && !writing()) {
          const open = [...main.querySelectorAll("details")].map((one) => one.open);
          const focused = [...main.querySelectorAll("a, button, [tabindex], summary")].indexOf(document.activeElement);
          shown = fresh.innerHTML;
          main.innerHTML = shown;
          main.querySelectorAll("details").forEach((one, index) => { one.open = Boolean(open[index]); });
          if (focused >= 0) main.querySelectorAll("a, button, [tabindex], summary")[focused]?.focus({ preventScroll: true });
        }
      }
    } catch { /* the stream says when the service is back */ }
    busy = false;
    if (again) { again = false; load(); }
  }
  new EventSource("/live").onmessage = load;
  setInterval(load, 15000);
})();
