/**
 * Columns of rows → arrays in PostgreSQL's binary form, so that a statement has one parameter per column however many rows it
 * writes. Text form would have to be escaped here and parsed there, and doubles the size of bytes.
 *
 * A1 What a column cannot hold is refused here, as `data`: a text that is none, a number with a fraction, bytes that are none.
 */
import { StoreFailure } from '../../store';

/** Type of a column's values. */
export type ColumnType = 'text' | 'int4' | 'int8' | 'bytea';

/** A column: its type, and where its value is found in a row. Null stays null. */
export interface Column<Row> {
  readonly type: ColumnType;
  readonly of: (row: Row) => unknown;
}

/** Numbers of the element types: fixed in the server's catalogue. */
const oids: Readonly<Record<ColumnType, number>> = { bytea: 17, int8: 20, int4: 23, text: 25 };

/** Dimensions, whether there are nulls, element type, number of elements, first place. */
const HEADER = 20;
const LENGTH = 4;
/** Bytes that a text needs at most for each of its characters. */
const WIDEST = 3;
/** Up to this length a loop is faster than a call of native code. */
const SHORT = 64;
const TWO_TO_32 = 0x1_0000_0000;
const INT4_MAX = 0x7fff_ffff;

/** Makes the arrays of one statement, one behind the other in the same memory as long as it lasts. */
export class ArrayWriter {
  private memory: Buffer;
  /** Begin of the present array. */
  private from = 0;
  private at = 0;

  /** @param size bytes that are made room for at first. */
  constructor(size: number) {
    this.memory = Buffer.allocUnsafe(size);
  }

  /** The array of a column. Throws StoreFailure `data` (A1). */
  array<Row>(rows: readonly Row[], { type, of }: Column<Row>): Buffer {
    this.from = this.at;
    this.header(type, rows.length);
    switch (type) {
      case 'text':
        for (const row of rows) this.text(of(row));
        break;
      case 'bytea':
        for (const row of rows) this.bytes(of(row));
        break;
      case 'int4':
        for (const row of rows) this.int4(of(row));
        break;
      case 'int8':
        for (const row of rows) this.int8(of(row));
    }
    return this.memory.subarray(this.from, this.at);
  }

  private header(type: ColumnType, count: number): void {
    this.room(HEADER);
    this.put(1);
    this.put(1);
    this.put(oids[type]);
    this.put(count);
    this.put(1);
  }

  private text(value: unknown): void {
    if (typeof value === 'string') {
      this.room(LENGTH + WIDEST * value.length);
      const start = this.at + LENGTH;
      const short = value.length <= SHORT && this.ascii(value, start);
      const length = short ? value.length : this.memory.write(value, start);
      this.put(length);
      this.at += length;
    } else if (value === null) {
      this.nothing();
    } else {
      throw poison('text', value);
    }
  }

  /** False where a character is none of ASCII. */
  private ascii(value: string, start: number): boolean {
    const { memory } = this;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      memory[start + i] = code;
    }
    return true;
  }

  private bytes(value: unknown): void {
    if (!(value instanceof Uint8Array)) throw poison('bytes', value);
    this.room(LENGTH + value.length);
    this.put(value.length);
    this.memory.set(value, this.at);
    this.at += value.length;
  }

  private int4(value: unknown): void {
    if (value === null) return this.nothing();
    const whole = wholeOf(value);
    if (Math.abs(whole) > INT4_MAX) throw poison('a whole number', value);
    this.room(LENGTH + 4);
    this.put(4);
    this.put(whole);
  }

  private int8(value: unknown): void {
    if (value === null) return this.nothing();
    const whole = wholeOf(value);
    this.room(LENGTH + 8);
    this.put(8);
    this.put(Math.floor(whole / TWO_TO_32));
    this.put(whole);
  }

  private nothing(): void {
    this.room(LENGTH);
    this.put(-1);
  }

  /** The lowest 32 bits. */
  private put(value: number): void {
    const { memory, at } = this;
    memory[at] = value >>> 24;
    memory[at + 1] = value >>> 16;
    memory[at + 2] = value >>> 8;
    memory[at + 3] = value;
    this.at = at + 4;
  }

  /** Goes on in larger memory where the present one is used up; arrays that are done stay where they are. */
  private room(bytes: number): void {
    if (this.at + bytes <= this.memory.length) return;
    const begun = this.memory.subarray(this.from, this.at);
    this.memory = Buffer.allocUnsafe(2 * (begun.length + bytes) + this.memory.length);
    this.memory.set(begun);
    this.from = 0;
    this.at = begun.length;
  }
}

function wholeOf(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw poison('a whole number', value);
  return value as number;
}

function poison(wanted: string, value: unknown): StoreFailure {
  return new StoreFailure(
    'data',
    `a value cannot be stored: ${wanted} wanted, got ${typeof value}`,
  );
}
