/** Who wants to hear of what: a row listens to its own alert and to nothing else. */
export class Signals<Key> {
  private readonly listeners = new Map<Key, Set<() => void>>();

  /** Returns how to stop listening. */
  on(key: Key, changed: () => void): () => void {
    const own = this.listeners.get(key) ?? new Set();
    own.add(changed);
    this.listeners.set(key, own);
    return () => {
      own.delete(changed);
      if (own.size === 0 && this.listeners.get(key) === own) this.listeners.delete(key);
    };
  }

  emit(key: Key): void {
    for (const changed of [...(this.listeners.get(key) ?? [])]) changed();
  }

  emitAll(): void {
    for (const key of [...this.listeners.keys()]) this.emit(key);
  }
}
