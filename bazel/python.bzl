"""Python tests without Bazel's Python rules, which want a `python` that Debian does not have."""

def python_test(name, src, data = [], size = "small", **kwargs):
    """Runs the unittest cases of one file, with the root of the repository on the path.

    Args:
      name: name of the test
      src: the file with the cases
      data: what the file imports or reads
      size: as everywhere
      **kwargs: passed to sh_test
    """
    module = "%s/%s" % (native.package_name(), src[:-len(".py")])
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//bazel:python_test.sh"],
        args = [module.replace("/", ".")],
        data = data + [src],
        **kwargs
    )
