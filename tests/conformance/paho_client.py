"""A device that speaks MQTT by Eclipse Paho, as Debian packages it.

usage: paho_client.py <tcp|websockets> <host> <port> <file of the authority, or -> <user name> <client id> [<payload> ...]

Publishes the payloads at QoS 0, 1, 2, 0, ... in a session that is kept, then comes back to it, and prints what it was told as JSON.
"""

import json
import sys
import threading

import paho.mqtt.client as mqtt

TELEMETRY = "v1/devices/me/telemetry"
WITHIN_S = 20

transport, host, port, authority, user, client_id, *payloads = sys.argv[1:]


def connect():
    told, answered = {}, threading.Event()

    def on_connect(_client, _userdata, flags, code):
        told.update(code=code, session=flags["session present"])
        answered.set()

    client = mqtt.Client(client_id, clean_session=False, transport=transport)
    client.on_connect = on_connect
    client.username_pw_set(user)
    if transport == "websockets":
        client.ws_set_options(path="/mqtt")
    if authority != "-":
        client.tls_set(ca_certs=authority)
    client.connect(host, int(port), keepalive=30)
    client.loop_start()
    if not answered.wait(WITHIN_S):
        raise SystemExit("no CONNACK")
    return client, told


client, first = connect()
if first["code"] != 0:
    print(json.dumps({"first": first}))
    raise SystemExit(0)
granted, subscribed = [], threading.Event()
client.on_subscribe = lambda _client, _userdata, _id, qos: (granted.extend(qos), subscribed.set())
client.subscribe([("v1/devices/me/rpc/request/+", 1), ("#", 0)])
if not subscribed.wait(WITHIN_S):
    raise SystemExit("no SUBACK")
for number, payload in enumerate(payloads):
    message = client.publish(TELEMETRY, payload, qos=number % 3)
    message.wait_for_publish(WITHIN_S)
    if not message.is_published():
        raise SystemExit("not acknowledged: " + payload)
client.disconnect()
client.loop_stop()
client, second = connect()
client.disconnect()
client.loop_stop()
print(json.dumps({"first": first, "granted": granted, "second": second}))
