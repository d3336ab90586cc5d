"""./test counts what really happened, and never reports success without it."""

import contextlib
import io
import json
import os
import tempfile
import unittest

from tools import count_tests

GTEST_XML = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3"><testsuite name="S">
  <testcase name="A" status="run" result="completed"/>
  <testcase name="B" status="run" result="skipped"><skipped message="no"/></testcase>
  <testcase name="C" status="run" result="completed">%s</testcase>
</testsuite></testsuites>"""

SCRIPT_XML = '<testsuites><testsuite name="s"><testcase name="s"/></testsuite></testsuites>'


class CountTestsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.events = []
        self.expected = []
        self.steps = []

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def add_target(self, label, status, xml=None, log=""):
        number = len(self.events)
        files = [{"name": "test.log", "uri": "file://" + self.write(f"{number}.log", log)}]
        if xml:
            files.append({"name": "test.xml", "uri": "file://" + self.write(f"{number}.xml", xml)})
        self.expected.append(label)
        self.events.append({"id": {"testResult": {"label": label}},
                            "testResult": {"testActionOutput": files}})
        self.events.append({"id": {"testSummary": {"label": label}},
                            "testSummary": {"overallStatus": status}})

    def run_main(self):
        """The exit code and the last line printed."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = count_tests.main([
                self.write("events", "\n".join(map(json.dumps, self.events))),
                self.write("expected", "\n".join(self.expected)),
                self.write("steps", "\n".join(self.steps)),
            ])
        return code, output.getvalue().strip().splitlines()[-1]

    def test_cases_of_a_passing_target_are_counted_one_by_one(self):
        self.add_target("//a:a", "PASSED", GTEST_XML % "")
        self.assertEqual(self.run_main(), (0, "2 passed, 0 failed, 1 skipped"))

    def test_a_failing_case_fails_the_run(self):
        self.add_target("//a:a", "FAILED", GTEST_XML % "<failure/>")
        self.assertEqual(self.run_main(), (1, "1 passed, 1 failed, 1 skipped"))

    def test_a_target_that_timed_out_without_a_report_is_a_failure(self):
        self.add_target("//a:a", "TIMEOUT")
        self.assertEqual(self.run_main(), (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_crash_after_passing_cases_is_a_failure(self):
        self.add_target("//a:a", "FAILED", GTEST_XML % "")
        self.assertEqual(self.run_main(), (1, "2 passed, 1 failed, 1 skipped"))

    def test_an_expected_target_that_never_ran_is_a_failure(self):
        self.add_target("//a:a", "PASSED", GTEST_XML % "")
        self.expected.append("//a:not_built")
        self.assertEqual(self.run_main(), (1, "2 passed, 1 failed, 1 skipped"))

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.run_main(), (1, "0 passed, 0 failed, 0 skipped"))

    def test_a_script_that_says_so_is_skipped(self):
        self.add_target("//a:a", "PASSED", GTEST_XML % "")
        self.add_target("//a:script", "PASSED", SCRIPT_XML, "SKIPPED: no podman here\n")
        self.assertEqual(self.run_main(), (0, "2 passed, 0 failed, 2 skipped"))

    def test_a_script_without_a_skip_line_passes(self):
        self.add_target("//a:script", "PASSED", SCRIPT_XML, "all well, nothing SKIPPED: here\n")
        self.assertEqual(self.run_main(), (0, "1 passed, 0 failed, 0 skipped"))

    def test_steps_count_beside_targets(self):
        self.steps = ["passed layers", "failed exported symbols"]
        self.assertEqual(self.run_main(), (1, "1 passed, 1 failed, 0 skipped"))

    def test_unreadable_results_are_a_failure(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = count_tests.main(["/nonexistent", "/nonexistent", "/nonexistent"])
        self.assertEqual(code, 1)
        self.assertTrue(output.getvalue().endswith("0 passed, 1 failed, 0 skipped\n"))


if __name__ == "__main__":
    unittest.main()
