import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';

/** A connection whose work can be ended from outside, which then waits for nothing longer than a moment. */
export class Statements {
  readonly #connection: DuckDBConnection;
  #running: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  async run(sql: string): Promise<void> {
    await this.#guarded(() => this.#connection.run(sql));
  }

  async rows(sql: string): Promise<DuckDBValue[][]> {
    return (await this.#guarded(() => this.#connection.runAndReadAll(sql))).getRows();
  }

  /** Stops what runs and takes no more; nothing runs when it resolves. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#connection.interrupt();
    await this.#running.catch(() => undefined);
    this.#connection.closeSync();
  }

  #guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ended) return Promise.reject(new Error('the file is being closed'));
    const running = work();
    this.#running = running;
    return running;
  }
}
