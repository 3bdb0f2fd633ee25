// Uses the types that openapi-typescript has generated, and prints as JSON what the service has answered.
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/schema.js";
import { found, given, read, until } from "./shared.js";

const api = createClient<paths>({ baseUrl: given.base });
const app = { app_identifier: given.app };

const login = await api.POST("/api/login", { body: { email: given.email, password: given.password } });
const Authorization = `Token ${found(login.data).result.auth_token}`;
api.use({ onRequest: ({ request }) => request.headers.set("Authorization", Authorization) });

const apps = found((await api.GET("/api/apps")).data).result;
const sent = await api.POST("/api/apps/{app_identifier}/logs", {
  params: { path: app, query: { log_id: "many" } },
  headers: { "Content-Type": "application/octet-stream" },
  body: read(given.log),
  bodySerializer: (body) => body,
});
const log = await until(
  async () => {
    const path = { ...app, log_id: "many" };
    return found((await api.GET("/api/apps/{app_identifier}/logs/{log_id}", { params: { path } })).data).result;
  },
  (shown) => shown.status !== "received",
);
const crashes = found((await api.GET("/api/apps/{app_identifier}/crashes", { params: { path: app } })).data).result;
const crash_identifier = found(crashes[0]).identifier;
const path = { crash_identifier };
const rows = (
  await until(
    async () => found((await api.GET("/api/crashes/{crash_identifier}/occurrences", { params: { path } })).data),
    (answer) => answer.loading[0] === false,
  )
).result;
const query = found(rows[0]);
const report = await until(
  async () =>
    found((await api.GET("/api/crashes/{crash_identifier}/export_occurrences", { params: { path, query } })).data),
  (answer) => answer.loading[0] === false,
);
const signed = found(found(report.result).url.split("/").pop());
const file = await api.GET("/api/downloads/{signed}", { params: { path: { signed } }, parseAs: "text" });

const key = found(found((await api.GET("/api/apps/{app_identifier}/keys", { params: { path: app } })).data).result[0]);
const event = await api.POST("/api/{project}/envelope/", {
  params: { path: { project: Number(new URL(found(key.dsn)).pathname.split("/").pop()) } },
  body: read(given.envelope).replace("$DSN", found(key.dsn)),
  bodySerializer: (body) => body,
  headers: { "Content-Type": "application/x-sentry-envelope" },
});

const hooks = "/api/apps/{app_identifier}/webhooks";
const wanted = { url: given.hook, events: ["crash.new" as const], active: true };
const hook = found((await api.POST(hooks, { params: { path: app }, body: wanted })).data).result;
const one = { params: { path: { ...app, webhook_identifier: hook.identifier } } };
const changed = found((await api.PATCH(`${hooks}/{webhook_identifier}`, { ...one, body: { active: false } })).data);
const deleted = found((await api.DELETE(`${hooks}/{webhook_identifier}`, one)).data);
const left = found((await api.GET(hooks, { params: { path: app } })).data).result;

const missing = await api.GET("/api/crashes/{crash_identifier}", {
  params: { path: { crash_identifier: "f".repeat(24) } },
});
const error: components["schemas"]["Error"] = found(missing.error);

console.log(
  JSON.stringify({
    apps: apps.some((known) => known.identifier === given.app),
    sent: [found(sent.data).result.log_id, found(sent.data).result.status],
    log: log.status,
    crashes: crashes.map((known) => known.occurrences_count),
    rows: new Set(rows.map((row) => row.id)).size,
    report: JSON.parse(String(file.data)).exceptions[0].type,
    event: found(event.data).id,
    hook: [hook.url, hook.active, changed.result.active, deleted.success],
    hooks_left: left.length,
    missing: [missing.response.status, error.status],
  }),
);
