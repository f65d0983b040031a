/**
 * What a handler is given within a local transaction of the barrier. Each local transaction has one of its own: what a
 * handler keeps after a deadlock is not what it kept before it.
 */
import { NOTE_BYTES_MAX, type OpenedCall } from '../barrier/barrier';
import { ConfigError, textOfCause } from '../errors';
import { UnsupportedValueError, jsonCodec } from '../result-codec';
import type { CallContext } from './call-context';
import { type ContextOf, HandlerContext } from './handler-context';
import type { Route } from './routes';
import { HEAD_BYTES, type Note, decodeNote } from './stored-note';

/** The context of a handler, as the barrier opened its call. */
export class GuardedContext extends HandlerContext {
  readonly #route: Route;
  readonly #opened: OpenedCall<unknown>;
  #tried: { readonly reply: unknown } | undefined;
  #kept: Uint8Array | undefined;
  #ended = false;

  constructor(context: ContextOf, opened: OpenedCall<unknown>) {
    super(context);
    this.#route = context.route;
    this.#opened = opened;
  }

  override get db(): unknown {
    return this.#opened.db;
  }

  override get tried(): unknown {
    const { tried } = this.#opened;
    if (tried === undefined) return undefined;
    this.#tried ??= { reply: replyOfTry(this.#route, tried.reply) };
    return this.#tried.reply;
  }

  override get tryObserved(): boolean {
    return this.#opened.tried !== undefined;
  }

  override get saved(): unknown {
    const { saved } = decodeNote(this.#opened.tried?.note);
    return saved === undefined ? undefined : jsonCodec.decode(saved);
  }

  override get save(): CallContext['save'] {
    return (value) => {
      this.#kept = this.#encoded(value);
    };
  }

  /** The handler has ended: what it kept. From now on it keeps nothing more. */
  end(): Note['saved'] {
    this.#ended = true;
    return this.#kept;
  }

  #encoded(value: unknown): Uint8Array {
    const handler = handlerOf(this.#route);
    if (this.phase !== 'try') {
      throw wrong(`only a Try can keep a value, this is ${handler}; it reads it as ctx.saved`);
    }
    if (this.#ended) throw wrong(`${handler} has ended; keep a value before it returns`);
    const bytes = encodedFor(handler, value);
    if (bytes.length + HEAD_BYTES <= NOTE_BYTES_MAX) return bytes;
    throw wrong(tooLarge(handler, bytes.length + HEAD_BYTES));
  }
}

/** `the handler for try of reserve (shop.StockTcc)`. */
export function handlerOf({ phase, action, service }: Route): string {
  return `the handler for ${phase} of ${action} (${service})`;
}

/** Why a value, with what goes with it, cannot be kept. */
export function tooLarge(handler: string, bytes: number): string {
  return `what ${handler} keeps takes ${bytes} bytes with the ids of its nested branches, at most ${NOTE_BYTES_MAX} are kept; write it to a table of your own through ctx.db, and keep its key`;
}

function encodedFor(handler: string, value: unknown): Uint8Array {
  try {
    return jsonCodec.encode(value);
  } catch (error) {
    const why = error instanceof UnsupportedValueError ? error.problem : textOfCause(error);
    throw wrong(`what ${handler} keeps cannot be encoded: ${why}; keep plain data, such as an id`);
  }
}

function replyOfTry(route: Route, bytes: Uint8Array): unknown {
  try {
    return route.tryMethod.responseDeserialize(Buffer.from(bytes));
  } catch (cause) {
    throw new Error(
      `ctx.tried: ${handlerOf(route)} cannot read the reply that the Try left: ${textOfCause(cause)}; has the reply message changed in a way that breaks old ones?`,
      { cause },
    );
  }
}

function wrong(what: string): ConfigError {
  return new ConfigError(`ctx.save: ${what}`);
}
