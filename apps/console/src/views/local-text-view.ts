import type { LocalText } from '@canh/core/stations/local-text';
import type { LocalTextView } from '@canh/contract/views.dto';

export const textView = ({ vi, en }: LocalText): LocalTextView => ({ vi, en });

/** What has no name any more is called by its id. */
export const named = (names: LocalText | undefined, id: string): LocalTextView =>
  names === undefined ? { vi: id, en: id } : textView(names);
