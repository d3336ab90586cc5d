"""C++ from .proto files by Debian's protoc and grpc_cpp_plugin.

Imports are written from the root of the repository: `import "proto/store/record.proto";`. Every
target also has the filegroup NAME_proto: its .proto files and those that they import.
"""

load("@rules_cc//cc:defs.bzl", "cc_library")

_PROTOC = "@com_google_protobuf//:protoc"
_GRPC_PLUGIN = "@com_github_grpc_grpc//:grpc_cpp_plugin"

def _proto(label):
    """The filegroup of .proto files that belongs to a cc_proto or cc_grpc label."""
    if ":" not in label:
        label += ":" + label.split("/")[-1]
    return label + "_proto"

def _sources(name, srcs, deps, visibility):
    native.filegroup(
        name = name + "_proto",
        srcs = srcs + [_proto(dep) for dep in deps],
        visibility = visibility,
    )

def _own_paths(srcs):
    package = native.package_name()
    return " ".join([package + "/" + src if package else src for src in srcs])

def _outputs(srcs, suffixes):
    return [src[:-len(".proto")] + suffix for src in srcs for suffix in suffixes]

def _generated_library(name, srcs, deps, visibility, suffixes, flags, tools, runtime):
    _sources(name, srcs, deps, visibility)
    native.genrule(
        name = name + "_cc",
        srcs = [":%s_proto" % name],
        outs = _outputs(srcs, [suffix + ext for suffix in suffixes for ext in [".h", ".cc"]]),
        cmd = "$(location %s) -I. -I/usr/include %s %s" % (_PROTOC, flags, _own_paths(srcs)),
        tools = [_PROTOC] + tools,
    )
    cc_library(
        name = name,
        srcs = _outputs(srcs, [suffix + ".cc" for suffix in suffixes]),
        hdrs = _outputs(srcs, [suffix + ".h" for suffix in suffixes]),
        visibility = visibility,
        deps = deps + [runtime],
    )

def cc_proto(name, srcs, deps = [], visibility = None):
    """A cc_library with the messages of srcs.

    Args:
      name: name of the library
      srcs: .proto files of this package
      deps: cc_proto targets whose files srcs import
      visibility: as everywhere
    """
    _generated_library(
        name = name,
        srcs = srcs,
        deps = deps,
        visibility = visibility,
        suffixes = [".pb"],
        flags = "--cpp_out=$(GENDIR)",
        tools = [],
        runtime = "@com_google_protobuf//:protobuf",
    )

def cc_grpc(name, srcs, deps = [], visibility = None):
    """A cc_library with the messages and the services of srcs; arguments as for cc_proto."""
    _generated_library(
        name = name,
        srcs = srcs,
        deps = deps,
        visibility = visibility,
        suffixes = [".pb", ".grpc.pb"],
        flags = "--plugin=protoc-gen-grpc=$(location %s) --grpc_out=$(GENDIR) --cpp_out=$(GENDIR)" %
                _GRPC_PLUGIN,
        tools = [_GRPC_PLUGIN],
        runtime = "@com_github_grpc_grpc//:grpc++",
    )

def descriptor_set(name, deps, visibility = None):
    """NAME.binpb: a FileDescriptorSet of deps and all that they import, with comments.

    Args:
      name: name of the target
      deps: cc_proto or cc_grpc targets
      visibility: as everywhere
    """
    native.genrule(
        name = name,
        srcs = [_proto(dep) for dep in deps],
        outs = [name + ".binpb"],
        cmd = "$(location %s) -I. -I/usr/include --include_source_info --include_imports " % _PROTOC +
              "--descriptor_set_out=$@ $(SRCS)",
        tools = [_PROTOC],
        visibility = visibility,
    )
