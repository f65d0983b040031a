import {
  type ConfigField,
  configFields,
  configFileField,
  parseConfigFile,
  resolveConfig,
} from '@tercet/coordinator';
import * as yaml from 'yaml';

/** Shown as it is, and checked: what it sets must be right. */
const example = `# tercet.yaml
grpc-address: 127.0.0.1:9420
data-dir: /var/lib/tercet
log-level: warn
shutdown-grace: 30s
queue-operations-max: 50000
`;

/** What the answer to mistakes is shown with. */
const mistakes = `grpcAddress: 127.0.0.1:9420
log-levle: warn
shutdown-grace: soon
data-dir: a
data-dir: b
`;

/** Text of docs/config.md, from the field list of the coordinator. */
export function configPage(): string {
  const fields = Object.values(configFields) as ConfigField[];
  return `# Configuration

<!-- Made from packages/coordinator/src/config/fields.ts by scripts/gen-docs.ts: change it there. -->

\`tercet server\` needs no settings. Each one below may be given as a flag, as an environment variable or in a file; a flag
wins over the variable, the variable over the file, the file over the default. A wrong setting stops the start, and all
problems are told at once. \`tercet server --help\` prints the same list.

| Flag | Variable | Key in the file | Default | Meaning |
|---|---|---|---|---|
${[fileRow(), ...fields.map(row)].join('\n')}

Durations have a unit: \`500ms\`, \`5s\`, \`2m\`, \`1h\`. A flag without a value is \`true\`.

The password of a store's server may also stand in the variable \`TERCET_STORE_PASSWORD\`. It stands in one place: there, in its
file, or in the URL. Which store when: [stores](operations/stores.md).

Three things are checked together: an address beyond loopback needs \`--insecure\`, a batch must not be larger than the
queue, and the two addresses must differ.

## The file

A file is read where one is named: \`tercet server --config tercet.yaml\`, or \`TERCET_CONFIG=tercet.yaml\`. It is YAML, one
setting on a line, under the name of the flag without the dashes in front:

\`\`\`yaml
${resolved(example)}\`\`\`

Everything else comes from the flags, the environment and the defaults. A folder in the file is taken from where the
coordinator is started, as in a flag. An empty file is none. Names that are no settings, settings that stand twice and
values of the wrong kind are refused, each with its line:

\`\`\`yaml
${mistakes}\`\`\`

\`\`\`
${refusal(mistakes)}
\`\`\`

Of a setting that stands in several places only the value that counts is judged.

## The command

The other commands ask a running coordinator.

| Flag | Variable | Default | Meaning |
|---|---|---|---|
| \`--address\` host:port | \`TERCET_ADDRESS\` | \`127.0.0.1:8420\` | Coordinator to ask. |
| \`--timeout\` duration | – | \`10s\` | Longest wait for the answer. |
| \`--no-color\` | \`NO_COLOR\`, \`FORCE_COLOR\`, \`TERM=dumb\` | colour in a terminal | Colour carries nothing that the text does not say. |

## Limits of the contract

Sizes of payloads, numbers of branches and the like are the same on every coordinator and no settings:
[protocol](protocol.md#fields-limits-defaults).
`;
}

function row(field: ConfigField): string {
  const value = field.valueName === '' ? '' : ` ${field.valueName}`;
  const usual = field.default === '' ? 'none' : `\`${field.default}\``;
  return `| \`--${field.flag}\`${value} | \`${field.env}\` | \`${field.flag}\` | ${usual} | ${field.help} |`;
}

function fileRow(): string {
  const { flag, valueName, env, help } = configFileField;
  return `| \`--${flag}\` ${valueName} | \`${env}\` | – | none | ${help} |`;
}

/** The text, once every setting in it was found right. */
function resolved(text: string): string {
  resolveConfig({ file: parseConfigFile('tercet.yaml', text, yaml) });
  return text;
}

function refusal(text: string): string {
  try {
    resolved(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was refused: the page would show no mistake');
}
