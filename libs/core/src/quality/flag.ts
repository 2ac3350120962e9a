/** How far a reading is trusted: the flags of QARTOD (U.S. IOOS), by their numbers. */
export const Flag = { good: 1, notEvaluated: 2, suspect: 3, failed: 4, missing: 9 } as const;
export type Flag = (typeof Flag)[keyof typeof Flag];
