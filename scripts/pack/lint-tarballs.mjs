/**
 * `node scripts/pack/lint-tarballs.mjs a.tgz …` lets publint and attw judge tarballs as a registry would get them.
 * Prints one line per finding and exits 1 when there is one. JavaScript modules, because both tools are.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** How TypeScript resolved before it read `exports`; deprecated in TypeScript 6. No consumer of ours can use it. */
const outdated = 'node10';

async function publintFindings(bytes) {
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  return messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
}

async function attwFindings(bytes) {
  const result = await checkPackage(createPackageFromTarballData(bytes));
  if (result.types === false) return ['no types'];
  return result.problems
    .filter((problem) => problem.resolutionKind !== outdated)
    .map((problem) => JSON.stringify(problem));
}

const findings = [];
for (const file of process.argv.slice(2)) {
  const bytes = new Uint8Array(readFileSync(file));
  const texts = [...(await publintFindings(bytes)), ...(await attwFindings(bytes))];
  findings.push(...texts.map((text) => `${path.basename(file)}: ${text}`));
}
for (const line of findings) console.error(line);
process.exitCode = findings.length === 0 && process.argv.length > 2 ? 0 : 1;
