/**
 * definitions.ts against the contract. Generated code carries no options, so `(tercet.v1.action)` is read from
 * descriptors, as operators' tools read it; this test keeps the two from drifting apart.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import {
  type DescMethod,
  type FileRegistry,
  createFileRegistry,
  fromBinary,
  getOption,
  hasOption,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { shipping, stock, wallet } from '../src/definitions';

const root = path.resolve(__dirname, '../../..');
let registry: FileRegistry;

beforeAll(() => {
  const folder = mkdtempSync(path.join(tmpdir(), 'checkout-descriptors-'));
  const file = path.join(folder, 'checkout.binpb');
  const buf = path.join(root, 'node_modules', '.bin', 'buf');
  const source = ['build', 'examples/checkout/proto', '--as-file-descriptor-set', '-o', file];
  execFileSync(buf, source, { cwd: root });
  registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
  rmSync(folder, { recursive: true });
});

/** The mark of a method as `action.phase`, or undefined where it has none. */
function markOf(method: DescMethod): string | undefined {
  const option = registry.getExtension('tercet.v1.action');
  const phases = registry.getEnum('tercet.v1.Phase');
  if (option === undefined || phases === undefined) throw new Error('annotations.proto is missing');
  if (!hasOption(method, option)) return undefined;
  // The extension is only known at run time: its type says nothing of what is in it.
  const value: unknown = getOption(method, option);
  const { name, phase } = value as { readonly name: string; readonly phase: number };
  return `${name}.${phases.value[phase]?.localName.toLowerCase()}`;
}

function methodsOf(service: string): readonly DescMethod[] {
  return registry.getService(service)?.methods ?? [];
}

/** `/checkout.v1.StockTcc/ReserveTry` → `reserve.try`, from the descriptors. */
function marked(service: string): [string, string][] {
  return methodsOf(service).flatMap((method): [string, string][] => {
    const mark = markOf(method);
    return mark === undefined ? [] : [[`/${service}/${method.name}`, mark]];
  });
}

test.each(
  [stock, wallet, shipping].map((definition) => [definition.serviceName, definition] as const),
)('the definition of %s names the methods that its contract marks', (service, { actions }) => {
  const defined = Object.values(actions).flatMap(({ name, methods }): [string, string][] => [
    [methods.try.path, `${name}.try`],
    [methods.confirm.path, `${name}.confirm`],
    [methods.cancel.path, `${name}.cancel`],
  ]);
  expect(defined).toEqual(marked(service));
  expect(defined).toHaveLength(3);
});

test.each(['checkout.v1.StockTcc', 'checkout.v1.WalletTcc', 'checkout.v1.ShippingTcc'])(
  '%s has one ordinary method besides, and its actions share their request',
  (service) => {
    const [actions, ordinary] = [true, false].map((wanted) =>
      methodsOf(service).filter((method) => (markOf(method) !== undefined) === wanted),
    );
    expect(ordinary).toHaveLength(1);
    expect(new Set(actions?.map(({ input }) => input.typeName)).size).toBe(1);
  },
);
