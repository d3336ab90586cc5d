"""The C++ toolchains, and the flags of every compilation and link."""

load("@bazel_tools//tools/cpp:unix_cc_toolchain_config.bzl", "cc_toolchain_config")
load("@rules_cc//cc:defs.bzl", "cc_toolchain", "cc_toolchain_suite")

_COMPILE = [
    "-O1",
    # Line tables: enough for stack traces and profiles, a fraction of the size of -g.
    "-g1",
    "-fno-omit-frame-pointer",
    "-fstack-protector-strong",
    "-fdata-sections",
    "-ffunction-sections",
    "-pthread",
    # Bounds of vectors, strings and spans are checked in production as well.
    "-D_GLIBCXX_ASSERTIONS",
]

# The same result from the same sources, whatever the time and the folder.
_REPRODUCIBLE = [
    "-Wno-builtin-macro-redefined",
    "-D__DATE__=\"redacted\"",
    "-D__TIMESTAMP__=\"redacted\"",
    "-D__TIME__=\"redacted\"",
]

# NDEBUG is defined in no mode: assertions stay on in production.
_OPT_COMPILE = [
    "-O2",
    "-D_FORTIFY_SOURCE=2",
]

_LINK = [
    "-fuse-ld=gold",
    "-pthread",
    "-Wl,-z,relro,-z,now",
    "-Wl,--gc-sections",
]

# BoringSSL is static and OpenSSL comes in with gRPC: nothing of an archive may be visible to the
# shared libraries of the process. Clang links its sanitizers as archives, which must be visible.
_HIDDEN_ARCHIVES = {
    "gcc": ["-Wl,--exclude-libs,ALL"],
    "clang": ["-Wl,--exclude-libs,libssl.a:libcrypto.a"],
}

_INCLUDE_DIRECTORIES = {
    "gcc": ["/usr/lib/gcc", "/usr/include"],
    "clang": ["/usr/lib/llvm-19/lib/clang/19", "/usr/lib/gcc", "/usr/include"],
}

_DRIVERS = {
    "gcc": "/usr/bin/gcc-12",
    "clang": "/usr/bin/clang-19",
}

def _toolchain_config(name, compiler, cpu, triple):
    driver = _DRIVERS[compiler]
    specific = ["-fno-canonical-system-headers"] if compiler == "gcc" else []
    cc_toolchain_config(
        name = name,
        abi_libc_version = "glibc_2.36",
        abi_version = compiler,
        compile_flags = _COMPILE,
        compiler = compiler,
        cpu = cpu,
        cxx_builtin_include_directories = _INCLUDE_DIRECTORIES[compiler],
        cxx_flags = ["-std=c++20"],
        dbg_compile_flags = ["-O0", "-g"],
        host_system_name = triple,
        link_flags = _LINK + _HIDDEN_ARCHIVES[compiler],
        link_libs = ["-lstdc++", "-lm"],
        opt_compile_flags = _OPT_COMPILE,
        # Archives are linked as archives: --exclude-libs does not see loose objects.
        supports_start_end_lib = False,
        target_libc = "glibc_2.36",
        target_system_name = triple,
        tool_paths = {
            "ar": "/usr/bin/ar",
            "cpp": driver,
            "dwp": "/usr/bin/dwp",
            "gcc": driver,
            "gcov": "/usr/bin/gcov-12",
            "ld": "/usr/bin/ld.gold",
            "llvm-cov": "/bin/false",
            "nm": "/usr/bin/nm",
            "objcopy": "/usr/bin/objcopy",
            "objdump": "/usr/bin/objdump",
            "strip": "/usr/bin/strip",
        },
        toolchain_identifier = name,
        unfiltered_compile_flags = specific + _REPRODUCIBLE,
    )

def _toolchain(name, compiler, cpu, triple):
    _toolchain_config(name + "_config", compiler, cpu, triple)
    cc_toolchain(
        name = name,
        all_files = ":empty",
        ar_files = ":empty",
        as_files = ":empty",
        compiler_files = ":empty",
        dwp_files = ":empty",
        linker_files = ":empty",
        objcopy_files = ":empty",
        strip_files = ":empty",
        supports_param_files = True,
        toolchain_config = ":%s_config" % name,
    )

def toolchains(name, compilers, cpus):
    """A cc_toolchain_suite with a toolchain for each pair; the first compiler is the default.

    Args:
      name: name of the suite
      compilers: of "gcc" and "clang"
      cpus: Bazel's name of each processor to the GNU triple
    """
    native.filegroup(name = "empty")
    toolchains = {}
    for cpu, triple in cpus.items():
        for compiler in compilers:
            toolchain = "%s_%s" % (cpu, compiler)
            _toolchain(toolchain, compiler, cpu, triple)
            toolchains["%s|%s" % (cpu, compiler)] = ":" + toolchain
        toolchains[cpu] = ":%s_%s" % (cpu, compilers[0])
    cc_toolchain_suite(
        name = name,
        toolchains = toolchains,
    )
