/** Whether a filter takes in a topic (MQTT 3.1.1, 4.7): `+` is one level, `#` is all that follow and the one before them. */
export function takesIn(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [n, want] of wanted.entries()) {
    if (want === '#') return true;
    if (n >= levels.length || (want !== '+' && want !== levels[n])) return false;
  }
  return wanted.length === levels.length;
}
