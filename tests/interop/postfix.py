"""A Postfix of our own: its configuration, queue and log in one folder, on loopback, beside any other."""

import os
import pwd
import shutil
import subprocess
import tempfile

from tests.interop import tools
from tools.cluster.cluster import HOST, Ports

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = {host}
inet_protocols = ipv4
myhostname = postfix.sender.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtputf8_enable = yes
smtp_tls_CAfile = {ca}
smtp_tls_loglevel = 1
smtp_dns_support_level = disabled
smtp_address_preference = ipv4
smtp_line_length_limit = 0
smtp_cname_overrides_servername = no
# Every message begins at the first hop.
smtp_connection_cache_on_demand = no
# What it is given goes on as it is.
local_header_rewrite_clients =
message_drop_headers =
disable_mime_input_processing = yes
disable_mime_output_conversion = yes
smtp_always_send_ehlo = yes
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
transport_retry_time = 1s
sender_dependent_default_transport_maps = inline:{{ {routes} }}
smtp_tls_policy_maps = inline:{{ {policies} }}
"""

_MASTER = """
{host}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Routes by sender: {sender: [(host, port), ...]}, tried in this order. Needs root.

    policies: {(host, port): TLS policy}, as in smtp_tls_policy_maps; others are `none`.
    """

    def __init__(self, ca, routes, policies):
        self._program = tools.need("postfix")
        if os.geteuid() != 0:
            tools.skip("a private Postfix needs root")
        # Not below a home, where the user postfix may not look.
        self.folder = tempfile.mkdtemp(prefix="postfix-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self._ports = Ports()
        self.port = self._ports.take()
        user = pwd.getpwnam("postfix")
        for name in ("queue", "data"):
            os.mkdir(f"{self.folder}/{name}", 0o755)
        os.chown(f"{self.folder}/data", user.pw_uid, user.pw_gid)
        shutil.copy(ca, f"{self.folder}/ca.pem")
        os.chmod(f"{self.folder}/ca.pem", 0o644)
        lines = {f"{{ {sender} = smtp:{', '.join(self._hop(one) for one in hops)} }}"
                 for sender, hops in routes.items()}
        hops = {one for route in routes.values() for one in route}
        rules = {f"{{ {self._hop(one)} = {policies.get(one, 'none')} }}" for one in hops}
        self._write("main.cf", _MAIN.format(folder=self.folder, host=HOST, ca=f"{self.folder}/ca.pem",
                                            routes=", ".join(sorted(lines)),
                                            policies=", ".join(sorted(rules))))
        self._write("master.cf", _MASTER.format(host=HOST, port=self.port))

    @staticmethod
    def _hop(endpoint):
        return f"[{endpoint[0]}]:{endpoint[1]}"

    def _write(self, name, text):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as out:
            out.write(text)

    def __enter__(self):
        self._control("start")
        return self

    def __exit__(self, *_):
        try:
            self._control("stop")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._ports.close()

    def _control(self, verb):
        done = subprocess.run([self._program, "-c", self.folder, verb], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=tools.SECONDS, check=False)
        if done.returncode:
            raise AssertionError(f"postfix {verb}: {done.stdout}\n{self.log()}")

    def log(self):
        try:
            with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""
