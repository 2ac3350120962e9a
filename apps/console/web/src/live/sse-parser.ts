/** One event of a `text/event-stream`. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
  /** Null: the event named no id. */
  readonly id: string | null;
}

/** Reads events out of pieces of text that may break anywhere. */
export class SseParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private id: string | null = null;
  private size = 0;

  /** One event is never longer than this; more is not our server, and must not fill the memory. */
  constructor(private readonly maxChars = 16_000_000) {}

  /** The events that this piece completes. Throws a RangeError when one grows over the limit. */
  push(piece: string): StreamEvent[] {
    const done: StreamEvent[] = [];
    const text = this.rest + piece;
    let start = 0;
    for (;;) {
      const end = nextLineEnd(text, start);
      if (end === null) break;
      this.line(text.slice(start, end.at), done);
      start = end.next;
    }
    this.rest = text.slice(start);
    if (this.size + this.rest.length > this.maxChars) {
      throw new RangeError(
        `An event of the live stream is longer than ${this.maxChars} characters; the connection is made anew.`,
      );
    }
    return done;
  }

  private line(line: string, done: StreamEvent[]): void {
    if (line === '') {
      if (this.data.length > 0)
        done.push({ event: this.event === '' ? 'message' : this.event, data: this.data.join('\n'), id: this.id });
      this.event = '';
      this.data = [];
      this.id = null;
      this.size = 0;
      return;
    }
    this.size += line.length;
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const field = colon === -1 ? line : line.slice(0, colon);
    const raw = colon === -1 ? '' : line.slice(colon + 1);
    const value = raw.startsWith(' ') ? raw.slice(1) : raw;
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.event = value;
    else if (field === 'id') this.id = value;
  }
}

/** A line ends with LF, CRLF or CR; a CR at the very end may still become CRLF. */
function nextLineEnd(text: string, from: number): { at: number; next: number } | null {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10) return { at, next: at + 1 };
    if (code === 13) {
      if (at + 1 === text.length) return null;
      return { at, next: text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 };
    }
  }
  return null;
}
