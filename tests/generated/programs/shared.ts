// What both programs need: their argument, files, and waiting for a worker.
declare const process: {
  argv: string[];
  getBuiltinModule(name: "fs"): { readFileSync(path: string, encoding: "utf8"): string };
};

const GRACE = 60_000; // ms for a worker

interface Given {
  document: string;
  base: string;
  app: string;
  email: string;
  password: string;
  log: string;
  envelope: string;
  hook: string;
}

export const given: Given = JSON.parse(process.argv[2] ?? "");

export function read(path: string): string {
  return process.getBuiltinModule("fs").readFileSync(path, "utf8");
}

/** Returns what a successful answer has, and fails without it. */
export function found<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error("the service has not answered as expected");
  return value;
}

/** Asks again until the answer is whole. */
export async function until<T>(ask: () => Promise<T>, isWhole: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + GRACE;
  for (;;) {
    const answer = await ask();
    if (isWhole(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`waited for a worker: ${JSON.stringify(answer)}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}
