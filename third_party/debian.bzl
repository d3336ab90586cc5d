"""Presents what Debian installed under the labels that upstream uses.

`debian_repository` makes a repository out of packages that are on the machine: it checks that each
is installed in the version pinned in //tools:packages.txt, lays down build files, and links the
files (such as code generators) that targets name. Headers and libraries stay where Debian put them,
in the compiler's own search path.

`debian_source_repository` unpacks the upstream tarball of a Debian source package, which
tools/install has put into a folder outside the checkout, after checking its SHA-256.
"""

_PACKAGES = Label("//tools:packages.txt")

def _entries(rctx, kinds):
    """The lines of packages.txt of these kinds, split into words, by package name."""
    entries = {}
    for line in rctx.read(rctx.path(_PACKAGES)).split("\n"):
        words = [word for word in line.split(" ") if word]
        if words and words[0] in kinds:
            entries[words[1]] = words
    return entries

def _upstream_version(version):
    """A Debian version without its epoch and Debian revision."""
    version = version.split(":", 1)[-1]
    return version.rpartition("-")[0] or version

def _installed_version(rctx, package):
    query = rctx.execute(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package])
    status, _, version = query.stdout.partition(" ")
    return version if query.return_code == 0 and status == "installed" else None

def _check_package(rctx, package, entries):
    if package not in entries:
        fail("%s is not listed in tools/packages.txt" % package)
    pinned = entries[package][2] if len(entries[package]) > 2 else None
    version = _installed_version(rctx, package)
    if version == None:
        fail("\n\n*** The Debian package %s is not installed: run tools/install\n" % package)
    if pinned and _upstream_version(version) != pinned:
        fail("\n\n*** %s %s is installed, but Packetboat is pinned to %s: see tools/packages.txt\n" %
             (package, version, pinned))

def _debian_repository_impl(rctx):
    entries = _entries(rctx, ["build"])
    for package in rctx.attr.packages:
        _check_package(rctx, package, entries)
    if rctx.attr.build_file:
        rctx.symlink(rctx.attr.build_file, "BUILD.bazel")
    for path, content in rctx.attr.contents.items():
        rctx.file(path, content, executable = False)
    for label, path in rctx.attr.files.items():
        rctx.symlink(label, path)
    for path, target in rctx.attr.links.items():
        rctx.symlink(target, path)

debian_repository = repository_rule(
    implementation = _debian_repository_impl,
    attrs = {
        "packages": attr.string_list(doc = "Packages that must be installed, as pinned."),
        "build_file": attr.label(doc = "The build file of the root package.", allow_single_file = True),
        "contents": attr.string_dict(doc = "Path in the repository to the text of the file."),
        "files": attr.label_keyed_string_dict(doc = "File of ours to its path in the repository.", allow_files = True),
        "links": attr.string_dict(doc = "Path in the repository to an absolute path on the machine."),
    },
    doc = "Installed Debian packages under upstream's labels.",
    local = True,
)

def _sources_folder(rctx):
    """Where tools/install keeps tarballs; the same rule stands in tools/install."""
    environ = rctx.os.environ
    if environ.get("PACKETBOAT_SOURCES"):
        return environ["PACKETBOAT_SOURCES"]
    cache = environ.get("XDG_CACHE_HOME") or environ.get("HOME", "/root") + "/.cache"
    return cache + "/packetboat/sources"

def _unpack(rctx, package):
    entries = _entries(rctx, ["source"])
    _, _, version, tarball, sha256 = entries[package]
    path = "%s/%s" % (_sources_folder(rctx), tarball)
    if not rctx.path(path).exists:
        fail("\n\n*** %s (source package %s %s) is missing: run tools/install\n" % (path, package, version))
    rctx.download_and_extract(
        url = "file://" + path,
        sha256 = sha256,
        stripPrefix = rctx.attr.strip_prefix,
    )

def _derive(rctx, path, text):
    for old, new in rctx.attr.substitutions.items():
        text = text.replace(old, new)
    prefix = rctx.attr.dropped_lines.get(path)
    if prefix:
        text = "\n".join([line for line in text.split("\n") if not line.startswith(prefix)])
    return text

def _debian_source_repository_impl(rctx):
    _unpack(rctx, rctx.attr.package)
    rctx.file("WORKSPACE", "workspace(name = \"%s\")\n" % rctx.name, executable = False)
    if rctx.attr.build_file:
        rctx.file("BUILD.bazel", rctx.read(rctx.attr.build_file), executable = False)
    for label, path in rctx.attr.files.items():
        rctx.file(path, rctx.read(label), executable = False)
    for path, source in rctx.attr.derived.items():
        rctx.file(path, _derive(rctx, path, rctx.read(source)), executable = False)

debian_source_repository = repository_rule(
    implementation = _debian_source_repository_impl,
    attrs = {
        "package": attr.string(mandatory = True, doc = "Name of the Debian source package."),
        "strip_prefix": attr.string(doc = "Leading folder of the tarball to drop."),
        "build_file": attr.label(doc = "Build file, when upstream has none.", allow_single_file = True),
        "files": attr.label_keyed_string_dict(doc = "File of ours to its path in the repository.", allow_files = True),
        "derived": attr.string_dict(doc = "File to write to the unpacked file that it is made from."),
        "substitutions": attr.string_dict(doc = "Text replacements in derived files."),
        "dropped_lines": attr.string_dict(doc = "Derived file to the prefix of lines that it leaves out."),
    },
    environ = ["HOME", "PACKETBOAT_SOURCES", "XDG_CACHE_HOME"],
    doc = "The upstream tarball of a Debian source package.",
)
