import type { NodemailerError } from 'nodemailer';
import { oneLine } from '@canh/core/dispatch/clean-text';
import type { Outcome } from '@canh/core/dispatch/notice';

const LONGEST_ANSWER = 300;

/** 503 says that the session was in a wrong state; 530, 534, 535 and 538 speak of our login. None of them is about this message. */
const ABOUT_THE_SESSION: readonly number[] = [503, 530, 534, 535, 538];

/**
 * What an error of a sending means. Refused for good is only what the server said with a 5xx of this recipient or this message; a 5xx to
 * the connection, the login or the sender is our set-up, and alerts must go out once somebody has put it right.
 */
export function failedOutcome(
  error: Pick<NodemailerError, 'message' | 'code' | 'command' | 'response' | 'responseCode'>,
): Outcome {
  const { responseCode = 0, command } = error;
  const permanent = responseCode >= 500 && responseCode < 600 && !ABOUT_THE_SESSION.includes(responseCode);
  const answer = oneLine(
    error.response ?? [error.code, error.message].filter((part) => part !== undefined).join(': '),
    LONGEST_ANSWER,
  );
  return { kind: permanent && (command === 'RCPT TO' || command === 'DATA') ? 'refused' : 'failed', answer };
}
