/** Command lines of this example's programs. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

/** The options of this process. Where they are wrong, one line says what is right and the process ends with 2. */
export function readOptions<O extends Options>(usage: string, options: O): Values<O> {
  try {
    return parseArgs({ options }).values;
  } catch {
    return endWithUsage(usage);
  }
}

/** Ends the process: its command line says not what it must. */
export function endWithUsage(usage: string): never {
  console.error(`usage: ${usage}`);
  process.exit(2);
}
