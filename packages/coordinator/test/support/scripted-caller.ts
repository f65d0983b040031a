import { type BranchId, type CallReply, grpcCode } from '@tercet/core';
import type { ConnectionState } from '@tercet/runtime';
import type { ParticipantCall, ParticipantCaller } from '../../src/participant/participant-caller';
import { ScriptedConnections } from './scripted-connections';

/** OK, as a participant answers it. */
export const ok: CallReply = {
  code: grpcCode.OK,
  message: '',
  verdict: undefined,
  retryAfterMs: undefined,
  peer: '127.0.0.1:1',
};

/** A failed answer; `verdict` and `retryAfterMs` as trailers would bring them. */
export function failed(
  code: keyof typeof grpcCode,
  message = 'boom',
  trailers: Partial<Pick<CallReply, 'verdict' | 'retryAfterMs'>> = {},
): CallReply {
  return { ...ok, code: grpcCode[code], message, ...trailers };
}

interface Held {
  readonly call: ParticipantCall;
  readonly reply: (reply: CallReply) => void;
}

/**
 * A participant caller that plays what a test says. A branch without a script answers OK; `hold` keeps calls open
 * until the test answers them; aborted calls end with CANCELLED as gRPC's do. Connections are as the test sets them,
 * `unknown` where it does not.
 */
export class ScriptedCaller implements ParticipantCaller {
  /** Every call that left, in order. */
  readonly calls: ParticipantCall[] = [];
  /** Calls that wait for the test's answer. */
  readonly held: Held[] = [];
  closed = false;
  private readonly connections = new ScriptedConnections();
  private readonly scripts = new Map<string, (CallReply | 'hold')[]>();
  private readonly constant = new Map<string, CallReply | 'hold'>();

  /** The next answers of a branch, one per call. */
  script(branch: string, ...replies: (CallReply | 'hold')[]): void {
    this.scripts.set(branch, [...(this.scripts.get(branch) ?? []), ...replies]);
  }

  /** Every further answer of a branch that has no script. */
  always(branch: string, reply: CallReply | 'hold'): void {
    this.constant.set(branch, reply);
  }

  /** `confirm 1`, `cancel 2`, … of all calls so far. */
  get story(): string[] {
    return this.calls.map(({ context }) => `${context.phase} ${context.branchId}`);
  }

  call(call: ParticipantCall): Promise<CallReply> {
    this.calls.push(call);
    const reply = this.next(call.context.branchId);
    if (reply !== 'hold') return Promise.resolve(reply);
    return new Promise((resolve) => {
      this.held.push({ call, reply: resolve });
      call.signal.addEventListener('abort', () => resolve(failed('CANCELLED', 'given up')), {
        once: true,
      });
    });
  }

  /** From now on this is what is known of the connection to `target`; nobody is told. */
  setConnection(target: string, state: ConnectionState): void {
    this.connections.set(target, state);
  }

  /** The connection to `target` becomes ready: tells everybody who waits for that. */
  ready(target: string): void {
    this.connections.ready(target);
  }

  /** How many wait for the connection to `target`. */
  watchers(target: string): number {
    return this.connections.watchers(target);
  }

  connection(target: string): ConnectionState {
    return this.connections.connection(target);
  }

  whenReady(target: string, listener: () => void): () => void {
    return this.connections.whenReady(target, listener);
  }

  close(): void {
    this.closed = true;
    this.connections.close();
  }

  private next(branch: BranchId): CallReply | 'hold' {
    return this.scripts.get(branch)?.shift() ?? this.constant.get(branch) ?? ok;
  }
}
