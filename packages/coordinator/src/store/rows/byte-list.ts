/** Bytes of one batch, gathered so that they cross to the worker as one block of memory, without a copy there. */
export class ByteList {
  private readonly parts: Uint8Array[] = [];
  /** Bytes so far. */
  length = 0;

  /** Adds bytes; they are copied by {@link join}, so it must follow before their owner may change them. */
  add(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  /** A copy of all bytes, one behind the other, in memory of its own. */
  join(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}
