// Uses the client that @hey-api/openapi-ts has generated, and prints as JSON what the service has answered.
import { client } from "./generated/client.gen.js";
import * as api from "./generated/index.js";
import { found, given, read, until } from "./shared.js";

// A server that is relative in the document is relative to where the document is.
const server = new URL(client.getConfig().baseUrl || "/", given.document);
client.setConfig({ baseUrl: server.href.replace(/\/$/, "") });
const app = { app_identifier: given.app };

const login = await api.logIn({ body: { email: given.email, password: given.password } });
client.setConfig({ auth: `Token ${found(login.data).result.auth_token}` });

const apps = found((await api.listApps()).data).result;
const sent = await api.uploadLog({ path: app, query: { log_id: "many" }, body: new Blob([read(given.log)]) });
const log = await until(
  async () => found((await api.showLog({ path: { ...app, log_id: "many" } })).data).result,
  (shown) => shown.status !== "received",
);
const crashes = found((await api.listCrashes({ path: app })).data).result;
const path = { crash_identifier: found(crashes[0]).identifier };
const rows = (
  await until(
    async () => found((await api.occurrences({ path })).data),
    (answer) => answer.loading[0] === false,
  )
).result;
const report = await until(
  async () => found((await api.exportOccurrence({ path, query: found(rows[0]) })).data),
  (answer) => answer.loading[0] === false,
);
const signed = found(found(report.result).url.split("/").pop());
const file = await api.download({ path: { signed }, parseAs: "text" });

const key = found(found((await api.listIngestKeys({ path: app })).data).result[0]);
const event = await api.sendEnvelope({
  path: { project: Number(new URL(found(key.dsn)).pathname.split("/").pop()) },
  body: new Blob([read(given.envelope).replace("$DSN", found(key.dsn))]),
  auth: () => undefined,
});

const hook = found((await api.createWebhook({ path: app, body: { url: given.hook, events: ["crash.new"] } })).data).result;
const one = { path: { ...app, webhook_identifier: hook.identifier } };
const changed = found((await api.changeWebhook({ ...one, body: { active: false } })).data).result;
const deleted = found((await api.deleteWebhook(one)).data);
const left = found((await api.listWebhooks({ path: app })).data).result;

const missing = await api.showCrash({ path: { crash_identifier: "f".repeat(24) } });
const error: api.Error = found(missing.error);

console.log(
  JSON.stringify({
    apps: apps.some((known) => known.identifier === given.app),
    sent: [found(sent.data).result.log_id, found(sent.data).result.status],
    log: log.status,
    crashes: crashes.map((known) => known.occurrences_count),
    rows: new Set(rows.map((row) => row.id)).size,
    report: JSON.parse(String(file.data)).exceptions[0].type,
    event: found(event.data).id,
    hook: [hook.url, hook.active, changed.active, deleted.success],
    hooks_left: left.length,
    missing: [found(missing.response).status, error.status],
  }),
);
