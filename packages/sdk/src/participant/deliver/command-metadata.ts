/**
 * The metadata of a command: what a unary call of the same content would hold, made when somebody looks at it.
 *
 * M1 What the command says in fields of its own stands under the keys of a unary call, and nothing can contradict it.
 * M2 What came with the stream itself (`user-agent`, what a proxy added) belongs to each of its commands, and a
 *    command cannot replace it: a proxy that vouches for a caller has seen the stream, not what is inside.
 * M3 What a unary call could not carry is refused, naming the entry.
 */
import type { Metadata } from '@grpc/grpc-js';
import { contextKeys, describeText, metadataKeys } from '@tercet/core';
import type { DeliverCommand, MetadataEntry } from '@tercet/proto';
import { wireEnums } from '@tercet/runtime';

const keyPattern = /^[0-9a-z_.-]+$/;
const textPattern = /^[\x20-\x7e]*$/;

/** What is wrong with the entries of a command; undefined = nothing. */
export function metadataProblem(entries: readonly MetadataEntry[]): string | undefined {
  for (const { key, value } of entries) {
    if (!keyPattern.test(key)) {
      return `a key of metadata is lower-case letters, digits, "_", "." and "-", got ${describeText(key)}`;
    }
    if (value === undefined) return `metadata ${key} has no value`;
    const binary = key.endsWith('-bin');
    if (binary !== (value.$case === 'binary')) {
      return `metadata ${key} must be ${binary ? 'bytes' : 'text'}: keys that end in -bin, and only they, hold bytes`;
    }
    if (value.$case === 'text' && !textPattern.test(value.value)) {
      return `metadata ${key} must be printable ASCII, got ${describeText(value.value)}`;
    }
  }
  return undefined;
}

/** The whole metadata of a command whose entries have no problem. */
export function metadataOfCommand(command: DeliverCommand, ofStream: Metadata): Metadata {
  const metadata = ofStream.clone();
  for (const key of contextKeys) metadata.remove(key);
  const held = new Set(Object.keys(metadata.getMap()));
  for (const [key, text] of Object.entries(fieldsOf(command))) {
    if (text !== undefined && textPattern.test(text)) metadata.set(key, text);
  }
  for (const { key, value } of command.metadata) {
    if (value === undefined || contextKeys.has(key) || held.has(key)) continue;
    if (value.$case === 'binary') metadata.add(key, value.value);
    else addText(metadata, key, value.value);
  }
  return metadata;
}

/** A field that the wire can hold; undefined = it was not sent, or a header could not carry it. */
export function headerText(text: string | undefined): string | undefined {
  return text === undefined || text === '' || !textPattern.test(text) ? undefined : text;
}

/** Headers of one name arrive joined: HTTP/2 makes one text of them. */
function addText(metadata: Metadata, key: string, text: string): void {
  const [before] = metadata.get(key);
  metadata.set(key, before === undefined ? text : `${String(before)}, ${text}`);
}

function fieldsOf(command: DeliverCommand): Readonly<Record<string, string | undefined>> {
  const { notAfterUnixMs, traceContext } = command;
  return {
    [metadataKeys.gid]: command.gid,
    [metadataKeys.runId]: command.runId,
    [metadataKeys.branchId]: command.branchId,
    [metadataKeys.action]: headerText(command.action),
    [metadataKeys.phase]: wireEnums.phase.wordOf(command.phase),
    [metadataKeys.attempt]: String(command.attempt),
    [metadataKeys.notAfter]: notAfterUnixMs === undefined ? undefined : String(notAfterUnixMs),
    [metadataKeys.traceparent]: headerText(traceContext?.traceparent),
    [metadataKeys.tracestate]: headerText(traceContext?.tracestate),
  };
}
