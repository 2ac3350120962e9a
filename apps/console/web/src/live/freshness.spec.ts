import { describe, expect, it } from 'vitest';
import { freshness, ProofOfLife, type Moment } from './freshness.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const SERVER = 1_800_000_000_000;

/** Both clocks of the browser after so much time. */
const after = (ms: number): Moment => ({ steady: ms, wall: 5_000_000 + ms });

describe('freshness', () => {
  it('is live for 15 s without a word, late for 30 s, then lost', () => {
    expect([0, 15_000, 15_001, 30_000, 30_001].map(freshness)).toEqual(['live', 'live', 'late', 'late', 'lost']);
  });
});

describe('ProofOfLife', () => {
  it('knows nothing before the first word', () => {
    const proof = new ProofOfLife();
    expect([proof.msSinceProof(after(0)), proof.serverNow(after(0)), proof.provedAt()]).toEqual([null, null, null]);
  });

  it('counts from the newest message, by the clock of the server', () => {
    const proof = new ProofOfLife();
    proof.hear(SERVER, after(0));
    proof.hear(SERVER + 10 * SECOND, after(10 * SECOND));
    expect(proof.msSinceProof(after(26 * SECOND))).toBe(16 * SECOND);
    expect(proof.serverNow(after(26 * SECOND))).toBe(SERVER + 26 * SECOND);
    expect(proof.provedAt()).toBe(SERVER + 10 * SECOND);
  });

  it('is not deceived by messages that were held up and arrive together', () => {
    const proof = new ProofOfLife();
    proof.hear(SERVER, after(0));
    // A proxy kept these for half a minute.
    proof.hear(SERVER + 10 * SECOND, after(50 * SECOND));
    proof.hear(SERVER + 20 * SECOND, after(50 * SECOND));
    expect(proof.msSinceProof(after(50 * SECOND))).toBe(30 * SECOND);
  });

  it('measures against the quickest message, so an ordinary delay is no age', () => {
    const proof = new ProofOfLife();
    proof.hear(SERVER, after(900)); // 900 ms on its way
    proof.hear(SERVER + 10 * SECOND, after(10 * SECOND + 50));
    expect(proof.msSinceProof(after(12 * SECOND))).toBe(1_950);
  });

  it('notices that the computer slept, though the steady clock stood still', () => {
    const proof = new ProofOfLife();
    proof.hear(SERVER, after(0));
    expect(proof.msSinceProof({ steady: 2 * SECOND, wall: 5_000_000 + 10 * MINUTE })).toBe(10 * MINUTE);
  });

  it('does not go live by a wall clock that is set back', () => {
    const proof = new ProofOfLife();
    proof.hear(SERVER, after(0));
    expect(proof.msSinceProof({ steady: 40 * SECOND, wall: 5_000_000 - 60 * MINUTE })).toBe(40 * SECOND);
  });

  it('follows a server whose clock is set back', () => {
    const proof = new ProofOfLife();
    proof.hear(SERVER, after(0));
    proof.hear(SERVER - 60 * MINUTE, after(10 * SECOND));
    expect(proof.msSinceProof(after(11 * SECOND))).toBe(1 * SECOND);
  });

  it('stays live for a week beside a server whose clock is slower than the browser’s', () => {
    const proof = new ProofOfLife();
    const drift = 1.000_05; // 30 s in a week
    const week = 7 * 24 * 60 * MINUTE;
    for (let at = 0; at <= week; at += 10 * SECOND) {
      proof.hear(SERVER + at, after(at * drift));
      expect(proof.msSinceProof(after(at * drift))).toBeLessThan(1 * SECOND);
    }
  });

  it('keeps what was proved over a reconnection, and judges the new connection by itself', () => {
    const proof = new ProofOfLife();
    proof.hear(SERVER, after(0));
    proof.reconnected();
    expect(proof.msSinceProof(after(20 * SECOND))).toBe(20 * SECOND);
    proof.hear(SERVER + 20 * SECOND, after(22 * SECOND));
    expect(proof.msSinceProof(after(22 * SECOND))).toBe(0);
  });
});
