/** What a person must change first: moving a file aside would not help, and could throw a good one away. Node's own begin with a code. */
export const NOT_THE_FILE =
  /^E[A-Z]{2,}: |could not set lock|conflicting lock|already (attached|open)|unique file handle|permission denied|read-only|no space left|disk full|out of memory|failed to allocate|too many open files|version number|interrupt|invalidated/i;

export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
