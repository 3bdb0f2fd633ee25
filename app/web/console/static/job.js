// Follows a job: by the server's events where they come through, else by the same request again, as often as it says.
import { ApiError, call } from "./api.js";
import { meta } from "./dom.js";

const HELD = 2; // seconds that the server may hold a poll, so that the end of a short job is seen at once
const SAFETY = 30; // seconds after which the request is repeated although the events tell nothing new
const AWAY = [1, 2, 5, 10, 20]; // seconds between tries while the service cannot be reached
const ENDS = ["finished", "failed", "cancelled", "expired"];

/**
 * Ask until there is a result, and resolve to { result, jobId }. Throws ApiError, or AbortError when `signal` says so.
 * `onState` gets { jobId, loading, result, done, total, unit, problem } with all that becomes known; with `isPartial` the
 * request is repeated as often as the server allows, for results that grow.
 */
export async function ask(path, { json, signal, isPartial = false, onState = () => {} } = {}) {
  let state = { jobId: null, loading: true, result: null, done: 0, total: 0, unit: "", problem: null };
  const tell = (news) => onState((state = { ...state, ...news }));
  let events = null;
  let tries = 0;
  try {
    for (let polls = 1; ; polls += 1) {
      const began = performance.now();
      let answer;
      try {
        const hold = polls === 1 || events ? {} : { Prefer: `wait=${HELD}` };
        answer = await call(path, { method: json === undefined ? "GET" : "POST", json, signal, headers: hold });
        tries = 0;
      } catch (error) {
        if (!(error instanceof ApiError) || ![0, 429, 503].includes(error.status) || tries >= AWAY.length) throw error;
        tell({ problem: error.message });
        await pause(AWAY[tries++], signal);
        continue;
      }
      const { body, headers } = answer;
      tell({ ...progressOf(headers), jobId: body.job_id, loading: body.loading[0], result: body.result, problem: null });
      if (!state.loading) return { result: state.result, jobId: state.jobId };
      const after = Number(headers.get("Retry-After") ?? 1);
      if (polls === 1) continue; // most jobs end while the second request is held, and need no stream
      if (polls === 2) events = new Events(state.jobId, tell);
      if (events) {
        const isHeard = await Promise.race([events.over, pause(isPartial ? after : SAFETY, signal).then(() => true)]);
        if (!isHeard) {
          events.close();
          events = null;
        }
      } else await pause(after - (performance.now() - began) / 1000, signal);
    }
  } finally {
    events?.close();
  }
}

/**
 * Follow a job by its id, without its result, and resolve to its description as of `GET /api/jobs/:id` when it has ended.
 * `onState` gets what `ask` gives it.
 */
export async function watch(jobId, { signal, onState = () => {} } = {}) {
  let events = new Events(jobId, (news) => onState({ jobId, loading: true, ...news }));
  try {
    for (;;) {
      const job = (await call(`/api/jobs/${jobId}`, { signal })).body.result;
      if (ENDS.includes(job.state)) return job;
      onState({ jobId, loading: true, ...job.progress, problem: null });
      if (events && !(await Promise.race([events.over, pause(SAFETY, signal).then(() => true)]))) {
        events.close();
        events = null;
      }
      if (!events) await pause(HELD, signal);
    }
  } finally {
    events?.close();
  }
}

/** Cancel a job, or free the files of a finished one. */
export async function cancel(jobId) {
  return (await call(`/api/jobs/${jobId}`, { method: "DELETE" })).body.result;
}

/** The stream of a job's events. `over` becomes true with the job's end, false when there is no stream to be had. */
class Events {
  constructor(jobId, tell) {
    this.source = new EventSource(`${meta("crashq-root")}/api/jobs/${jobId}/events`);
    this.over = new Promise((resolve) => {
      this.source.addEventListener("progress", ({ data }) => tell({ ...JSON.parse(data).progress, problem: null }));
      for (const end of ENDS) this.source.addEventListener(end, () => resolve(true));
      this.source.addEventListener("error", () => this.source.readyState === EventSource.CLOSED && resolve(false));
    });
  }

  close() {
    this.source.close();
  }
}

function progressOf(headers) {
  const match = /^(\d+)\/(\d+) (.+)$/.exec(headers.get("X-Progress") ?? "");
  return match ? { done: Number(match[1]), total: Number(match[2]), unit: match[3] } : {};
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
