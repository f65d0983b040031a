import { TercetError } from '@tercet/core';
import type { Engine } from './engine';

/** What the services ask of an engine. */
export type EngineCommands = Pick<
  Engine,
  'submit' | 'operate' | 'get' | 'result' | 'wait' | 'stuck' | 'list'
>;

/**
 * The engine of the present life of the process. Between two lives there is none: whoever asks then is told to send the request
 * again.
 */
export class PresentEngine implements EngineCommands {
  /** Undefined between two lives. */
  engine: Engine | undefined;

  /** As {@link Engine.submit}. */
  submit(...asked: Parameters<Engine['submit']>): ReturnType<Engine['submit']> {
    return this.engine?.submit(...asked) ?? betweenLives();
  }

  /** As {@link Engine.operate}. */
  operate(...asked: Parameters<Engine['operate']>): ReturnType<Engine['operate']> {
    return this.engine?.operate(...asked) ?? betweenLives();
  }

  /** As {@link Engine.get}. */
  get(...asked: Parameters<Engine['get']>): ReturnType<Engine['get']> {
    return this.engine?.get(...asked) ?? betweenLives();
  }

  /** As {@link Engine.result}. */
  result(...asked: Parameters<Engine['result']>): ReturnType<Engine['result']> {
    return this.engine?.result(...asked) ?? betweenLives();
  }

  /** As {@link Engine.wait}. */
  wait(...asked: Parameters<Engine['wait']>): ReturnType<Engine['wait']> {
    return this.engine?.wait(...asked) ?? betweenLives();
  }

  /** As {@link Engine.stuck}. */
  stuck(...asked: Parameters<Engine['stuck']>): ReturnType<Engine['stuck']> {
    return this.engine?.stuck(...asked) ?? betweenLives();
  }

  /** As {@link Engine.list}. */
  list(...asked: Parameters<Engine['list']>): ReturnType<Engine['list']> {
    return this.engine?.list(...asked) ?? betweenLives();
  }
}

/** Nobody owns anything here at the moment: another node may, and this one will again. */
function betweenLives(): Promise<never> {
  const message = 'this coordinator is about to begin anew: send the request again';
  return Promise.reject(new TercetError('MOVED', { message, details: { reason: 'removed' } }));
}
