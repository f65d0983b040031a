/** What `tercet store check` tells of a store, whatever keeps it. */

/** Version of a schema. */
export interface SchemaFacts {
  readonly version: number;
  /** Oldest schema version whose code can use the store. */
  readonly minReader: number;
}

/** A setting of the server without which it may lose what it has confirmed. */
export interface Prerequisite {
  readonly name: string;
  readonly value: string;
  /** What it must be. */
  readonly wanted: string;
  readonly met: boolean;
}

/** A coordinator that shares the store, or did until it died. */
export interface NodeReport {
  /** Host and process, where the store knows them; for people. */
  readonly where: string;
  /** Whether it showed that it lives while it was watched. */
  readonly alive: boolean;
}

/** A store that was looked at. Nothing of it was changed. */
export interface StoreReport {
  /** Product and version: `MariaDB 10.11.6`, `PostgreSQL 15.3`, `SQLite`. */
  readonly server: string;
  /** Undefined = there is none yet: the first start makes it, or `tercet store migrate`. */
  readonly schema: SchemaFacts | undefined;
  /** Schema version of this code. */
  readonly current: number;
  readonly prerequisites: readonly Prerequisite[];
  /** Who shares it. One that shows no sign of life is removed by the others, or by the next one that starts. */
  readonly nodes: readonly NodeReport[];
}

/** A store as operators look after it; nobody has to stop for that. Rejects with TercetError or StoreFailure. */
export interface StoreCare {
  /** Looks at it. Takes up to a ttl where somebody shares it: who lives shows in time. */
  check(): Promise<StoreReport>;
  /** Brings its schema up to date, as opening it does. Safe to repeat, and for several at once. */
  migrate(): Promise<void>;
}
