/** The words of one batch, run as statements. Guards come first: they alone decide (S2, I8). */
import { assertNever } from '@tercet/core';
import type { Connection } from './batch';
import type { SqlValue, Statement } from './driver';
import { type Verb, type Word, type WriteRequest, verb } from './messages';

/** One walk through the words of a batch. What belongs to a guard that matched nothing is stepped over. */
export class BatchRun {
  /** Numbers of the operations whose guard matched nothing. */
  readonly missed: number[] = [];
  /** Gids whose rows are wanted after the commit. */
  readonly asked: string[] = [];
  private readonly words: readonly Word[];
  private readonly bytes: Uint8Array;
  /** Place of the present operation's number. */
  private at = 0;
  /** Place of the next bytes. */
  private byteAt = 0;

  constructor(
    private readonly connection: Connection,
    { words, bytes }: WriteRequest,
  ) {
    this.words = words;
    this.bytes = bytes;
  }

  /** Runs every operation. */
  all(): void {
    for (let number = 0; this.at < this.words.length; number++) {
      const gid = String(this.words[this.at + 1]);
      const what = this.words[this.at];
      const matched = this.one();
      if (!matched) this.missed.push(number);
      if (!matched || what === verb.fence || what === verb.take) this.asked.push(gid);
    }
  }

  private one(): boolean {
    const { statements } = this.connection;
    const what = this.words[this.at] as Verb;
    switch (what) {
      case verb.open:
        return this.open();
      case verb.extend:
        return this.extend();
      case verb.commit:
        return this.commit();
      case verb.decide:
        return this.decide();
      case verb.decideAndFinish:
        return this.decideAndFinish();
      case verb.progress:
        return this.progress();
      case verb.confirmed:
        return this.finish(statements.confirmed);
      case verb.cancelled:
        return this.finish(statements.cancelled);
      case verb.fence:
        return this.fence();
      case verb.take:
        return this.takeOver();
      default:
        return assertNever(what, 'verb');
    }
  }

  private open(): boolean {
    const { statements } = this.connection;
    const specs = this.word(9);
    const id = specs === null ? null : this.connection.nextRegistration++;
    const { changes } = statements.open.run(
      this.word(1),
      this.word(2),
      this.word(3),
      this.word(4),
      this.word(5),
      this.word(5),
      this.word(6),
      id,
      this.word(7),
      this.word(8),
    );
    const matched = changes !== 0;
    const payloads = this.take(this.word(10));
    if (matched && id !== null) statements.insertOpening.run(id, specs, payloads);
    const labels = Number(this.word(11));
    if (matched && labels > 0) this.insertLabels(labels);
    return this.end(12 + 2 * labels, matched);
  }

  private insertLabels(count: number): void {
    const gid = this.word(1);
    for (let label = 0; label < count; label++) {
      const at = 12 + 2 * label;
      this.connection.statements.insertLabel.run(gid, this.word(at), this.word(at + 1));
    }
  }

  private extend(): boolean {
    const { statements } = this.connection;
    const [gid, before] = [this.word(1), this.word(4)];
    const guard = [gid, this.word(2), this.word(3), before] as const;
    const { changes } = statements.extend.run(this.word(5), this.word(6), ...guard);
    const matched = changes !== 0;
    const specs = this.word(7);
    const payloads = this.take(this.word(8));
    if (matched && specs !== null) {
      const id = this.connection.nextRegistration++;
      statements.insertRegistration.run(id, gid, before, specs, payloads);
    }
    return this.end(9, matched);
  }

  private commit(): boolean {
    const { commit } = this.connection.statements;
    const [decidedAt, count] = [this.word(5), this.word(4)];
    const { changes } = commit.run(decidedAt, this.word(1), this.word(2), this.word(3), count);
    return this.end(7, this.keepResult(changes !== 0));
  }

  private decide(): boolean {
    const { decide } = this.connection.statements;
    const { changes } = decide.run(...this.decision(), ...this.guard());
    return this.end(11, this.keepResult(changes !== 0));
  }

  private decideAndFinish(): boolean {
    const { decideAndFinish } = this.connection.statements;
    const { changes } = decideAndFinish.run(...this.decision(), this.word(11), ...this.guard());
    return this.end(12, this.keepResult(changes !== 0));
  }

  private decision(): readonly Word[] {
    return [this.word(7), this.word(5), this.word(8), this.word(9), this.word(10)];
  }

  private keepResult(matched: boolean): boolean {
    const length = Number(this.word(6));
    if (length < 0) return matched;
    const result = this.take(length);
    if (matched) this.connection.statements.insertResult.run(this.word(1), result);
    return matched;
  }

  private progress(): boolean {
    const { progress } = this.connection.statements;
    const { changes } = progress.run(
      this.word(5),
      this.word(7),
      this.word(1),
      this.word(2),
      this.word(3),
      this.word(6),
      this.word(4),
    );
    return this.end(8, changes !== 0);
  }

  private finish(statement: Statement): boolean {
    const { changes } = statement.run(
      this.word(5),
      this.word(6),
      this.word(1),
      this.word(2),
      this.word(3),
      this.word(4),
    );
    return this.end(7, changes !== 0);
  }

  private fence(): boolean {
    const { changes } = this.connection.statements.fence.run(this.word(1), this.word(2));
    return this.end(3, changes !== 0);
  }

  private takeOver(): boolean {
    const { take } = this.connection.statements;
    const { changes } = take.run(this.word(1), this.word(4), this.word(2), this.word(3));
    return this.end(5, changes !== 0);
  }

  private guard(): readonly Word[] {
    return [this.word(1), this.word(2), this.word(3), this.word(4)];
  }

  /** A word of the present operation. What is missing is passed on, so that it is refused like any wrong value. */
  private word(offset: number): Word {
    return this.words[this.at + offset] as Word;
  }

  private take(length: Word): SqlValue {
    const from = this.byteAt;
    this.byteAt = from + Number(length);
    return this.bytes.subarray(from, this.byteAt);
  }

  private end(words: number, matched: boolean): boolean {
    this.at += words;
    return matched;
  }
}
