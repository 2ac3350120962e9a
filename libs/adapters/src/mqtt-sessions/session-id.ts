/** What Aedes knows a client by: its device in front, so that no device takes over a session of another. An id of a device has no `/`. */
export function sessionIdOf(deviceId: string, clientId: string): string {
  return `${deviceId}/${clientId}`;
}

export function deviceOfSession(sessionId: string): string {
  const end = sessionId.indexOf('/');
  return end === -1 ? sessionId : sessionId.slice(0, end);
}
