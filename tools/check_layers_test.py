"""The layer check finds what it should, and accepts what the layers allow."""

import unittest

from tools import check_layers


class CheckLayersTest(unittest.TestCase):

    def assert_allowed(self, rule, dependency):
        self.assertIsNone(check_layers.fault(rule, dependency))

    def assert_forbidden(self, rule, dependency):
        self.assertIsNotNone(check_layers.fault(rule, dependency))

    def test_services_never_include_one_another(self):
        for service in check_layers.ROLES:
            for other in check_layers.ROLES:
                check = self.assert_allowed if service == other else self.assert_forbidden
                check(f"//{service}/a:a", f"//{other}/b:b")

    def test_mail_uses_base_and_the_interfaces_of_net_alone(self):
        self.assert_allowed("//mail/smtp:session", "//base:ids")
        self.assert_allowed("//mail/spf:spf", "//net/api:dns")
        self.assert_forbidden("//mail/spf:spf", "//net/dns:unbound")
        self.assert_forbidden("//mail/spf:spf", "//proto/store:record")

    def test_base_and_proto_use_nothing_of_ours(self):
        self.assert_forbidden("//base:config", "//net/api:dns")
        self.assert_forbidden("//proto/store:record", "//base:ids")

    def test_what_roles_share_knows_no_role_and_no_mail(self):
        self.assert_allowed("//mx:mx", "//role:process")
        self.assert_allowed("//role:process", "//net/rpc:server")
        for other in check_layers.ROLES + ["mail/smtp", "cli"]:
            self.assert_forbidden("//role:process", f"//{other}:a")

    def test_configuration_is_read_by_services_and_not_by_libraries(self):
        self.assert_allowed("//base/config:load", "//proto:config")
        self.assert_allowed("//mx/inbound:shell", "//base/config:load")
        self.assert_allowed("//base/config:load_test", "//base/config:load")
        for library in ["base:log", "mail/smtp:session", "net/api:dns", "store/model:mailbox"]:
            self.assert_forbidden(f"//{library}", "//base/config:load")

    def test_mail_knows_no_socket_thread_or_schema(self):
        self.assert_allowed("//mail/dkim:dkim", "@boringssl//:crypto")
        for repository in ["asio", "rocksdb", "com_google_protobuf", "com_github_grpc_grpc", "curl"]:
            self.assert_forbidden("//mail/dkim:dkim", f"@{repository}//:x")

    def test_only_the_adapter_includes_libraft(self):
        self.assert_allowed("//store/raft:core", "@libraft//:core")
        self.assert_forbidden("//store/replication:group", "@libraft//:core")

    def test_the_model_knows_no_storage_engine_or_call(self):
        self.assert_allowed("//store/model:mailbox", "@com_google_protobuf//:protobuf")
        self.assert_forbidden("//store/model:mailbox", "@rocksdb//:rocksdb")
        self.assert_forbidden("//store/model:mailbox", "@com_github_grpc_grpc//:grpc++")
        self.assert_forbidden("//store/model:mailbox", "//store/raft:group")

    def test_a_folder_with_a_longer_name_is_another_folder(self):
        self.assert_forbidden("//mailroom:a", "//base:ids")

    def test_a_new_top_level_folder_needs_a_layer(self):
        self.assert_forbidden("//extra:a", "//base:ids")

    def test_reads_what_bazel_answers(self):
        answer = """<?xml version="1.1" encoding="UTF-8" standalone="no"?>
            <query version="2">
              <rule class="cc_library" name="//mail/smtp:session">
                <list name="deps"><label value="//store/model:mailbox"/></list>
                <rule-input name="//base:ids"/>
                <rule-input name="//store/model:mailbox"/>
              </rule>
            </query>"""
        found = list(check_layers.faults(answer))
        self.assertEqual(len(found), 1)
        self.assertIn("//mail/smtp:session uses //store/model:mailbox", found[0])


if __name__ == "__main__":
    unittest.main()
