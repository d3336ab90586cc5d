"""A TCP proxy before an MX that loses replies."""

import socket
import threading

from tools.cluster.cluster import HOST


class CuttingProxy:
    """Cuts the connection when the 250 for a message comes by: the MX has it, nobody knows."""

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self._lock = threading.Lock()
        self.endpoint = self._listener.getsockname()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # Closed.
            server = socket.create_connection(self._target)
            threading.Thread(target=self._relay, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, True), daemon=True).start()

    def _relay(self, source, sink, cuts):
        try:
            while octets := source.recv(65536):
                if cuts and b"queued as" in octets:
                    with self._lock:
                        self.cuts += 1
                    break
                sink.sendall(octets)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)  # The other thread sees it too.
            except OSError:
                pass
        source.close()
