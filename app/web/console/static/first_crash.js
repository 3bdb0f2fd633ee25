// The first crash of an app: whether a log has arrived, as the API tells it; the part of the page anew whenever one has.
import { call } from "./api.js";
import { renew } from "./sections.js";
import { pause } from "./upload.js";

const PAUSES = [1, 1, 2, 2, 3]; // seconds between looks; the last goes on
const AWAY = 10; // seconds, while the service cannot be reached

const part = () => document.getElementById("arrival");

watch();

async function watch() {
  for (let look = 0; part() && !("arrived" in part().dataset); look += 1) {
    await pause(PAUSES[Math.min(look, PAUSES.length - 1)]);
    if (document.hidden) continue;
    try {
      const [log] = (await call(`${part().dataset.logs}?per_page=1`)).body.result;
      if ((log ? `${log.log_id} ${log.status}` : "") !== part().dataset.seen) await renew("arrival");
    } catch (error) {
      if (![0, 429, 503].includes(error.status)) return;
      await pause(AWAY);
    }
  }
}
