/**
 * A chain of interceptors around one piece of work.
 *
 * K1 The work runs at most once, whoever calls `next` how often.
 * K2 Nothing starts after the chain has ended.
 * K3 A promise that an interceptor does not await never becomes an unhandled rejection.
 */
import { ConfigError } from '../errors';

/** One interceptor's hook, bound to it. */
export type Link<Input, Additions, Output> = (
  input: Input,
  next: (additions?: Additions) => Promise<Output>,
) => Promise<unknown>;

/** What a chain runs around. */
export interface Chained<Input, Additions, Output> {
  /** The hook's name, for error texts. */
  readonly hook: 'run' | 'try';
  readonly links: readonly Link<Input, Additions, Output>[];
  readonly input: Input;
  /** The input with what an interceptor added. Throws ConfigError where that cannot be. */
  merge(input: Input, additions: Additions): Input;
  work(input: Input): Promise<Output>;
}

/** A running chain. */
export interface RunningChain {
  /** Settles when the outermost interceptor has ended; rejects with what it threw. */
  readonly ended: Promise<void>;
  /** From now on nothing starts any more. */
  close(): void;
}

/** Starts a chain. */
export function startChain<Input, Additions, Output>(
  chained: Chained<Input, Additions, Output>,
): RunningChain {
  let open = true;
  const enter = async (place: number, input: Input): Promise<Output> => {
    const link = chained.links[place];
    if (link === undefined) {
      if (!open) throw new ConfigError(`next of a ${chained.hook} interceptor was called too late`);
      return chained.work(input);
    }
    return pass(place, input, link);
  };
  const pass = async (
    place: number,
    input: Input,
    link: Link<Input, Additions, Output>,
  ): Promise<Output> => {
    let inner: Promise<Output> | undefined;
    const next = (additions?: Additions): Promise<Output> => {
      if (inner !== undefined)
        return rejected(`next of a ${chained.hook} interceptor was called twice`);
      inner = silenced(continued(place, input, additions));
      return inner;
    };
    await link(input, next);
    if (inner !== undefined) return inner;
    throw new ConfigError(`a ${chained.hook} interceptor returned without having called next`);
  };
  const continued = async (place: number, input: Input, additions?: Additions): Promise<Output> =>
    enter(place + 1, additions === undefined ? input : chained.merge(input, additions));
  const close = (): void => {
    open = false;
  };
  const ended = enter(0, chained.input).then(() => {});
  return { ended: silenced(ended.finally(close)), close };
}

function rejected(message: string): Promise<never> {
  return silenced(Promise.reject(new ConfigError(message)));
}

function silenced<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
