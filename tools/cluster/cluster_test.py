"""What the clusters of the tests stand on, apart from the binaries."""

import socket
import subprocess
import sys
import unittest

from tools.cluster import cluster


class PortsTest(unittest.TestCase):

    def setUp(self):
        self.ports = cluster.Ports()
        self.addCleanup(self.ports.close)

    def test_no_port_is_given_out_twice_not_even_by_another_object(self):
        other = cluster.Ports()
        self.addCleanup(other.close)
        taken = [one.take() for _ in range(50) for one in (self.ports, other)]
        self.assertEqual(len(set(taken)), len(taken))

    def test_a_port_that_somebody_listens_on_is_passed_over(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.ports._candidates = [listener.getsockname()[1]]
            with self.assertRaises(cluster.ClusterError):
                self.ports.take()

    def test_ports_are_free_again_once_they_are_given_back(self):
        first = cluster.Ports()
        port = first.take()
        first.close()
        self.ports._candidates = [port]
        self.assertEqual(self.ports.take(), port)


class ProcessesTest(unittest.TestCase):

    def test_a_process_is_found_by_its_whole_command_line_alone(self):
        argv = [sys.executable, "-c", "input()", "a word of our own"]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE)
        try:
            while not cluster.processes_with(argv):  # Until it has become this program.
                self.assertIsNone(child.poll())
            self.assertEqual(cluster.processes_with(argv), [child.pid])
            self.assertEqual(cluster.processes_with(argv[:-1]), [])
        finally:
            child.communicate(b"\n")
        self.assertEqual(cluster.processes_with(argv), [])


class SettingsTest(unittest.TestCase):

    def test_settings_are_merged_key_by_key_and_lists_replaced(self):
        config = {"test": {"a": 1, "b": 2}, "list": [1, 2]}
        cluster._merge(config, {"test": {"b": 3}, "list": [4], "new": True})
        self.assertEqual(config, {"test": {"a": 1, "b": 3}, "list": [4], "new": True})

    def test_settings_are_written_as_yaml(self):
        self.assertEqual(cluster._yaml({"a": {"b": [{"c": 1, "d": "x: y"}, "z"]}, "e": [], "f": True}),
                         'a:\n  b:\n    - c: 1\n      d: "x: y"\n    - "z"\ne: []\nf: true')


if __name__ == "__main__":
    unittest.main()
