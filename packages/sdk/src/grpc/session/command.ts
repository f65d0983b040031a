/** A command of a session, from its caller's question to the answer. */
import { CallSignalSource } from '@tercet/core';
import { type SessionCommand, SessionRequest } from '@tercet/proto';
import { encoderOf } from '@tercet/runtime';
import type { Answer, CallBounds } from '../../coordinator/coordinator-transport';
import type { AnyCommandKind, Patience } from '../command-kinds';
import type { Due } from './due-list';
import type { SessionStream } from './session-stream';

/** Highest number of `deadline_ms`. */
const UINT32_MAX = 0xffff_ffff;

/** What a caller asks. */
export interface Question {
  readonly kind: AnyCommandKind;
  /** As the contracts have it. */
  readonly wire: unknown;
  readonly patience: Patience;
  readonly bounds: CallBounds;
}

/** A part of a message: messages are put together by joining their parts' bytes. */
export interface Part {
  /** Its own encoding. */
  bytes: Uint8Array;
  /** Nobody wants it to leave any more. */
  over: boolean;
  /** It was written to its stream. */
  left: boolean;
}

/** One command. It listens to its caller's signal itself: a closure less for each. */
export class Command implements Part, Due {
  bytes: Uint8Array = nothing;
  over = false;
  left = false;
  /** On its stream. */
  id = 0;
  /** Place in the order of all commands; set when it is queued. */
  order = 0;
  /** What carries it; undefined = it waits. */
  stream: SessionStream | undefined;
  dueTick = -1;
  dueBefore: Due | undefined;
  dueAfter: Due | undefined;
  private readonly unlisten: (() => void) | undefined;

  constructor(
    readonly question: Question,
    private readonly resolve: (answer: Answer<unknown>) => void,
    private readonly aborted: (command: Command) => void,
  ) {
    const { signal } = question.bounds;
    if (signal instanceof CallSignalSource) this.unlisten = signal.listen(this);
    else signal.addEventListener('abort', this);
  }

  /** Its caller gave it up. */
  handleEvent(): void {
    this.aborted(this);
  }

  /** From here on it is nobody's command: whatever still refers to it passes it over. */
  release(): void {
    this.over = true;
    this.bytes = nothing;
    if (this.unlisten === undefined) {
      this.question.bounds.signal.removeEventListener('abort', this);
    } else this.unlisten();
  }

  /** Tells the caller. */
  answer(answer: Answer<unknown>): void {
    this.resolve(answer);
  }

  /** Its part of a message. Throws where a field has no encoding. */
  encode(deadlineMs: number): Uint8Array {
    const { kind, wire } = this.question;
    const command = { $case: kind.command, value: wire } as SessionCommand['command'];
    const wait = Math.min(Math.max(1, Math.ceil(deadlineMs)), UINT32_MAX);
    return encoded({ commands: [{ id: this.id, deadlineMs: wait, command }], givenUpIds: [] });
  }
}

/** The part that says that nobody waits for `id`. */
export function givenUp(id: number): Part {
  return { bytes: encoded({ commands: [], givenUpIds: [id] }), over: false, left: false };
}

const nothing = new Uint8Array();
const encoded = encoderOf(SessionRequest);
