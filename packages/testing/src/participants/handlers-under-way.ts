/** Handlers of served participants that have not returned. */
import type { InterceptedCall, ParticipantInterceptor } from '@tercet/sdk';

/** A participant's innermost guard: sees every handler start and end. */
export class HandlersUnderWay implements ParticipantInterceptor {
  private readonly running = new Set<InterceptedCall>();

  async handle(call: InterceptedCall, next: () => Promise<unknown>): Promise<unknown> {
    this.running.add(call);
    try {
      return await next();
    } finally {
      this.running.delete(call);
    }
  }

  /** How many run. */
  get size(): number {
    return this.running.size;
  }

  /** What they are, for people. */
  get names(): readonly string[] {
    return [...this.running].map(
      ({ ctx, service }) =>
        `${ctx.phase} of ${service} ${ctx.action}, branch ${ctx.branchId} of ${ctx.gid}, attempt ${ctx.attempt}`,
    );
  }
}
