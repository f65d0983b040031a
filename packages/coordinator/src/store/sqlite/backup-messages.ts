/** What a backup and its thread say to each other. */

/** What the thread gets. */
export interface BackupRequest {
  /** The data file. */
  readonly from: string;
  /** An empty file: the copy. */
  readonly to: string;
}

/** What a file of the embedded store holds. */
export interface FileFacts {
  readonly transactions: number;
  /** Of them without an end. */
  readonly unfinished: number;
}

/** What the thread answers. */
export type BackupReply =
  | { readonly ok: true; readonly facts: FileFacts }
  | { readonly ok: false; readonly message: string };
