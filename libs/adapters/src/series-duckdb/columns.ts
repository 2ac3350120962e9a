import { type DuckDBAppender, DuckDBDataChunk, type DuckDBType } from '@duckdb/node-api';
import type { Columns } from './duckdb-questions.js';

const CHUNK_ROWS = 2_048;

type Cells = Float64Array | Int32Array | Uint8Array;

export function emptyColumns(rows: number): Columns {
  const buffer = new ArrayBuffer(rows * 29);
  return {
    measuredUs: new Float64Array(buffer, 0, rows),
    receivedAt: new Float64Array(buffer, rows * 8, rows),
    value: new Float64Array(buffer, rows * 16, rows),
    seriesId: new Int32Array(buffer, rows * 24, rows),
    flag: new Uint8Array(buffer, rows * 28, rows),
  };
}

export function pick(from: Columns, rows: readonly number[]): Columns {
  const picked = emptyColumns(rows.length);
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to]!;
    picked.measuredUs[to] = from.measuredUs[row]!;
    picked.receivedAt[to] = from.receivedAt[row]!;
    picked.value[to] = from.value[row]!;
    picked.seriesId[to] = from.seriesId[row]!;
    picked.flag[to] = from.flag[row]!;
  }
  return picked;
}

/** `left` is in rising order. */
export function without(from: Columns, left: readonly number[]): Columns {
  if (left.length === 0) return from;
  const rows: number[] = [];
  for (let row = 0, next = 0; row < from.seriesId.length; row++)
    if (row === left[next]) next += 1;
    else rows.push(row);
  return pick(from, rows);
}

/** In the order of the columns of `readings`. */
export function cells({ seriesId, measuredUs, receivedAt, value, flag }: Columns): Cells[] {
  return [seriesId, measuredUs, receivedAt, value, flag];
}

export function appendColumns(appender: DuckDBAppender, types: readonly DuckDBType[], columns: readonly Cells[]): void {
  const rows = columns[0]!.length;
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const to = Math.min(from + CHUNK_ROWS, rows);
    const chunk = DuckDBDataChunk.create(types, to - from);
    for (const [column, cells] of columns.entries()) fill(chunk, column, cells.subarray(from, to));
    appender.appendDataChunk(chunk);
  }
}

/** Writes the vector's own memory: `setColumnValues` makes a BigInt of each cell, which costs more than the rest of the append. */
function fill(chunk: DuckDBDataChunk, column: number, cells: Cells): void {
  const vector = chunk.getColumnVector(column) as unknown as { items: BigInt64Array | Cells; flush(): void };
  if (vector.items instanceof BigInt64Array) {
    const words = new Uint32Array(vector.items.buffer, vector.items.byteOffset, cells.length * 2);
    for (let cell = 0; cell < cells.length; cell++) {
      const high = Math.floor(cells[cell]! / 4_294_967_296);
      words[cell * 2] = cells[cell]! - high * 4_294_967_296;
      words[cell * 2 + 1] = high;
    }
  } else vector.items.set(cells);
  vector.flush();
}
