/**
 * What a failed command says of its effect.
 *
 * RD6 "Not begun" is said only where the server, or the client itself, refused the command before it could do anything; a
 *    lost connection, an unknown text, silence: nobody knows.
 */
import { textOfCause } from '../errors';

/** What is known after a command failed. */
export type RedisFailure =
  /** Nothing was done, and the next attempt may find it otherwise. */
  | 'not-begun'
  /** Nothing was done, and somebody has to mend something first. */
  | 'refused'
  /** It may have been carried out. */
  | 'unknown';

/** First words of answers of a server that does not begin the command now. */
const notNow =
  /^(BUSY|LOADING|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|READONLY|OOM|MISCONF|NOREPLICAS)\b|^ERR .*Script killed by user/;
/** The cluster client's own end of the same, after it has tried several times. */
const redirected =
  /^Too many Cluster redirections\. Last error: \w+: (CLUSTERDOWN|TRYAGAIN|MOVED|ASK)\b/;
/** Answers that the same command gets again. */
const never =
  /^(NOAUTH|WRONGPASS|NOPERM|MOVED|ASK|CROSSSLOT)\b|^ERR (unknown command|Error compiling script)/;
/** The client kept the command to itself. */
const notSent = /isn't (writeable|ready) and enableOfflineQueue options is false/;
const notSendable = /^Connection (in subscriber mode|is in monitoring mode)/;

/** Reads the error of a command. `interrupted`: a connection was lost meanwhile, so that it may have been sent twice. */
export function failureOf(error: unknown, interrupted: boolean): RedisFailure {
  const text = textOfCause(error);
  if (notSendable.test(text)) return 'refused';
  if (interrupted) return 'unknown';
  if (notSent.test(text) || redirected.test(text)) return 'not-begun';
  if (!isAnswer(error)) return 'unknown';
  if (notNow.test(text)) return 'not-begun';
  return never.test(text) ? 'refused' : 'unknown';
}

/** Whether the server does not keep the script. Nothing was done. */
export function isScriptUnknown(error: unknown): boolean {
  return isAnswer(error) && textOfCause(error).startsWith('NOSCRIPT');
}

/** Whether the server said it, and not the client. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/** What to do about a refusal, as an end of a sentence; empty where the text says it all. */
export function wayOut(error: unknown): string {
  const text = textOfCause(error);
  if (/^(MOVED|ASK|CROSSSLOT)\b/.test(text)) {
    return '; the server belongs to a Redis Cluster: give redisBarrier a `Cluster` client';
  }
  if (/^NOPERM\b/.test(text)) {
    return '; allow the user eval, evalsha and the commands of the texts on its keys and on tercet:*';
  }
  return notSendable.test(text)
    ? '; give redisBarrier a client of its own, which neither subscribes nor monitors'
    : '';
}
