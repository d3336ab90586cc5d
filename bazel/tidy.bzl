"""clang-tidy as a Bazel aspect: each file is an action, cached like a compilation.

`bazel build --config=tidy //...` checks every C++ rule of ours with the flags that it compiles with.
"""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

_CLANG_TIDY = "/usr/bin/clang-tidy-19"
_KINDS = ["cc_library", "cc_binary", "cc_test"]

# GCC's own options, which clang does not know, and warnings, which are the compiler's business.
_DROPPED_PREFIXES = ["-W", "-fno-canonical-system-headers"]

def _toolchain_flags(ctx, copts):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    variables = cc_common.create_compile_variables(
        cc_toolchain = toolchain,
        feature_configuration = features,
        user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + copts,
    )
    flags = cc_common.get_memory_inefficient_command_line(
        action_name = ACTION_NAMES.cpp_compile,
        feature_configuration = features,
        variables = variables,
    )
    return [
        flag
        for flag in flags
        if not [prefix for prefix in _DROPPED_PREFIXES if flag.startswith(prefix)]
    ]

def _search_flags(context):
    """Defines and include folders of a compilation context."""
    flags = []
    for define in context.defines.to_list() + context.local_defines.to_list():
        flags.append("-D" + define)
    for folder in context.quote_includes.to_list():
        flags += ["-iquote", folder]
    for folder in context.includes.to_list() + context.system_includes.to_list():
        flags += ["-isystem", folder]
    return flags

def _check(ctx, source, flags, headers):
    report = ctx.actions.declare_file("%s.%s.tidy" % (ctx.label.name, source.basename))
    arguments = ctx.actions.args()
    arguments.add(_CLANG_TIDY)
    arguments.add(report)
    arguments.add("--config-file=" + ctx.file._config.path)
    arguments.add("--quiet")
    arguments.add(source)
    arguments.add("--")
    arguments.add_all(flags)
    ctx.actions.run(
        executable = ctx.executable._runner,
        arguments = [arguments],
        inputs = depset([source, ctx.file._config], transitive = [headers]),
        outputs = [report],
        mnemonic = "ClangTidy",
        progress_message = "Checking %s" % source.short_path,
        use_default_shell_env = True,
    )
    return report

def _tidy_impl(target, ctx):
    if ctx.rule.kind not in _KINDS or target.label.workspace_name:
        return []
    context = target[CcInfo].compilation_context
    flags = _toolchain_flags(ctx, getattr(ctx.rule.attr, "copts", [])) + _search_flags(context)
    sources = [
        file
        for attribute in ctx.rule.attr.srcs
        for file in attribute.files.to_list()
        if file.is_source and file.extension == "cc"
    ]
    reports = [_check(ctx, source, flags, context.headers) for source in sources]
    return [OutputGroupInfo(tidy = depset(reports))]

tidy = aspect(
    implementation = _tidy_impl,
    attrs = {
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_config": attr.label(default = "//:.clang-tidy", allow_single_file = True),
        "_runner": attr.label(default = "//bazel:run_tidy.sh", allow_single_file = True, executable = True, cfg = "host"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
