// Niceties. Every page works without this file: it adds keys, live rows, passkeys, and fills in a code that a link brought.
"use strict";

const formToken = document.querySelector('meta[name="form-token"]')?.content ?? "";
const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-form-token": formToken, accept: "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(answer.status === 429 ? "Too many tries. Wait a little." : "That did not work. Try again, or another way.");
  return answer.json();
}

// Passkeys: shown where the browser has them.
for (const box of all("[data-passkey]")) {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) continue;
  box.hidden = false;
  find("button", box).addEventListener("click", async () => {
    const told = find("[data-told]", box);
    told.textContent = "";
    try {
      let done;
      if (box.dataset.passkey === "add") {
        const options = await post("/account/passkey/ask");
        const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey ?? options);
        const credential = await navigator.credentials.create({ publicKey });
        done = await post("/account/passkey", { credential: credential.toJSON(), name: find('[name="name"]', box).value });
      } else {
        const options = await post("/sign-in/passkey/ask");
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey ?? options);
        const credential = await navigator.credentials.get({ publicKey });
        done = await post("/sign-in/passkey", { credential: credential.toJSON(), to: box.dataset.to });
      }
      location.assign(done.to);
    } catch (error) {
      told.textContent = error.name === "NotAllowedError" ? "Nothing was chosen." : error.message;
    }
  });
}

// A code in the fragment of a link: the fragment never leaves the browser, and is taken out of the address at once.
const codeBox = find("[data-code]");
const brought = /^#code=([0-9A-Za-z-]+)$/.exec(location.hash);
if (codeBox && brought) {
  history.replaceState(null, "", location.pathname + location.search);
  find('[name="code"]', codeBox).value = brought[1];
  find("form", codeBox).requestSubmit();
}

// Keys. Never while something is typed.
const places = new Map(all("[data-go]").map((link) => [link.dataset.go, link.href]));
let waitsForPlace = false;
const rows = () => all("tbody tr[data-row]");
function step(by) {
  const list = rows();
  if (!list.length) return;
  const here = list.findIndex((row) => row.hasAttribute("data-here"));
  const next = Math.min(Math.max(here + by, 0), list.length - 1);
  list.forEach((row) => row.removeAttribute("data-here"));
  list[next].setAttribute("data-here", "");
  list[next].scrollIntoView({ block: "nearest" });
  find("a", list[next])?.focus({ preventScroll: true });
}
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key === "Escape" && typing) return event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (waitsForPlace) {
    waitsForPlace = false;
    const place = places.get(event.key);
    if (place) { event.preventDefault(); location.assign(place); }
    return;
  }
  switch (event.key) {
    case "g": waitsForPlace = true; setTimeout(() => { waitsForPlace = false; }, 1500); break;
    case "/": event.preventDefault(); (find("[data-find]") ?? find("#seek"))?.focus(); break;
    case "j": step(1); break;
    case "k": step(-1); break;
    case "?": event.preventDefault(); help(); break;
    default: {
      const target = find(`[data-key="${CSS.escape(event.key)}"]`);
      if (!target) break;
      event.preventDefault();
      // With nothing chosen, a key decides about the row that j and k are on.
      const here = find("tr[data-here] input[type=checkbox]");
      if (here && here.form && here.form === target.form && !find("tbody input[type=checkbox]:checked", here.form)) here.checked = true;
      target.click();
    }
  }
});

function help() {
  let dialog = find("dialog#keys");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "keys";
    dialog.setAttribute("aria-labelledby", "keys-title");
    const title = document.createElement("h2");
    title.id = "keys-title";
    title.textContent = "Keys";
    const list = document.createElement("dl");
    const line = (keys, words) => {
      const term = document.createElement("dt");
      for (const key of keys) { const kbd = document.createElement("kbd"); kbd.textContent = key; term.append(kbd, " "); }
      const told = document.createElement("dd");
      told.textContent = words;
      list.append(term, told);
    };
    line(["/"], "search");
    line(["j", "k"], "next and previous row");
    line(["n", "p"], "older and newer page");
    for (const link of all(".wide [data-go]")) line(["g", link.dataset.go], link.textContent);
    for (const target of all("[data-key][data-says]")) line([target.dataset.key], target.dataset.says);
    const close = document.createElement("button");
    close.className = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.append(title, list, close);
    document.body.append(dialog);
  }
  dialog.showModal();
}

// One menu is open at a time, and closes with Escape or a click beside it.
document.addEventListener("click", (event) => {
  for (const menu of all("details.own[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of all("details.own[open]")) { menu.open = false; find("summary", menu).focus(); }
});

// Copy buttons.
for (const button of all("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(find(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}

// Selecting all rows of a form at once.
for (const box of all("[data-all]")) {
  box.hidden = false;
  const input = find("input", box) ?? box;
  input.addEventListener("change", () => {
    for (const other of all(`input[name="${CSS.escape(input.dataset.of)}"]`)) other.checked = input.checked;
  });
}

// Live rows: rendered by the node, put in at the top.
const live = find("[data-live]");
if (live && window.EventSource) {
  live.hidden = false;
  const body = find("tbody#feed");
  const told = find("[data-told]", live);
  const kept = 200;
  let source = null;
  const start = () => {
    source = new EventSource(live.dataset.live);
    source.addEventListener("open", () => { live.setAttribute("data-on", ""); told.textContent = "Live"; });
    source.addEventListener("rows", (event) => {
      const template = document.createElement("template");
      template.innerHTML = event.data;
      const fresh = [...template.content.children];
      fresh.forEach((row) => row.classList.add("fresh"));
      body.prepend(...fresh);
      all("tr", body).slice(kept).forEach((row) => row.remove());
      setTimeout(() => fresh.forEach((row) => row.classList.remove("fresh")), 2500);
    });
    source.addEventListener("error", () => { live.removeAttribute("data-on"); told.textContent = "Connecting…"; });
    source.addEventListener("over", () => { source.close(); live.removeAttribute("data-on"); told.textContent = "Ended; load the page anew"; });
  };
  const button = find("button", live);
  button.addEventListener("click", () => {
    if (source) { source.close(); source = null; live.removeAttribute("data-on"); told.textContent = "Paused"; button.textContent = "Resume"; }
    else { start(); button.textContent = "Pause"; }
  });
  start();
}
