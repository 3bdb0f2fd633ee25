// Rows that are selected, for the form that changes many: how many, all at once, and kept when figures renew the list.
import { RENEWED } from "./sections.js";

const form = document.getElementById("bulk");
const kept = new Set();

const boxes = () => [...document.querySelectorAll("[data-select]")];

function show() {
  const chosen = boxes().filter((box) => box.checked);
  for (const part of form.querySelectorAll("button, select")) part.disabled = chosen.length === 0;
  form.querySelector("[data-selected]").textContent = chosen.length ? `${chosen.length} selected` : "Select crashes to change them";
  const all = document.querySelector("[data-select-all]");
  if (!all) return;
  all.checked = chosen.length > 0 && chosen.length === boxes().length;
  all.indeterminate = chosen.length > 0 && !all.checked;
}

if (form) {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-select-all]")) {
      for (const box of boxes()) box.checked = target.checked;
    } else if (!target.matches("[data-select]")) return;
    kept.clear();
    for (const box of boxes()) if (box.checked) kept.add(box.value);
    show();
  });
  document.addEventListener(RENEWED, () => {
    for (const box of boxes()) box.checked = kept.has(box.value);
    show();
  });
  for (const box of boxes()) if (box.checked) kept.add(box.value); // as the browser has kept them
  show();
}
