// The public API, asked with the session's cookie.
import { meta } from "./dom.js";

const ROOT = meta("crashq-root");
const CSRF = meta("csrf-token");

/** What the API answered instead of a result: its sentence, `status`, `code` (X-Error-Code). */
export class ApiError extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Ask the API; `path` begins with /api. `json` is sent as such, `body` as it is. Throws ApiError.
 * Resolves to { body, headers }. Answers out of the browser's cache are asked about first, so they are never stale.
 */
export async function call(path, { method = "GET", json, body, headers = {}, signal } = {}) {
  const sent = { ...headers };
  if (method !== "GET") sent["X-CSRF-Token"] = CSRF;
  if (json !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(ROOT + path, {
      method, headers: sent, signal, cache: "no-cache", credentials: "same-origin",
      body: json === undefined ? body : JSON.stringify(json),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The service cannot be reached", 0, "unreachable");
  }
  const content = await answer.json().catch(() => null);
  if (answer.ok && content) return { body: content, headers: answer.headers };
  const code = answer.headers.get("X-Error-Code") ?? "";
  if (answer.status === 401 && code === "unauthorized") signInAgain();
  throw new ApiError(content?.error_message ?? "The service gave no answer that can be read", answer.status, code);
}

/** The path of one of our own URLs, which may name another host, to stay on this one. */
export function localPath(url) {
  const parts = new URL(url, location.href);
  return parts.pathname + parts.search;
}

function signInAgain() {
  location.assign(`${ROOT}/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}
