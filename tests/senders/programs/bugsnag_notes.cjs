// A program that knows an address and a key, tells of a session, and has a bug.
const Bugsnag = require("@bugsnag/js").default;

Bugsnag.start({
  apiKey: process.env.KEY,
  appVersion: "1.2",
  endpoints: { notify: `${process.env.ADDRESS}/bugsnag`, sessions: `${process.env.ADDRESS}/bugsnag/sessions` },
});
Bugsnag.startSession();

function openNotebook(notebook) {
  return notebook.title.length;
}

setTimeout(() => openNotebook({}), 0);
