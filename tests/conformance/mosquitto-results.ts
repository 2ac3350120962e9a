const NO_SUBSCRIPTION = 'a session in which nothing is subscribed is none: there is nothing to keep for it';
const WRONG_ANSWER =
  'an answer that belongs to no message of that quality of service is passed over; MQTT 3.1.1 lets a server hang up';

/** It passes, unless its PUBLISH and the SUBSCRIBE behind it are read in one piece: Aedes works on both at once, and forwards what it also retained. No device may retain. */
export const ONE_BY_ONE = 'pass, where its packets are read one by one';

/**
 * Of mosquitto 2.0.11, all broker tests that are about MQTT 3.1 and 3.1.1 and need no configuration of it: `pass`, or why not. The others
 * are about MQTT 5, bridges, mosquitto's own files and plugins.
 */
export const MOSQUITTO_RESULTS: Readonly<Record<string, string>> = {
  '01-connect-bad-packet': 'pass',
  '01-connect-connack-2163': 'pass',
  '01-connect-duplicate': 'pass',
  '01-connect-invalid-id-0': 'pass',
  '01-connect-invalid-id-missing': 'pass',
  '01-connect-invalid-id-utf8': 'pass',
  '01-connect-invalid-protonum': 'pass',
  '01-connect-invalid-reserved': 'pass',
  '01-connect-success': 'pass',
  '01-connect-uname-invalid-utf8': 'pass',
  '01-connect-uname-no-flag': 'pass',
  '01-connect-uname-pwd-no-flag': 'pass',
  '02-subhier-crash': 'pass',
  '02-subpub-qos0-long-topic': "Aedes matches topics of 100 levels at most; the test's has 200",
  '02-subpub-qos0': 'pass',
  '02-subpub-qos1-bad-pubcomp': WRONG_ANSWER,
  '02-subpub-qos1-bad-pubrec': WRONG_ANSWER,
  '02-subpub-qos1': 'pass',
  '02-subpub-qos2-1322': NO_SUBSCRIPTION,
  '02-subpub-qos2-bad-puback-1': WRONG_ANSWER,
  '02-subpub-qos2-bad-puback-2': WRONG_ANSWER,
  '02-subpub-qos2-bad-pubcomp': WRONG_ANSWER,
  '02-subpub-qos2':
    'a message of QoS 2 is forwarded when it came and not when it is released; MQTT 3.1.1, 4.3.3, allows both orders',
  '02-subscribe-dollar-v5': 'pass',
  '02-subscribe-invalid-utf8': 'pass',
  '02-subscribe-long-topic': 'pass',
  '02-subscribe-persistence-flipflop': 'pass',
  '02-subscribe-qos0': 'pass',
  '02-subscribe-qos1': 'pass',
  '02-subscribe-qos2': 'pass',
  '02-unsubscribe-invalid-no-topic': 'pass',
  '02-unsubscribe-qos0': 'pass',
  '02-unsubscribe-qos1': 'pass',
  '02-unsubscribe-qos2-multiple': 'pass',
  '02-unsubscribe-qos2': 'pass',
  '03-pattern-matching': 'pass',
  '03-publish-b2c-disconnect-qos1': 'pass',
  '03-publish-b2c-disconnect-qos2': 'pass',
  '03-publish-c2b-disconnect-qos2':
    'what came at QoS 2 is not remembered over a lost connection: the journal has it, and a reading that comes twice is stored once',
  '03-publish-dollar': 'pass',
  '03-publish-invalid-utf8': 'pass',
  '03-publish-long-topic': 'pass',
  '03-publish-qos1': 'pass',
  '03-publish-qos2': 'pass',
  '04-retain-qos0-clear': ONE_BY_ONE,
  '04-retain-qos0-fresh': ONE_BY_ONE,
  '04-retain-qos0-repeated': ONE_BY_ONE,
  '04-retain-qos0': ONE_BY_ONE,
  '04-retain-qos1-qos0': ONE_BY_ONE,
  '05-clean-session-qos1': 'pass',
  '07-will-invalid-utf8': 'pass',
  '07-will-no-flag': 'pass',
  '07-will-null-topic': 'pass',
  '07-will-null': 'pass',
  '07-will-qos0': 'pass',
  '07-will-reconnect-1273': NO_SUBSCRIPTION,
  '07-will-takeover': NO_SUBSCRIPTION,
};
