/** What the run's first process tells its test files: where to ask for servers, and which ones cannot be had. */
import { type ServerKind, serverKinds } from './server-kind';
import { whyMissing } from './servers';

/** Handed on in an environment variable: which tests are skipped must be known before anything is awaited. */
export interface RunPlan {
  /** Where the broker listens. */
  readonly socket: string;
  /** By kind: why there is none. Kinds that can be had are left out. */
  readonly missing: Readonly<Partial<Record<ServerKind, readonly string[]>>>;
}

const variable = 'TERCET_TEST_SERVERS_PLAN';

/** Finds out what can be had on this machine. */
export async function makePlan(socket: string): Promise<RunPlan> {
  const found = await Promise.all(
    serverKinds.map(async (kind) => [kind, await whyMissing(kind)] as const),
  );
  return { socket, missing: Object.fromEntries(found.filter(([, why]) => why.length > 0)) };
}

/** For every process that is started from now on. */
export function publishPlan(plan: RunPlan): void {
  process.env[variable] = JSON.stringify(plan);
}

/** The plan of this run. Throws an Error where the tests were started without jest's configuration. */
export function readPlan(): RunPlan {
  const text = process.env[variable];
  if (text === undefined) {
    throw new Error('no plan of test servers: run jest from the root, with jest.config.js');
  }
  return JSON.parse(text) as RunPlan;
}
