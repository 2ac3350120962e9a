import type { ProblemView } from '@canh/contract/views.dto';

/** The server refused; `code` says why in one word. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiProblem';
  }
}

/** There was no answer, so nobody knows whether it was done. */
export class NoAnswer extends Error {
  constructor(
    readonly why: 'network' | 'timeout' | 'not-understood',
    cause: unknown,
  ) {
    super(`no answer: ${why}`, { cause });
    this.name = 'NoAnswer';
  }
}

const answerWithinMs = 15_000;

export type Method = 'GET' | 'POST' | 'DELETE';

/** One question to the API. Throws ApiProblem for a refusal and NoAnswer for silence; an abort stays an AbortError. */
export async function ask<Answer>(
  method: Method,
  path: string,
  options: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Answer> {
  const timeout = AbortSignal.timeout(answerWithinMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  const headers: Record<string, string> = { accept: 'application/json' };
  // A form on another site cannot set this header, so a write cannot come from there.
  if (method !== 'GET') headers['x-canh'] = 'console';
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      cache: 'no-store',
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    text = await response.text();
  } catch (cause) {
    if (options.signal?.aborted === true) throw cause;
    throw new NoAnswer(timeout.aborted ? 'timeout' : 'network', cause);
  }
  if (!response.ok) throw problemOf(response.status, text);
  if (text === '') return undefined as Answer;
  try {
    return JSON.parse(text) as Answer;
  } catch (cause) {
    throw new NoAnswer('not-understood', cause);
  }
}

function problemOf(status: number, text: string): ApiProblem {
  try {
    const problem = JSON.parse(text) as Partial<ProblemView>;
    return new ApiProblem(status, problem.code ?? '', typeof problem.message === 'string' ? problem.message : '');
  } catch {
    return new ApiProblem(status, '', ''); // from something between the server and the page
  }
}
