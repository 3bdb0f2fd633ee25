// Symbols go to the API file by file, with the version and build of the form; then the page shows them.
import { call } from "./api.js";
import { acceptFiles, badge, pause, send } from "./upload.js";

const MOODS = { received: "accent", ready: "good", rejected: "bad" };
const form = document.querySelector("form[data-symbols]");

acceptFiles(form, async (file, row) => {
  const query = new URLSearchParams({ name: file.name });
  for (const name of ["version", "build"]) {
    const value = form.elements[name].value.trim();
    if (value) query.set(name, value);
  }
  let made = await send(`${form.dataset.symbols}?${query}`, file, row.progress);
  row.show(badge(made.state, MOODS[made.state]));
  for (let look = 0; made.state === "received" && look < 20; look += 1) {
    await pause(1);
    made = (await call(`${form.dataset.symbols}/${made.identifier}`)).body.result;
  }
  row.show(badge(made.state, MOODS[made.state]));
  if (made.reason) row.note(made.reason, "field-problem");
});
