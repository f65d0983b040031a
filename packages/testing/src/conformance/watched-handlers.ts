/** Around the user's handlers: knows which ones run, and lets those die that guard by themselves. */
import { ConfigError, type Definitions, type TccDefinition } from '@tercet/sdk';
import type { CallName, Faults } from './faults';
import { watchedDatabase } from './watched-database';

const phases = ['try', 'confirm', 'cancel'] as const;

type Handler = (request: unknown, ctx: CallName) => unknown;

/** Handlers of one participant. */
export class WatchedHandlers {
  private readonly running = new Map<string, number>();

  constructor(
    private readonly faults: Faults,
    /** Whether the handlers guard by themselves: their work is done for good when they return. */
    private readonly guardThemselves: boolean,
  ) {}

  /** The handlers that have not returned: `confirm of reserve`. */
  get underWay(): readonly string[] {
    return [...this.running].filter(([, count]) => count > 0).map(([name]) => name);
  }

  /** A database whose uses count for the call under way. */
  watch<Db>(db: Db): Db {
    return watchedDatabase(db, () => this.faults.current?.use());
  }

  /** The same handlers, watched. What else an action's handlers say stays. */
  around(given: unknown, definitions: Definitions): Readonly<Record<string, unknown>> {
    if (!isRecord(given)) {
      throw new ConfigError('checkParticipant: handlers must be an object, as addTcc takes it', {
        option: 'handlers',
      });
    }
    const all = (
      Array.isArray(definitions) ? definitions : [definitions]
    ) as readonly TccDefinition[];
    const names = all.flatMap((one) => Object.keys(one.actions));
    const watched: Record<string, unknown> = Object.create(given) as Record<string, unknown>;
    for (const name of names) watched[name] = this.action(name, given[name]);
    return watched;
  }

  private action(name: string, given: unknown): unknown {
    // What is missing is addTcc's to say.
    if (!isRecord(given)) return given;
    const watched: Record<string, unknown> = Object.create(given) as Record<string, unknown>;
    for (const phase of phases) {
      const handler: unknown = given[phase];
      if (typeof handler === 'function') {
        const bound = (handler as Handler).bind(given);
        watched[phase] = (request: unknown, ctx: CallName) =>
          this.handle(`${phase} of ${name}`, () => bound(request, ctx), ctx);
      }
    }
    return watched;
  }

  private async handle(name: string, work: () => unknown, ctx: CallName): Promise<unknown> {
    this.running.set(name, (this.running.get(name) ?? 0) + 1);
    try {
      const reply = await work();
      if (this.guardThemselves) this.faults.of(ctx)?.handlerReturned(true);
      return reply;
    } finally {
      this.running.set(name, (this.running.get(name) ?? 1) - 1);
    }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
