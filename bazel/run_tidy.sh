#!/bin/bash
# run_tidy.sh CLANG_TIDY REPORT ARGUMENT...: runs clang-tidy, prints its report only if it objects.
clang_tidy=$1 report=$2
shift 2
if "$clang_tidy" "$@" >"$report" 2>"$report.err"; then exit 0; fi
cat "$report" >&2
grep -vE '^[0-9]+ warnings? ' "$report.err" >&2
exit 1
