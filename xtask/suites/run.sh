#!/bin/bash
# The foundation tests of the reference's black-box suites against the programs in a folder; docs/suites.md says
# what comes of it.
#
#   SUITES=FOLDER REFERENCE=FOLDER xtask/suites/run.sh PROGRAMS [TEST ...]
#
# SUITES holds the compiled suites, common.test and e2e.test; REFERENCE is its source tree, where the tests look for their certificates; PROGRAMS holds etcd,
# etcdctl and etcdutl. KINDS=one (the default) runs only the kind of cluster that has one member and no TLS
# where a test runs once a kind, KINDS=all every kind. Prints a line a test; the logs go to $LOGS.
set -u
: "${SUITES:?folder of common.test and e2e.test}" "${REFERENCE:?source tree of the reference}"
programs=$(realpath "${1:?folder of the programs}")
shift
logs=${LOGS:-$(mktemp -d)}
mkdir -p "$logs"
logs=$(realpath "$logs")
suites=$(realpath "$SUITES")
export E2E_TEST_MINIMAL=1

# Test, suite, and the subtests that need one member without TLS.
tests='
TestCompact common .*
TestEndpointStatus common .*
TestEndpointHashKV common .*
TestEndpointHealth common .*
TestVerifyHashKVAfterCompact common .*
TestVerifyHashKVAfterTwoCompactsOnTombstone common .*
TestVerifyHashKVAfterCompactOnLastTombstone common .*
TestKVPut common NoTLS
TestKVGet common NoTLS
TestKVGetStream common NoTLS
TestKVDelete common NoTLS
TestKVGetNoQuorum common .*
TestLeaseGrantTimeToLive common NoTLS
TestLeaseGrantAndList common NoTLS
TestLeaseGrantTimeToLiveExpired common NoTLS
TestLeaseGrantKeepAliveOnce common NoTLS
TestLeaseGrantRevoke common NoTLS
TestStatus common NoTLS
TestTxnSucc common NoTLS
TestTxnFail common NoTLS
TestWatch common NoTLS
TestReproduce20340 e2e .*
TestTxnRangeConsistency e2e .*
TestWatchDelayForPeriodicProgressNotification e2e .*NoTLS
TestWatchDelayForManualProgressNotification e2e .*NoTLS
TestWatchDelayForEvent e2e .*NoTLS
TestDeleteEventDrop_Issue18089 e2e .*
TestStartWatcherFromCompactedRevision e2e .*
'

failed=0
while read -r name suite subtests; do
    [ -z "$name" ] && continue
    [ $# -gt 0 ] && [[ " $* " != *" $name "* ]] && continue
    pattern="^$name\$"
    [ "${KINDS:-one}" = one ] && pattern+="/^$subtests\$"
    cd "$REFERENCE/tests/$suite" || exit 1
    timeout -k 5 200 "$suites/$suite.test" -test.run "$pattern" -test.v -test.timeout 180s \
        --bin-dir="$programs" </dev/null >"$logs/$name.log" 2>&1
    result=$?
    count() { grep -cE "^ *--- $1:" "$logs/$name.log"; }
    verdict=pass
    [ $result = 0 ] || { verdict=FAIL; failed=1; }
    echo "$verdict $suite $name ($(count PASS) passed, $(count FAIL) failed, $(count SKIP) skipped)"
done <<<"$tests"
echo "logs: $logs"
exit $failed
