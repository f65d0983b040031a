/** Runs one transaction; resolves with the time that counts, in milliseconds. */
export type Transact = () => Promise<number>;
