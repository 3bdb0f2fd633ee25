// Follows a job: the same question again, as often as the server says, until `loading` is [false].
import { ApiError, call } from "./api.js";

const HELD = 2; // seconds that the server may hold a poll, so that the end of a short job is seen at once
const AWAY = [1, 2, 5, 10, 20]; // seconds between tries while the service cannot be reached

/**
 * Ask until there is a result, and resolve to { result, jobId }. Throws ApiError, or AbortError when `signal` says so.
 * `onState` gets { jobId, loading, result, done, total, unit, trouble } with every answer, partial results too.
 */
export async function ask(path, { json, signal, onState = () => {} } = {}) {
  let state = { jobId: null, loading: true, result: null, done: 0, total: 0, unit: "", trouble: null };
  let tries = 0;
  for (let first = true; ; first = false) {
    const began = performance.now();
    let answer;
    try {
      answer = await call(path, {
        method: json === undefined ? "GET" : "POST", json, signal,
        headers: first ? {} : { Prefer: `wait=${HELD}` },
      });
      tries = 0;
    } catch (error) {
      if (!(error instanceof ApiError) || ![0, 429, 503].includes(error.status) || tries >= AWAY.length) throw error;
      state = { ...state, trouble: error.message };
      onState(state);
      await pause(AWAY[tries++], signal);
      continue;
    }
    const { body, headers } = answer;
    state = { ...progressOf(headers, state), jobId: body.job_id, loading: body.loading[0], result: body.result, trouble: null };
    onState(state);
    if (!state.loading) return { result: state.result, jobId: state.jobId };
    const waited = (performance.now() - began) / 1000;
    if (!first) await pause(Number(headers.get("Retry-After") ?? 1) - waited, signal);
  }
}

/** Cancel a job, or free the files of a finished one. */
export async function cancel(jobId) {
  return (await call(`/api/jobs/${jobId}`, { method: "DELETE" })).body.result;
}

function progressOf(headers, before) {
  const match = /^(\d+)\/(\d+) (.+)$/.exec(headers.get("X-Progress") ?? "");
  return match ? { ...before, done: Number(match[1]), total: Number(match[2]), unit: match[3] } : { ...before, done: before.total };
}

function pause(seconds, signal) {
  return new Promise((wake, refuse) => {
    if (signal?.aborted) return refuse(signal.reason);
    const timer = setTimeout(wake, Math.max(seconds, 0) * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      refuse(signal.reason);
    }, { once: true });
  });
}
