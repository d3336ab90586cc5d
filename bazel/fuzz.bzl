"""Fuzz targets, which are ordinary tests unless a fuzzer drives them."""

load("@rules_cc//cc:defs.bzl", "cc_test")

def cc_fuzz_test(name, srcs, deps = [], corpus = [], size = "medium", **kwargs):
    """A test of `LLVMFuzzerTestOneInput()` in srcs.

    `bazel test` feeds it the committed corpus and seeded mutations of it. `--config=fuzz` makes the
    same target a libFuzzer binary; `tools/fuzz` runs that.

    Args:
      name: name of the target, by custom ending in _fuzz
      srcs: sources that define `extern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t)`
      deps: as for cc_test
      corpus: seed inputs, usually `glob(["name_corpus/*"])`
      size: as for cc_test
      **kwargs: passed to cc_test
    """
    native.filegroup(
        name = name + "_corpus",
        srcs = corpus,
    )
    cc_test(
        name = name,
        size = size,
        srcs = srcs,
        args = ["$(rootpaths :%s_corpus)" % name] if corpus else [],
        data = [":%s_corpus" % name],
        linkopts = select({
            "//bazel:fuzzing": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = deps + select({
            "//bazel:fuzzing": [],
            "//conditions:default": ["//bazel:replay_main"],
        }),
        **kwargs
    )
