/** Stock in memory: what is free, what is held, what is sold; and a small database of it, in which others can come between. */
import { systemScheduler } from '@tercet/runtime';
import type { ReserveRequest } from './stock-service';

/** The columns of one thing. */
export interface Shelf {
  free: number;
  held: number;
  sold: number;
}

/** Business state of the test participants. */
export type Books = Record<string, Shelf>;

/** What they begin with. */
export function fullShelves(): Books {
  return { tea: { free: 100, held: 0, sold: 0 }, milk: { free: 100, held: 0, sold: 0 } };
}

/** The `n`-th request of the checks: 1 and 3 are of one thing, 2 and 4 of another. */
export function requestOf(n: number): ReserveRequest {
  return { sku: n % 2 === 0 ? 'milk' : 'tea', quantity: n };
}

/** One that no shelf can serve. */
export function tooMuch(): ReserveRequest {
  return { sku: 'tea', quantity: 1_000 };
}

/** Statements on books. */
export class Rows {
  constructor(private readonly books: Books) {}

  /** Adds to a column; a negative amount takes. */
  add(sku: string, column: keyof Shelf, amount: number): void {
    this.shelf(sku)[column] += amount;
  }

  /** Reads a column. */
  read(sku: string, column: keyof Shelf): number {
    return this.shelf(sku)[column];
  }

  /** Writes a column, whatever it held. */
  write(sku: string, column: keyof Shelf, value: number): void {
    this.shelf(sku)[column] = value;
  }

  private shelf(sku: string): Shelf {
    const found = this.books[sku];
    if (found === undefined) throw new Error(`no shelf for ${sku}`);
    return found;
  }
}

/** Lets everything else that is ready go first. */
export function othersFirst(ms = 2): Promise<void> {
  return new Promise((resolve) => void systemScheduler.after(ms, resolve));
}

/** What a guard keeps of a branch. */
export interface Mark {
  readonly by: 'try' | 'cancel';
  readonly end: 'confirm' | 'cancel' | undefined;
  readonly reply: { readonly reservationId: string };
}

/** A database of a participant without a barrier: books, and the marks of its own guard. */
export class StockDatabase {
  books = fullShelves();
  private marks = new Map<string, Mark>();

  /** The shelves as they were; the marks stay. */
  refill(): void {
    this.books = fullShelves();
  }

  /** One transaction, all or nothing, alone. */
  async transaction<T>(work: (rows: Rows, marks: Map<string, Mark>) => T): Promise<T> {
    await othersFirst();
    const books = structuredClone(this.books);
    const marks = new Map(this.marks);
    const result = work(new Rows(books), marks);
    this.books = books;
    this.marks = marks;
    return result;
  }

  /** Reads a mark; what is read may be old when the answer comes. */
  async markOf(key: string): Promise<Mark | undefined> {
    const found = this.marks.get(key);
    await othersFirst();
    return found;
  }
}
