"""Runs one of mosquitto's own broker tests against a broker that somebody else starts, as far as it is about MQTT 3.1 and 3.1.1.

usage: mosquitto_driver.py <folder "test" of mosquitto's source> <name of the test> <control port> <port for the broker>

The test's exit status is passed on; 77 where it is about MQTT 5 alone, 78 where it needs a configuration of mosquitto.
On the control port, `open <port>` is answered with `ready` when a new broker listens there; hanging up ends that broker.
"""

import os
import runpy
import socket
import sys

folder, name, control, port = sys.argv[1:]
broker_tests = os.path.join(folder, "broker")
sys.path[:0] = [folder, broker_tests]
sys.dont_write_bytecode = True

import mosq_test  # noqa: E402

MQTT_5_ALONE, CONFIGURATION = 77, 78
started = 0


class Broker:
    pid = os.getpid()
    returncode = 0

    def __init__(self, at):
        self.line = socket.create_connection(("127.0.0.1", int(control)))
        self.line.sendall(b"open %d\n" % at)
        if self.line.recv(6) != b"ready\n":
            raise IOError("the broker did not start")

    def terminate(self):
        self.line.shutdown(socket.SHUT_WR)
        self.line.recv(1)
        self.line.close()

    def wait(self, timeout=None):
        return 0

    def poll(self):
        return None

    def communicate(self, input=None, timeout=None):
        return (b"", b"")

    kill = terminate


def start_broker(filename, cmd=None, port=0, use_conf=False, expect_fail=False):
    global started
    if use_conf or cmd is not None or port == 0:
        sys.exit(CONFIGURATION)
    started += 1
    return Broker(port)


of_any_version = mosq_test.gen_connect


def gen_connect(*positional, **named):
    # In these tests MQTT 5 comes last: what came before has held.
    if named.get("proto_ver") == 5:
        sys.exit(0 if started > 0 else MQTT_5_ALONE)
    return of_any_version(*positional, **named)


mosq_test.start_broker = start_broker
mosq_test.gen_connect = gen_connect
sys.argv = [name, port]
runpy.run_path(os.path.join(broker_tests, name), run_name="__main__")
