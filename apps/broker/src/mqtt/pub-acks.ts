/** What has acknowledgements to write. */
export interface Acknowledging {
  flush(): void;
}

/** Writes the acknowledgements of each connection in one piece: of what became durable together, when all of it has been told. */
export class PubAcks {
  private waiting: Acknowledging[] = [];

  flushSoon(connection: Acknowledging): void {
    if (this.waiting.push(connection) === 1) queueMicrotask(() => this.flush());
  }

  private flush(): void {
    const all = this.waiting;
    this.waiting = [];
    for (const connection of all) connection.flush();
  }
}
