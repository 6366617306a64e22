// Pages work without this: it adds live rows, copying, and the browser's own time.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  const zone = (document.body.dataset.offset || "") | 0;
  const local = (where) => {
    for (const t of where.querySelectorAll("time[datetime]")) {
      const at = new Date(t.dateTime);
      if (t.dataset.done || isNaN(at) || -at.getTimezoneOffset() === zone) continue;
      t.dataset.done = "1";
      t.append(" (here " + at.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"}) + ")");
    }
  };
  local(document);

  for (const b of document.querySelectorAll("[data-copy]")) {
    b.addEventListener("click", async () => {
      const said = b.textContent;
      try {
        await navigator.clipboard.writeText(document.getElementById(b.dataset.copy).textContent);
        b.textContent = "Copied";
      } catch {
        b.textContent = "Select the text below";
      }
      setTimeout(() => { b.textContent = said; }, 2000);
    });
  }

  for (const form of document.querySelectorAll("[data-needs-ca]")) {
    const save = form.querySelector("[data-save]"), why = form.querySelector("#why");
    const check = () => {
      const has = [...form.querySelectorAll("[name=ca]:checked,[name=ca_file]")].some((e) => !e.files || e.files.length);
      save.disabled = form.elements.method.value === "passwordless" && !has;
      why.hidden = !save.disabled;
    };
    form.addEventListener("change", check);
    check();
  }

  const list = document.querySelector("[data-stream]");
  if (!list || !window.EventSource) return;
  const button = document.getElementById("pause"), state = document.getElementById("live");
  let source, last = list.dataset.after, paused = false;
  const say = (text) => { if (state && state.textContent !== text) state.textContent = text; };
  const close = () => { if (source) source.close(); source = null; };
  const open = () => {
    close();
    const sep = list.dataset.stream.includes("?") ? "&" : "?";
    source = new EventSource(list.dataset.stream + sep + "after=" + last);
    source.onopen = () => say("Live");
    source.onerror = () => say("Not live: trying again; reload the page if this stays");
    source.addEventListener("row", (e) => {
      last = e.lastEventId;
      list.insertAdjacentHTML("afterbegin", e.data);
      while (list.children.length > 200) list.lastElementChild.remove();
      local(list.firstElementChild);
      const none = document.getElementById("none");
      if (none) none.remove();
    });
  };
  const change = () => {
    if (paused || document.hidden) { close(); say("Paused"); } else open();
    button.textContent = paused ? "Go on" : "Pause";
  };
  button.addEventListener("click", () => { paused = !paused; change(); });
  document.addEventListener("visibilitychange", change);
  change();
})();
