/**
 * Parts of a message below this are what its reader found wrong; its bytes stand once, with the first of them. From here on it is what the
 * store did not take, each with bytes of its own.
 */
export const MESSAGE_PARTS_END = 1_000_000;
