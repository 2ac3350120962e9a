/** Of every command that prints rows. */
export interface Json {
  readonly json?: boolean;
}

/** Prints for a person, one row a line in columns, or with `--json` for a program. */
export function printRows(
  rows: readonly Readonly<Record<string, string | number | null | undefined>>[],
  json: boolean,
): void {
  if (json) return print(JSON.stringify(rows, null, 2));
  const [first] = rows;
  if (first === undefined) return print('(none)');
  const columns = Object.keys(first);
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '—')))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => [...(line[index] ?? '')].length)));
  for (const line of cells)
    print(
      line
        .map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - [...cell].length))
        .join('  ')
        .trimEnd(),
    );
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
