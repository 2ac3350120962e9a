const LOOK_AGAIN_MS = 20;

/** Waits until `expectation` holds; at the deadline, fails with what it said last. For what another process or thread does in its own time. */
export async function eventually(expectation: () => unknown, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      await expectation();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
}
