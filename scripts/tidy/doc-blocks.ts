import ts from 'typescript';
import { type Problem, type SourceFile, isTest } from './problem';

/** Exports of packages, and members of their `…Options`, without a doc block. */
export function checkDocBlocks(files: readonly SourceFile[]): Problem[] {
  return files
    .filter(({ path }) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path) && !isTest(path))
    .flatMap(checkFile);
}

function checkFile({ path, text }: SourceFile): Problem[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const listed = namesExportedByList(source);
  const documented = new Set<string>();
  return source.statements.flatMap((statement) => {
    const names = declaredNames(statement);
    if (!isExported(statement) && !names.some((name) => listed.has(name))) return [];
    const missing = bareMembers(statement, source);
    // Overloads share one name: the block of the first is the block of all.
    if (hasDocBlock(statement)) for (const name of names) documented.add(name);
    else if (!names.some((name) => documented.has(name))) missing.unshift(statement);
    return missing.map((node) => ({
      file: path,
      line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1,
      text: `${nameOf(node, source)} has no doc block; say in /** */ what it promises`,
    }));
  });
}

function isExported(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true;
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  );
}

/** Names of `export { a, b as c }` without a module: declared above or below, in this file. */
function namesExportedByList(source: ts.SourceFile): Set<string> {
  const lists = source.statements.filter(ts.isExportDeclaration);
  const clauses = lists.map((list) =>
    list.moduleSpecifier === undefined ? list.exportClause : undefined,
  );
  const named = clauses.filter((clause) => clause !== undefined && ts.isNamedExports(clause));
  return new Set(
    named.flatMap((clause) => clause.elements.map((item) => (item.propertyName ?? item.name).text)),
  );
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    const names = statement.declarationList.declarations.map(({ name }) => name);
    return names.filter(ts.isIdentifier).map(({ text }) => text);
  }
  const { name } = statement as ts.DeclarationStatement;
  return name !== undefined && ts.isIdentifier(name) ? [name.text] : [];
}

function hasDocBlock(node: ts.Node): boolean {
  const blocks = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return blocks.some(({ comment }) => comment !== undefined && comment.length > 0);
}

/** Every option says its meaning, unit and default. */
function bareMembers(statement: ts.Statement, source: ts.SourceFile): ts.Node[] {
  const name = declaredNames(statement)[0] ?? '';
  if (!name.endsWith('Options')) return [];
  const members = ts.isInterfaceDeclaration(statement)
    ? statement.members
    : ts.isTypeAliasDeclaration(statement) && ts.isTypeLiteralNode(statement.type)
      ? statement.type.members
      : [];
  return members.filter((member) => !hasDocBlock(member) && member.getText(source) !== '');
}

function nameOf(node: ts.Node, source: ts.SourceFile): string {
  if (ts.isStatement(node)) return declaredNames(node).join(', ') || 'this export';
  const { name } = node as ts.TypeElement;
  return `option ${name?.getText(source) ?? 'without a name'}`;
}
