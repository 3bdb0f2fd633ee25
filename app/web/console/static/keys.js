// Keys: j and k move between rows (`data-row`), Enter opens one, / searches (`data-search`), ? tells all this.
import { el } from "./dom.js";

const KEYS = [
  ["j", "next row"],
  ["k", "row before"],
  ["Enter", "open the row"],
  ["/", "search"],
  ["[", "page before"],
  ["]", "next page"],
  ["x", "select the row, or not"],
  ["r", "resolve: the crash, or the rows that are selected"],
  ["v", "resolve in a version"],
  ["i", "ignore"],
  ["o", "open again"],
  ["a", "assign"],
  ["c", "comment"],
  ["?", "this help"],
  ["Esc", "close menus and dialogs, leave the search"],
];

function move(by) {
  const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
  if (rows.length === 0) return;
  const now = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[now === -1 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(now + by, 0), rows.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

/** Show the keys. */
export function help() {
  let dialog = document.getElementById("keys");
  if (!dialog) {
    const rows = KEYS.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]);
    dialog = el(
      "dialog",
      { id: "keys", "aria-labelledby": "keys-title" },
      el("h2", { id: "keys-title" }, "Keyboard"),
      el("dl", { class: "facts keys" }, ...rows),
      el("form", { method: "dialog" }, el("button", { class: "button" }, "Close")),
    );
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}

/** Select the row that is focused. */
function select() {
  const box = document.activeElement?.closest("tr")?.querySelector("[data-select]");
  if (box) box.click();
}

/** Do what the page offers under a key (`data-key`): press a button, open a menu, or go to a field. */
function offered(key) {
  const found = document.querySelector(`[data-key="${key}"]`);
  if (found?.form?.id === "bulk" && !document.querySelector("[data-select]:checked")) select();
  if (!found || found.disabled) return false;
  if (found.matches("button, summary")) found.click();
  else found.focus();
  if (found.matches("summary")) found.parentElement.querySelector(".menu-list button")?.focus();
  return true;
}

const ACTIONS = {
  x: select,
  j: () => move(1),
  k: () => move(-1),
  "/": () => document.querySelector("[data-search]")?.focus(),
  "[": () => document.querySelector('.pager a[rel="prev"]')?.click(),
  "]": () => document.querySelector('.pager a[rel="next"]')?.click(),
  "?": help,
};

addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (isTyping) {
    if (event.key === "Escape" && event.target.matches("[data-search]")) event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const action = ACTIONS[event.key];
  if (action) {
    event.preventDefault();
    action();
  } else if (/^[a-z]$/.test(event.key) && offered(event.key)) event.preventDefault();
});
addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) help();
});
