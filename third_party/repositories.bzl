"""All external repositories of Packetboat, from the machine alone."""

load("//third_party:absl.bzl", "absl_build_files")
load("//third_party:debian.bzl", "debian_repository", "debian_source_repository")

_LIBRARY = """load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "{name}",
    defines = {defines},
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
    deps = {deps},
)
"""

def _debian_library(name, packages, targets):
    """A repository whose targets are all installed headers and libraries.

    Args:
      name: name of the repository
      packages: Debian packages it stands on
      targets: target name to a struct made by _library()
    """
    text = ""
    for target, library in targets.items():
        text += _LIBRARY.format(
            name = target,
            defines = repr(library.defines),
            deps = repr(library.deps),
            linkopts = repr(library.linkopts),
        )

    # One load statement at the top is enough.
    load_line, _, _ = _LIBRARY.partition("\n")
    text = load_line + text.replace(load_line, "")
    debian_repository(
        name = name,
        contents = {"BUILD.bazel": text},
        packages = packages,
    )

def _library(linkopts = [], defines = [], deps = []):
    return struct(defines = defines, deps = deps, linkopts = linkopts)

def _bazel_support():
    """What Bazel 4.2.3 itself would download."""
    debian_repository(
        name = "rules_cc",
        contents = {
            "BUILD.bazel": "",
            "cc/BUILD.bazel": "exports_files([\"defs.bzl\"])\n",
        },
        files = {"//third_party:rules_cc.bzl": "cc/defs.bzl"},
    )
    debian_repository(
        name = "remote_coverage_tools",
        contents = {"BUILD.bazel": """package(default_visibility = ["//visibility:public"])

filegroup(name = "coverage_report_generator")

filegroup(name = "lcov_merger")
"""},
    )

def _google_libraries():
    debian_repository(
        name = "com_google_absl",
        contents = absl_build_files(),
        packages = ["libabsl-dev"],
    )
    _debian_library(
        name = "com_google_googletest",
        packages = ["libgtest-dev", "libgmock-dev"],
        targets = {
            "gtest": _library(linkopts = ["-lgmock", "-lgtest", "-pthread"]),
            "gtest_main": _library(linkopts = ["-lgmock_main", "-lgmock", "-lgtest", "-pthread"]),
        },
    )
    _debian_library(
        name = "com_google_benchmark",
        packages = ["libbenchmark-dev"],
        targets = {
            "benchmark": _library(linkopts = ["-lbenchmark", "-pthread"]),
            "benchmark_main": _library(
                deps = [":benchmark"],
                linkopts = ["-lbenchmark_main"],
            ),
        },
    )
    debian_repository(
        name = "com_google_protobuf",
        build_file = "//third_party:protobuf.BUILD",
        links = {"protoc": "/usr/bin/protoc"},
        packages = ["libprotobuf-dev", "protobuf-compiler"],
    )
    debian_repository(
        name = "com_github_grpc_grpc",
        build_file = "//third_party:grpc.BUILD",
        links = {"grpc_cpp_plugin": "/usr/bin/grpc_cpp_plugin"},
        packages = ["libgrpc++-dev", "protobuf-compiler-grpc"],
    )

def _other_libraries():
    _debian_library(
        name = "argon2",
        packages = ["libargon2-dev"],
        targets = {"argon2": _library(linkopts = ["-largon2"])},
    )
    _debian_library(
        name = "asio",
        packages = ["libasio-dev"],
        targets = {"asio": _library(
            defines = ["ASIO_STANDALONE", "ASIO_NO_DEPRECATED"],
            linkopts = ["-pthread"],
        )},
    )
    _debian_library(
        name = "curl",
        packages = ["libcurl4-openssl-dev"],
        targets = {"curl": _library(linkopts = ["-lcurl"])},
    )
    _debian_library(
        name = "icu",
        packages = ["libicu-dev"],
        targets = {"icu": _library(linkopts = ["-licui18n", "-licuuc", "-licudata"])},
    )
    _debian_library(
        name = "libxcrypt",
        packages = ["libcrypt-dev"],
        targets = {"crypt": _library(linkopts = ["-lcrypt"])},
    )
    _debian_library(
        name = "prometheus_cpp",
        packages = ["prometheus-cpp-dev"],
        targets = {"core": _library(linkopts = ["-lprometheus-cpp-core"])},
    )
    _debian_library(
        name = "rocksdb",
        packages = ["librocksdb-dev"],
        targets = {"rocksdb": _library(linkopts = ["-lrocksdb"])},
    )
    _debian_library(
        name = "spdlog",
        packages = ["libspdlog-dev"],
        targets = {"spdlog": _library(
            defines = ["SPDLOG_SHARED_LIB", "SPDLOG_COMPILED_LIB", "SPDLOG_FMT_EXTERNAL"],
            linkopts = ["-lspdlog", "-lfmt"],
        )},
    )
    _debian_library(
        name = "unbound",
        packages = ["libunbound-dev"],
        targets = {"unbound": _library(linkopts = ["-lunbound"])},
    )
    _debian_library(
        name = "yaml_cpp",
        packages = ["libyaml-cpp-dev"],
        targets = {"yaml-cpp": _library(linkopts = ["-lyaml-cpp"])},
    )
    _debian_library(
        name = "zlib",
        packages = ["zlib1g-dev"],
        targets = {"zlib": _library(linkopts = ["-lz"])},
    )
    _debian_library(
        name = "zstd",
        packages = ["libzstd-dev"],
        targets = {"zstd": _library(linkopts = ["-lzstd"])},
    )

def _built_from_source():
    debian_source_repository(
        name = "boringssl",
        package = "android-platform-external-boringssl",
        strip_prefix = "android-platform-external-boringssl-14.0.0+r45",
    )

    # raft.h in include/ for the library's own C files; for C++ raft_declarations.h, without the lines
    # that are not C++, behind a raft.h of ours. Both keep the v0 structs, as Debian's build does: the
    # layout must be one.
    debian_source_repository(
        name = "libraft",
        build_file = "//third_party:libraft.BUILD",
        derived = {
            "cxx/raft_declarations.h": "include/raft.h.in",
            "include/raft.h": "include/raft.h.in",
        },
        dropped_lines = {"cxx/raft_declarations.h": "RAFT__ASSERT_COMPATIBILITY("},
        files = {"//third_party:raft_cxx.h": "cxx/raft.h"},
        package = "raft",
        strip_prefix = "raft-0.22.1",
        substitutions = {"@enable_v0@": "yes"},
    )

def packetboat_dependencies():
    """Declares every external repository."""
    _bazel_support()
    _google_libraries()
    _other_libraries()
    _built_from_source()
