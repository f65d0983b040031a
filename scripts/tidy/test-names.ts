import ts from 'typescript';
import type { SourceFile } from './problem';

/** A test as its file writes it down. */
export interface NamedTest {
  /** Titles of the `describe` around it, the outermost first, then its own; placeholders as they are written. */
  readonly names: readonly string[];
  /** Texts in the table of its cases; those of the whole file where the table stands elsewhere. */
  readonly cases: ReadonlySet<string>;
  readonly skipped: boolean;
}

/** Every test of a file, found by `describe`, `it` and `test` in any of jest's forms. */
export function testsOf({ path, text }: SourceFile): readonly NamedTest[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: NamedTest[] = [];
  const visit = (node: ts.Node, around: Around): void => {
    const block = ts.isCallExpression(node) ? blockOf(node) : undefined;
    if (block === undefined) return ts.forEachChild(node, (child) => visit(child, around));
    const names = [...around.names, block.title];
    const skipped = around.skipped || block.skipped;
    if (!block.group)
      return void found.push({ names, cases: casesOf(block.table, source), skipped });
    ts.forEachChild(node, (child) => visit(child, { names, skipped }));
  };
  visit(source, { names: [], skipped: false });
  return found;
}

interface Around {
  readonly names: readonly string[];
  readonly skipped: boolean;
}

interface Block {
  readonly title: string;
  readonly group: boolean;
  readonly skipped: boolean;
  /** What `each` was given; undefined where there is none. */
  readonly table: readonly ts.Expression[] | undefined;
}

/** `it('…', …)`, `it.each(table)('…', …)`, `describe.skip('…', …)`, …; undefined for every other call. */
function blockOf(call: ts.CallExpression): Block | undefined {
  const [title, body] = call.arguments;
  if (title === undefined || body === undefined || !isText(title)) return undefined;
  const words: string[] = [];
  let table: readonly ts.Expression[] | undefined;
  let callee: ts.Node = call.expression;
  for (;;) {
    if (ts.isCallExpression(callee)) {
      table = callee.arguments;
      callee = callee.expression;
    } else if (ts.isTaggedTemplateExpression(callee)) {
      table = [callee.template];
      callee = callee.tag;
    } else if (ts.isPropertyAccessExpression(callee)) {
      words.push(callee.name.text);
      callee = callee.expression;
    } else break;
  }
  const kind = ts.isIdentifier(callee) ? callee.text : '';
  if (!/^[xf]?(describe|it|test)$/.test(kind)) return undefined;
  return {
    title: textOf(title),
    group: kind.endsWith('describe'),
    skipped: kind.startsWith('x') || words.some((word) => /^(skip|todo|failing)$/.test(word)),
    table,
  };
}

function casesOf(
  table: readonly ts.Expression[] | undefined,
  source: ts.SourceFile,
): ReadonlySet<string> {
  if (table === undefined) return new Set();
  return new Set((table.every(ts.isArrayLiteralExpression) ? table : [source]).flatMap(textsIn));
}

function textsIn(node: ts.Node): string[] {
  if (isText(node)) return [textOf(node)];
  const found: string[] = [];
  ts.forEachChild(node, (child) => void found.push(...textsIn(child)));
  return found;
}

function isText(node: ts.Node): node is ts.StringLiteralLike | ts.TemplateExpression {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

function textOf(node: ts.StringLiteralLike | ts.TemplateExpression): string {
  return ts.isTemplateExpression(node) ? node.getText().slice(1, -1) : node.text;
}
