/**
 * Finds the statements of a text that would begin or end a transaction. A driver's own methods can be refused by name; a text
 * has to be read, and before it leaves: what a server has committed cannot be taken back.
 *
 * TW1 Strings, quoted names, comments and dollar-quoted bodies are no statements.
 * TW2 Savepoints are the handler's own business: SAVEPOINT, RELEASE and ROLLBACK TO pass.
 * TW3 On MySQL and MariaDB everything that commits implicitly counts too.
 * What is found elsewhere (a procedure that commits) is caught by the state of the connection and by the barrier's last statement.
 */
import type { SqlDialect } from './sql-dialect';

type Family = SqlDialect['family'];

/** Texts without any of these words need no reading. */
const suspects: Readonly<Record<Family, RegExp>> = {
  postgres: /\b(?:commit|rollback|end|abort|begin|start|prepare)\b/i,
  sqlite: /\b(?:commit|rollback|end|begin)\b/i,
  mysql:
    /\b(?:commit|rollback|begin|start|xa|autocommit|alter|create|drop|truncate|rename|grant|revoke|lock|unlock|analyze|optimize|repair|check|cache|load|flush|install|uninstall|reset|password)\b/i,
};

/** What a statement may not begin with. Matched against its first words, upper case, one blank between them. */
const forbidden: Readonly<Record<Family, RegExp>> = {
  postgres:
    /^(?:COMMIT|END|ABORT|BEGIN|START TRANSACTION|PREPARE TRANSACTION|ROLLBACK(?! (?:(?:WORK|TRANSACTION) )?TO\b))(?: |$)/,
  sqlite: /^(?:COMMIT|END|BEGIN|ROLLBACK(?! (?:TRANSACTION )?TO\b))(?: |$)/,
  mysql:
    /^(?:COMMIT|BEGIN|START|XA|ROLLBACK(?! (?:WORK )?TO\b)|SET (?:SESSION |GLOBAL |@@(?:SESSION\.|GLOBAL\.)?)?AUTOCOMMIT|SET PASSWORD|ALTER|(?:CREATE|DROP)(?! TEMPORARY\b)|TRUNCATE|RENAME|GRANT|REVOKE|LOCK|UNLOCK|ANALYZE|OPTIMIZE|REPAIR|CHECK|CACHE|LOAD INDEX|FLUSH|INSTALL|UNINSTALL|RESET)(?: |$)/,
};

/** So many words of a statement tell what it is. */
const wordsMax = 4;

/** The first words of the first statement that would begin or end the transaction; undefined = there is none. */
export function transactionWords(sql: string, family: Family): string | undefined {
  if (!suspects[family].test(sql)) return undefined;
  for (const words of statementsOf(sql, family)) {
    const found = forbidden[family].exec(words);
    if (found !== null) return found[0].trim();
  }
  return undefined;
}

/** What is not code, from where it stands; MySQL's executable comments are code. */
const skipped: Readonly<Record<Family, RegExp>> = {
  postgres:
    /--[^\n]*|e'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$[a-z_\u0080-\uffff]*[\w\u0080-\uffff]*\$)[^]*?\1/iy,
  sqlite: /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/y,
  mysql:
    /--(?=\s|$)[^\n]*|#[^\n]*|\/\*(?![!M])[^]*?(?:\*\/|$)|'(?:[^'\\]|\\[^]|'')*'|"(?:[^"\\]|\\[^]|"")*"|`(?:[^`]|``)*`/y,
};
/** `/*!50003`, `/*M!`, and the end of such a comment: blanks around code. */
const executable = /\/\*M?!\d*|\*\//y;
const word = /[\w@.$\u0080-\uffff]+/y;

/** The first words of each statement. */
function statementsOf(sql: string, family: Family): string[] {
  const statements: string[] = [];
  let words: string[] = [];
  for (let at = 0; at < sql.length; ) {
    const end = blankUntil(sql, at, family);
    if (end > at) {
      at = end;
      continue;
    }
    const found = matchAt(word, sql, at);
    if (found !== undefined) words.push(found.toUpperCase());
    else if (sql[at] === ';') {
      statements.push(words.slice(0, wordsMax).join(' '));
      words = [];
    } else if (!/\s/.test(sql[at] ?? '')) words.push(sql[at] ?? '');
    at += found?.length ?? 1;
  }
  statements.push(words.slice(0, wordsMax).join(' '));
  return statements;
}

/** Where what is not code ends that begins at `at`; `at` itself where code stands there. */
function blankUntil(sql: string, at: number, family: Family): number {
  if (family === 'postgres' && sql.startsWith('/*', at)) return nestedCommentUntil(sql, at);
  const blank = matchAt(skipped[family], sql, at);
  if (blank !== undefined) return at + blank.length;
  if (family !== 'mysql') return at;
  return at + (matchAt(executable, sql, at)?.length ?? 0);
}

/** PostgreSQL's comments nest. */
function nestedCommentUntil(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; at += 1) {
    if (sql.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (sql.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return sql.length;
}

function matchAt(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0];
}
