// A program that knows a DSN and has a bug.
const Sentry = require("@sentry/node");

Sentry.init({ dsn: process.env.DSN });

function openNotebook(notebook) {
  return notebook.title.length;
}

setTimeout(() => openNotebook({}), 0);
